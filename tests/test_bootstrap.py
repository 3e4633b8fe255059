"""The set-up of `.venv`, with a stand-in for Python and for uv: nothing is fetched."""

from __future__ import annotations

import ast
import fcntl
import os
from pathlib import Path

import pytest

from cdpwatch import bootstrap
from cdpwatch.bootstrap import DEV_LOCK, ROOT, RUN_LOCK, SetupError, Venv

# Notes each call; fails where a word of FAILING occurs in it.
STAND_IN = """#!/bin/sh
echo "$0 $*" >> "{calls}"
for word in $FAILING; do
  case "$0 $*" in *"$word"*) echo "$SAYING"; exit 1;; esac
done
"""


class Machine:
    """A folder with lock files, a stand-in venv, and a stand-in uv on PATH."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.calls = folder / "calls"
        self.venv = Venv(folder / ".venv")
        self.lock = folder / RUN_LOCK
        for name in (RUN_LOCK, DEV_LOCK, bootstrap.UV_LOCK):
            (folder / name).write_text(f"# {name}\n")
        self.put(self.venv.python)
        self.put(folder / "bin" / "uv")
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
        monkeypatch.delenv("CDPWATCH_NO_UV", raising=False)

    def put(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(STAND_IN.format(calls=self.calls))
        path.chmod(0o755)

    def fail(self, *words: str, saying: str = "no such thing") -> None:
        self.monkeypatch.setenv("FAILING", " ".join(words))
        self.monkeypatch.setenv("SAYING", saying)

    def called(self, words: str) -> bool:
        return self.calls.exists() and words in self.calls.read_text()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_it_says_in_one_sentence_that_python_is_too_old() -> None:
    source = (ROOT / "manage.py").read_text()
    ast.parse(source, feature_version=(3, 4))  # an old Python gets as far as the sentence
    assert source.index("cdpwatch needs Python 3.11") < source.index("import bootstrap")


def test_it_turns_demo_into_an_environment_variable_for_every_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CDPWATCH_DEMO", "0")
    assert bootstrap.take_demo_flag(["manage.py", "--demo", "poll"]) == ["manage.py", "poll"]
    assert os.environ["CDPWATCH_DEMO"] == "1"


@pytest.mark.parametrize(
    ("words", "lock"),
    [([], RUN_LOCK), (["up"], RUN_LOCK), (["test", "-x"], DEV_LOCK), (["verify"], DEV_LOCK)],
)
def test_it_takes_the_dev_set_for_checks_only(words: list[str], lock: str) -> None:
    assert bootstrap.lock_name_for(["manage.py", *words]) == lock


def test_it_names_wsl_on_windows(machine: Machine) -> None:
    with pytest.raises(SetupError, match="WSL2"):
        bootstrap.prepare(machine.venv, machine.lock, "win32")


def test_it_installs_by_uv_with_hashes_and_stamps(machine: Machine) -> None:
    bootstrap.fill(machine.venv, machine.lock)
    assert machine.called("bin/uv pip install --require-hashes")
    assert machine.venv.is_ready(machine.lock)
    assert not machine.venv.is_ready(machine.folder / DEV_LOCK)


def test_it_knows_that_the_dev_set_holds_the_run_set(machine: Machine) -> None:
    bootstrap.fill(machine.venv, machine.folder / DEV_LOCK)
    assert machine.venv.is_ready(machine.lock)


def test_it_is_not_ready_once_the_lock_changes(machine: Machine) -> None:
    bootstrap.fill(machine.venv, machine.lock)
    machine.lock.write_text("django==6\n")
    assert not machine.venv.is_ready(machine.lock)


def test_it_falls_back_to_pip_where_uv_fails(machine: Machine) -> None:
    machine.fail("bin/uv")
    bootstrap.fill(machine.venv, machine.lock)
    assert machine.called("-m pip install --require-hashes")
    assert machine.venv.is_ready(machine.lock)


def test_it_leaves_uv_alone_when_told_to(machine: Machine) -> None:
    machine.monkeypatch.setenv("CDPWATCH_NO_UV", "1")
    bootstrap.fill(machine.venv, machine.lock)
    assert not machine.called("bin/uv")


def test_it_leaves_no_stamp_and_shows_the_end_of_the_log_where_all_fails(machine: Machine) -> None:
    machine.venv.stamp(RUN_LOCK).write_text("of an earlier install")
    machine.fail("install", saying="hash mismatch for django")
    with pytest.raises(SetupError, match=r"(?s)hash mismatch for django.*install\.log"):
        bootstrap.fill(machine.venv, machine.lock)
    assert not machine.venv.stamp(RUN_LOCK).exists()


def test_it_says_that_there_is_no_network(machine: Machine) -> None:
    machine.fail("install", saying="Temporary failure in name resolution")
    with pytest.raises(SetupError, match="^No network: .* run the same command again.$"):
        bootstrap.fill(machine.venv, machine.lock)


def test_it_names_the_package_that_brings_ensurepip(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(machine.venv.python))  # one without pip
    monkeypatch.setenv("CDPWATCH_NO_UV", "1")
    machine.fail("pip")
    with pytest.raises(SetupError, match="sudo apt install python3-venv"):
        bootstrap.fill(machine.venv, machine.lock)


def test_it_makes_a_half_made_venv_anew(tmp_path: Path) -> None:
    venv = Venv(tmp_path / ".venv")
    (venv.home / "lib").mkdir(parents=True)
    left_over = venv.home / "lib" / "half"
    left_over.touch()
    assert not venv.is_sound()
    bootstrap.make(venv)
    assert venv.python.exists()
    assert not left_over.exists()


def test_it_does_not_trust_a_stamp_without_a_working_python(machine: Machine) -> None:
    machine.venv.stamp(RUN_LOCK).touch()
    assert machine.venv.is_sound()
    machine.venv.python.unlink()
    assert not machine.venv.is_sound()


def test_it_lets_one_set_up_work_at_a_time(tmp_path: Path) -> None:
    with bootstrap.only_one_setup(tmp_path):
        handle = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)


def test_it_keeps_installers_inside_the_venv() -> None:
    env = bootstrap.installer_env({"PIP_TARGET": "/elsewhere", "HOME": "/root"})
    assert "PIP_TARGET" not in env
    assert env["HOME"] == "/root"
    assert env["UV_PYTHON_DOWNLOADS"] == "never"


def pins(name: str) -> set[str]:
    return {line.split()[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}


def test_its_dev_lock_holds_all_of_its_run_lock() -> None:
    assert pins(RUN_LOCK)
    assert pins(RUN_LOCK) <= pins(DEV_LOCK)


@pytest.mark.parametrize("name", [RUN_LOCK, DEV_LOCK, bootstrap.UV_LOCK])
def test_its_locks_carry_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text
    assert "--index" not in text
