"""A whole cdpwatch of plain processes that a drill may treat badly, and the truth to compare with.

Whom the drill kills stays dead until it starts them again; who ends by itself, for its broker said
an error that Celery does not outlive, is started again as its unit would. Turns last seconds
(tests/drills/fast.py) and leases three of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis

from cdpwatch.bootstrap import ROOT
from cdpwatch.demo.server import running
from cdpwatch.demo.slack import HOOK_PATH
from cdpwatch.programs import broker, doors

LEASE = 3.0  # seconds
PATIENCE = 90.0
SETTLES_AFTER = timedelta(minutes=20)  # after midnight the demo bills the day that is over
PLENTY = {"": 1_000_000, "/events/volume": 1_000_000}
OVERAGE = "over the contract"  # the words of the alert that every drill expects
INSIDE = [sys.executable, "-m", "tests.drills.inside"]
COMMANDS = {program.name: list(program.command) for program in doors("127.0.0.1", 0)}


class Failed(AssertionError):
    """What the drill found wrong."""


@dataclass
class Rig:
    """One copy: its folder, its programs, its database and broker."""

    folder: Path
    demo_url: str
    database: str
    broker_binary: str
    lease: float = LEASE
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)  # programs that are started again

    # --- programs -------------------------------------------------------------------------
    @property
    def socket(self) -> Path:
        return self.folder / "broker.sock"

    @property
    def armed(self) -> Path:
        return self.folder / "armed"

    @property
    def env(self) -> dict[str, str]:
        ours = ("CDPWATCH_", "SEGMENT_", "SLACK_", "DATABASE_", "REDIS_", "DJANGO_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {
            **kept,
            "DJANGO_SETTINGS_MODULE": "cdpwatch.settings",
            "CDPWATCH_DATA_DIR": str(self.folder),
            "CDPWATCH_ALLOW_LOOPBACK": "1",
            "CDPWATCH_LEASE": str(self.lease),
            "CDPWATCH_RATE_SHARE": "1000",
            "CDPWATCH_FAILPOINT": str(self.armed),
            "SEGMENT_API_URL": self.demo_url,
            "SEGMENT_API_TOKEN": "demo-token",
            "SLACK_WEBHOOK_URL": self.demo_url + HOOK_PATH,
            "DATABASE_URL": self.database,
            "REDIS_URL": f"unix://{self.socket}?db=0",
        }

    def start_broker(self) -> None:
        self._run("broker", list(broker(self.broker_binary, self.socket, self.folder).command))
        until(self.socket.exists, "the broker listens", 20)

    def start(self, *names: str) -> None:
        """Start workers or beat: `worker`, `alerts`, `beat`; `beat 2` is another beat."""
        for name in names:
            self.kept.add(name)
            words = COMMANDS[name.split()[0]]
            self._run(name, [word if word != "tasks" else "tests.drills.fast" for word in words])

    def start_all(self) -> None:
        self.start("worker", "alerts", "beat")

    def _run(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.children[name] = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=log, stderr=log, process_group=0
            )

    def kill(self, *names: str) -> None:
        """kill -9 of whole groups, pool and all."""
        self.kept -= set(names)
        for name in names:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.children[name].pid, signal.SIGKILL)
            process = self.children[name]
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()

    def terminate(self, *names: str) -> float:
        """SIGTERM, as a deployment does. Seconds until the slowest had ended."""
        began = time.monotonic()
        self.kept -= set(names)
        for name in names:
            self.children[name].terminate()
        for name in names:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.children[name].wait(45)
            check(self.children[name].poll() is not None, f"{name} did not end in 45 s")
        return time.monotonic() - began

    def close(self) -> None:
        self.kill(*self.children)

    # --- failpoints -----------------------------------------------------------------------
    def arm(self, point: str, passes: int = 1, signal_name: str = "SIGKILL") -> None:
        draft = self.folder / "armed.draft"
        draft.write_text(f"{point}|{passes}|{signal_name}")
        draft.rename(self.armed)

    def fired(self, seconds: float = PATIENCE) -> int:
        """The process that has met the failpoint. It waits for that."""

        def found() -> list[Path]:
            return [p for p in self.folder.glob("armed.*") if p.suffix[1:].isdigit()]

        until(lambda: bool(found()), "a process met the failpoint", seconds)
        path = found()[0]
        path.unlink()
        return int(path.suffix[1:])

    # --- looking --------------------------------------------------------------------------
    def prepare(self) -> None:
        done = subprocess.run([*INSIDE, "prepare"], cwd=ROOT, env=self.env, capture_output=True)
        check(done.returncode == 0, done.stderr.decode()[-2000:])

    def look(self) -> dict[str, Any]:
        """What is stored now."""
        if "look" not in self.children:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self.children["look"] = subprocess.Popen(
                [*INSIDE, "look"], cwd=ROOT, env=self.env, process_group=0, **pipes
            )
        while not (seen := self._asked(self.children["look"])):
            time.sleep(0.5)
        return seen

    def _asked(self, eye: subprocess.Popen[bytes]) -> dict[str, Any] | None:
        assert eye.stdin and eye.stdout
        eye.stdin.write(b"look\n")
        eye.stdin.flush()
        seen: dict[str, Any] | None = json.loads(eye.stdout.readline())
        return seen

    def redis(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket))

    def sql(self, statement: str) -> None:
        """One statement on PostgreSQL, as its owner."""
        with connected(self.database) as connection:
            connection.execute(statement)

    def fault(self, path: str, kind: str, seconds: float, times: int) -> None:
        fault = {"path_prefix": path, "kind": kind, "seconds": seconds, "times": times}
        httpx.post(f"{self.demo_url}/_demo/faults", json=fault).raise_for_status()

    def heal(self) -> None:
        httpx.delete(f"{self.demo_url}/_demo/faults").raise_for_status()

    def messages(self) -> list[str]:
        rows = httpx.get(f"{self.demo_url}/slack/messages.json").json()
        return [row["message"]["text"] for row in rows]

    def truth(self) -> dict[str, int]:
        """Calls by day and source of every settled day of this month and the last."""
        now = datetime.now(UTC)
        first = (now.replace(day=1) - timedelta(days=1)).replace(day=1).date()
        settled = (now - SETTLES_AFTER).date().isoformat()
        answer = httpx.get(
            f"{self.demo_url}/_demo/truth.json", params={"from": first, "to": now.date()}
        )
        rows = answer.raise_for_status().json()["calls"]
        return {
            f"{row['day']} {row['source_id']}": row["calls"] for row in rows if row["day"] < settled
        }

    # --- the verdict ----------------------------------------------------------------------
    def converge(self, since: datetime, *, duplicates: int = 0) -> None:
        """After the fault: good turns begun since then, all told, nothing lost, nothing twice."""
        until(lambda: not self._missing(since), lambda: self._missing(since), PATIENCE)
        self.terminate(*(name for name in ("beat", "beat 2", "worker", "alerts") if self._up(name)))
        self.verdict(duplicates)

    def _up(self, name: str) -> bool:
        return name in self.children and self.children[name].poll() is None

    def _missing(self, since: datetime) -> str:
        """What is not yet as it should be; "" when nothing is."""
        self.start(*(name for name in sorted(self.kept) if not self._up(name)))
        seen = self.look()
        fresh = [run for run in seen["runs"] if run["started_at"] > str(since)]
        for poller in ("usage", "volume"):
            if not any(run["poller"] == poller and run["state"] == "good" for run in fresh):
                return f"no good {poller} turn since {since:%H:%M:%S}: {fresh[-3:]}"
        if not seen["deliveries"] or any(row[2] != "sent" for row in seen["deliveries"]):
            return f"deliveries {seen['deliveries']}"
        return ""

    def verdict(self, duplicates: int = 0) -> None:
        """Every program has ended: counts, alerts, messages and runs are what they should be."""
        seen, truth = self.look(), self.truth()
        check(not seen["broken"], f"the file is broken: {seen['broken']}")
        wrong = {key: (seen["billed"].get(key), calls) for key, calls in truth.items()}
        wrong = {key: pair for key, pair in wrong.items() if pair[0] != pair[1]}
        check(not wrong, f"billed, as stored and as it is: {dict(list(wrong.items())[:3])}")
        month = datetime.now(UTC).strftime("%Y-%m")
        live = {key: calls for key, calls in truth.items() if key.startswith(month)}
        wrong = {k: (seen["live"].get(k, 0), v) for k, v in live.items()}
        wrong = {key: pair for key, pair in wrong.items() if pair[0] != pair[1]}
        check(not wrong, f"live, as stored and as it is: {dict(list(wrong.items())[:3])}")
        # Two turns missed are seconds here: that somebody was blind for so long is true as well.
        alerts = [alert for alert in seen["alerts"] if not alert[0].startswith("blind:")]
        check(alerts == [[f"overage:{month}-01", "open"]], f"alerts {alerts}")
        messages = sum(OVERAGE in message for message in self.messages())
        check(1 <= messages <= 1 + duplicates, f"{messages} messages")
        check(not [r for r in seen["runs"] if r["state"] == "running"], "a run is left running")


@contextlib.contextmanager
def demo() -> Iterator[str]:
    with running(per_minute=PLENTY) as url:
        yield url


def connected(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection to the database that Django knows as `url`, past Django."""
    user, _, rest = url.partition("://")[2].partition("@")
    folder, _, name = rest.rpartition("/")
    host = f"/{folder.lstrip('/')}"
    return psycopg.connect(host=host, user=user, dbname=name, autocommit=True)


def check(true: bool, said: str) -> None:
    if not true:
        raise Failed(said)


def until(
    look: Callable[[], bool], what: str | Callable[[], str], seconds: float = PATIENCE
) -> float:
    """Wait until `look` is true. Seconds that it took; raises Failed after `seconds`."""
    began = time.monotonic()
    while not look():
        if time.monotonic() - began > seconds:
            raise Failed(f"not in {seconds:.0f} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.3)
    return time.monotonic() - began
