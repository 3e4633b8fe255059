"""One running copy of cdpwatch, as a person at its terminal and in its pages meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

from cdpwatch.bootstrap import ROOT
from cdpwatch.machine import free_port

PATIENCE = 120.0  # seconds
T = TypeVar("T")


def until(look: Callable[[], T], seconds: float = PATIENCE, every: float = 0.2) -> T:
    """What `look` gives once it is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"still {seen!r} after {seconds:.0f} s"
        time.sleep(every)
    return seen


class Copy:
    """`up --demo` on a port and a data folder of its own, with `more` in its environment."""

    def __init__(self, data_dir: Path, **more: str) -> None:
        self.data_dir = data_dir
        self.port = free_port(0)
        self.env = {**environment(data_dir, self.port), **more}
        self.output = data_dir / "output"
        self._clients = ExitStack()
        with self.output.open("a") as output:
            command = [sys.executable, str(ROOT / "manage.py"), "up", "--demo"]
            self.process = subprocess.Popen(command, env=self.env, stdout=output, stderr=output)

    # --- the terminal ---------------------------------------------------------------------
    def manage(self, *command: str) -> str:
        """What a command prints that is run beside the copy, on its data."""
        return manage(self.env, *command)

    def wait_for_pages(self) -> None:
        self._until_alive(lambda: "sign in as demo" in self.output.read_text())

    def wait_for_history(self) -> None:
        """Until every month of the past is read, as `up` says by itself."""
        self._until_alive(lambda: "All of the history is read" in self.output.read_text(), 240)

    def wait_for_counts(self) -> None:
        """Until every poller has read this month."""
        self._until_alive(self._has_counts)

    def _has_counts(self) -> bool:
        pollers = self.status()["pollers"].values()
        return bool(pollers) and all(each["age_seconds"] is not None for each in pollers)

    def _until_alive(self, look: Callable[[], bool], seconds: float = PATIENCE) -> None:
        until(lambda: look() or self.process.poll() is not None, seconds)
        assert self.process.poll() is None, self.output.read_text()

    def stop(self) -> int:
        """Ctrl-C. The exit code."""
        self._clients.close()
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    # --- its programs ---------------------------------------------------------------------
    def notes(self) -> dict[str, Any]:
        path = self.data_dir / "demo" / "run.json"
        noted: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return noted

    def kill(self, program: str) -> None:
        """kill -9, and wait until the supervisor has started it again."""
        pid = self.notes()["programs"][program]
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.notes()["programs"].get(program, pid) != pid)

    def leftovers(self) -> list[str]:
        """Programs of this copy that still run, whoever their parent is (Linux)."""
        mark = f"CDPWATCH_DATA_DIR={self.data_dir}".encode()
        return [
            str(path.parent) for path in Path("/proc").glob("[0-9]*/environ") if _has(path, mark)
        ]

    # --- what machines ask ----------------------------------------------------------------
    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def demo_url(self) -> str:
        return (self.data_dir / "demo" / "demo-url").read_text()

    def client(self, url: str) -> httpx.Client:
        """A client that is closed with the copy."""
        client = httpx.Client(base_url=url, follow_redirects=True, trust_env=False, timeout=30)
        return self._clients.enter_context(client)

    def answers(self) -> bool:
        """Whether the web server says that it is well."""
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(
            f"{self.url}/statusz", trust_env=False, timeout=30
        ).json()
        return answer

    def wait_for_sign_of_life(self) -> None:
        """Until beat and both workers have done something after this moment, and all is well."""
        begun = datetime.now(UTC)

        def alive() -> bool:
            status = self.status()
            passed = (datetime.now(UTC) - begun).total_seconds()
            ages = [status[name]["age_seconds"] for name in ("beat", "worker", "alerts")]
            return status["state"] == "ok" and all(age is not None and age < passed for age in ages)

        until(alive, 90)

    def usage(self, first: str) -> list[dict[str, Any]]:
        """The rows that `export usage` gives since `first`."""
        printed = self.manage("export", "usage", "--from", first, "--format", "json", "--demo")
        rows: list[dict[str, Any]] = json.loads(printed)
        return rows


