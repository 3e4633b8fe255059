"""The supervisor: its decisions alone, then with real, tiny children."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cdpwatch.supervisor import (
    LONGEST_WAIT,
    STEADY,
    Journal,
    Program,
    Supervisor,
    backoff,
    failures_now,
    how_it_ended,
    printable,
)

PATIENCE = 15.0  # seconds; what is waited for takes a second or two


def test_it_waits_longer_each_time_up_to_a_limit() -> None:
    assert [backoff(failures) for failures in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert backoff(6) == backoff(10_000) == LONGEST_WAIT


def test_it_counts_failures_in_a_row_and_forgets_them_after_a_steady_run() -> None:
    assert failures_now(0, ran_for=0.1) == 1
    assert failures_now(4, ran_for=STEADY - 1) == 5
    assert failures_now(4, ran_for=STEADY) == 1


def test_it_says_in_words_how_a_program_ended() -> None:
    assert how_it_ended(3) == "exit 3"
    assert how_it_ended(-signal.SIGKILL) == "killed by SIGKILL"


def test_it_lets_no_control_character_through_to_the_terminal() -> None:
    assert printable("Prod\x1b[2J - App\tü") == "Prod?[2J - App\tü"


def test_it_writes_each_line_behind_its_name_and_into_a_log_of_its_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "logs", out=io.StringIO())
    journal.write("web", "listening")
    journal.close()
    assert journal.out.getvalue() == "web    | listening\n"  # type: ignore[attr-defined]
    assert (tmp_path / "logs" / "web.log").read_text() == "listening\n"


def test_it_keeps_what_signs_in_out_of_the_logs(tmp_path: Path) -> None:
    journal = Journal(tmp_path, out=io.StringIO())
    Supervisor(journal).show("sign in with hunter2")
    assert "hunter2" in journal.out.getvalue()  # type: ignore[attr-defined]
    assert not list(tmp_path.iterdir())


@pytest.fixture
def pids() -> dict[str, int]:
    return {}


@pytest.fixture
def supervisor(tmp_path: Path, pids: dict[str, int]) -> Iterator[Supervisor]:
    supervisor = Supervisor(Journal(tmp_path, out=io.StringIO()), noted=pids.update)
    yield supervisor
    supervisor.stop()


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


SLEEPER = python("import time; print('ready', flush=True); time.sleep(60)")


def log_of(tmp_path: Path, name: str) -> str:
    path = tmp_path / f"{name}.log"
    return path.read_text() if path.exists() else ""


def is_gone(pid: int) -> bool:
    """True when no such process is left, or only its entry waiting to be read."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def eventually(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    return is_so()


@pytest.mark.system
def test_it_starts_a_killed_program_again(
    supervisor: Supervisor, pids: dict[str, int], tmp_path: Path
) -> None:
    supervisor.start(Program("web", SLEEPER))
    first = pids["web"]
    assert supervisor.wait_until(lambda: "ready" in log_of(tmp_path, "web"), PATIENCE)
    os.kill(first, signal.SIGKILL)
    assert supervisor.wait_until(lambda: pids["web"] != first, PATIENCE)
    assert "web ended (killed by SIGKILL)" in log_of(tmp_path, "up")
    assert is_gone(first)


@pytest.mark.system
def test_it_keeps_the_last_words_of_a_program(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(Program("beat", python("import sys; sys.stderr.write('no broker')")))
    assert supervisor.wait_until(lambda: "beat ended" in log_of(tmp_path, "up"), PATIENCE)
    assert log_of(tmp_path, "beat") == "no broker\n"


@pytest.mark.system
def test_it_ends_what_a_killed_program_leaves_behind(
    supervisor: Supervisor, pids: dict[str, int], tmp_path: Path
) -> None:
    supervisor.start(
        Program(
            "web",
            python(
                """
                import subprocess, sys, time
                print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid,
                      flush=True)
                time.sleep(60)
                """
            ),
        )
    )
    assert supervisor.wait_until(lambda: log_of(tmp_path, "web") != "", PATIENCE)
    left_behind = int(log_of(tmp_path, "web").split()[0])
    os.kill(pids["web"], signal.SIGKILL)
    assert supervisor.wait_until(lambda: is_gone(left_behind), PATIENCE)


@pytest.mark.system
def test_it_stops_the_lower_wave_before_the_higher_one(tmp_path: Path) -> None:
    polite = """
        import signal, sys, time
        def stop(number, frame):
            time.sleep({slow})
            print("bye", time.monotonic(), flush=True)
            sys.exit()
        signal.signal(signal.SIGTERM, stop)
        print("ready", flush=True)
        time.sleep(60)
    """
    supervisor = Supervisor(Journal(tmp_path, out=io.StringIO()))
    supervisor.start(Program("broker", python(polite.format(slow=0)), wave=1))
    supervisor.start(Program("worker", python(polite.format(slow=0.3)), wave=0))
    for name in ("broker", "worker"):
        assert supervisor.wait_until(lambda name=name: "ready" in log_of(tmp_path, name), PATIENCE)
    supervisor.stop()
    said_bye = [float(log_of(tmp_path, name).split()[-1]) for name in ("worker", "broker")]
    assert said_bye == sorted(said_bye)


SUPERVISED = """
    import sys
    from pathlib import Path
    from cdpwatch.supervisor import Journal, Program, Supervisor
    folder = Path(sys.argv[1])
    def note(pids):
        (folder / "pids.fresh").write_text(" ".join(str(pid) for pid in pids.values()))
        (folder / "pids.fresh").replace(folder / "pids")
    supervisor = Supervisor(Journal(folder), noted=note)
    supervisor.listen()
    for name in ("web", "worker"):
        supervisor.start(Program(name, [sys.executable, "-c", sys.argv[2]]))
    supervisor.run()
    supervisor.stop()
"""


@pytest.fixture
def supervising(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """A supervisor in a process of its own, and the ids of its two children."""
    command = [*python(SUPERVISED), str(tmp_path), SLEEPER[-1]]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        names = ("web", "worker")
        assert eventually(lambda: all("ready" in log_of(tmp_path, name) for name in names))
        yield process, [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        process.kill()


@pytest.mark.system
def test_it_ends_cleanly_with_all_its_children(
    supervising: tuple[subprocess.Popen[bytes], list[int]],
) -> None:
    process, pids = supervising
    process.terminate()
    assert process.wait(PATIENCE) == 0
    assert len(pids) == 2
    assert all(is_gone(pid) for pid in pids)


@pytest.mark.system
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a death")
def test_it_takes_its_children_along_when_killed(
    supervising: tuple[subprocess.Popen[bytes], list[int]],
) -> None:
    process, pids = supervising
    process.kill()
    assert eventually(lambda: all(is_gone(pid) for pid in pids))