class Workspace:
    """The demo workspace that a copy watches: its truth, its faults, its Slack."""

    def __init__(self, client: httpx.Client) -> None:
        self._http = client

    def fault(self, path_prefix: str, kind: str, seconds: float) -> None:
        fault = {"path_prefix": path_prefix, "kind": kind, "seconds": seconds, "times": 1}
        self._http.post("/_demo/faults", json=fault).raise_for_status()

    def has_met_its_fault(self) -> bool:
        return not self._http.get("/_demo/state.json").json()["faults"]

    def leak(self, name: str, on: bool) -> None:
        self._http.post(f"/_demo/leaks/{name}", json={"on": str(int(on))}).raise_for_status()

    def calls(self, source: str, call_type: str, since: datetime) -> int:
        """Live calls of one source and type, up to the minute to which cdpwatch reads by now."""
        upto = datetime.now(UTC) - timedelta(minutes=1)
        query = {
            "granularity": "MINUTE",
            "startTime": f"{since:%Y-%m-%dT%H:%M:00Z}",
            "endTime": f"{upto:%Y-%m-%dT%H:%M:00Z}",
            "groupBy.0": "source",
            "eventType.0": call_type,
        }
        token = {"Authorization": "Bearer demo-token"}
        answer = self._http.get("/events/volume", params=query, headers=token).raise_for_status()
        rows = answer.json()["data"]["result"]
        return sum(row["total"] for row in rows if row["source"]["name"] == source)

    def truth(self, first: str) -> list[dict[str, Any]]:
        """Calls by source and day from `first` to now."""
        span = {"from": first, "to": f"{datetime.now(UTC):%Y-%m-%d}"}
        rows: list[dict[str, Any]] = self._http.get("/_demo/truth.json", params=span).json()[
            "calls"
        ]
        return rows

    def messages(self, *words: str) -> list[str]:
        """The texts in Slack that hold all `words`, oldest first."""
        rows = self._http.get("/slack/messages.json").json()
        texts = [row["message"]["text"] for row in reversed(rows)]
        return [text for text in texts if all(word in text for word in words)]


class Person:
    """Somebody signed in, as a browser would be: with a session and the forms' tokens."""

    def __init__(self, copy: Copy) -> None:
        self.http = copy.client(copy.url)
        secret = demo_password(copy.data_dir)
        answer = self.post("/login/", "/login/", username="demo", password=secret)
        assert answer.url.path == "/", "the password was not taken"

    def post(self, page: str, action: str, **fields: str) -> httpx.Response:
        """Send the form of `page` that goes to `action`."""
        token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', self.read(page))
        assert token, f"{page} has no form"
        answer = self.http.post(action, data={"csrfmiddlewaretoken": token[1], **fields})
        return answer.raise_for_status()

    def read(self, page: str) -> str:
        return self.http.get(page).raise_for_status().text

    def poll_now(self, poller: str = "") -> None:
        """The button of the health page, until the worker has answered."""
        self.ask_for_poll(poller)
        waits = re.search('data-poll-url="([^"]+)"', self.read("/health/"))
        if waits:
            until(lambda: self.http.get(waits[1]).json()["done"], 90)

    def ask_for_poll(self, poller: str) -> None:
        self.post("/health/", "/health/poll/", poller=poller)


def environment(data_dir: Path, port: int) -> dict[str, str]:
    """The environment of a copy, without what the person who runs the tests has set."""
    ours = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "CDPWATCH_DEMO")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    return {**env, "CDPWATCH_DATA_DIR": str(data_dir), "PORT": str(port)}


def manage(env: dict[str, str], *command: str) -> str:
    """What `manage.py COMMAND` prints in `env`."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *command],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def demo_password(data_dir: Path) -> str:
    return (data_dir / "demo" / "demo-password").read_text()[:16]


def month_start(back: int = 0) -> str:
    """First day of the running month, or of one before it."""
    today = datetime.now(UTC)
    months = today.year * 12 + today.month - 1 - back
    return f"{months // 12}-{months % 12 + 1:02}-01"


def _has(path: Path, mark: bytes) -> bool:
    try:
        return mark in path.read_bytes().split(b"\0")
    except OSError:  # it ended while we looked
        return False
