"""`manage.py up --demo` as a whole: real processes, a data folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cdpwatch.bootstrap import ROOT
from cdpwatch.machine import free_port

pytestmark = pytest.mark.system
PATIENCE = 60.0  # seconds
PROGRAMS = {"valkey", "demo", "web", "worker", "beat"}


class Copy:
    """One running copy of cdpwatch, and what it notes about itself."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port(0)
        env = {**os.environ, "CDPWATCH_DATA_DIR": str(data_dir), "PORT": str(self.port)}
        env["DJANGO_SETTINGS_MODULE"] = "cdpwatch.settings"
        self.output = data_dir / "output"
        with self.output.open("a") as output:
            command = [sys.executable, str(ROOT / "manage.py"), "up", "--demo"]
            self.process = subprocess.Popen(command, env=env, stdout=output, stderr=output)

    def notes(self) -> dict[str, Any]:
        path = self.data_dir / "demo" / "run.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while words not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    copy = Copy(tmp_path_factory.mktemp("up"))
    copy.wait_for("Ctrl-C stops it")
    yield copy
    assert copy.stop() == 0
    assert "Stopped; the data stays" in copy.output.read_text()
    assert not copy.notes()


def test_it_runs_every_program_and_answers(copy: Copy) -> None:
    assert set(copy.notes()["programs"]) == PROGRAMS
    assert httpx.get(f"{copy.notes()['url']}/healthz").status_code == 200


def test_it_refuses_a_second_copy_on_the_same_folder(copy: Copy) -> None:
    second = Copy(copy.data_dir)
    assert second.process.wait(PATIENCE) == 1
    assert f"already runs on {copy.data_dir / 'demo'}" in copy.output.read_text()


def test_it_names_a_free_port_where_its_own_is_taken(copy: Copy, tmp_path: Path) -> None:
    env = {**os.environ, "CDPWATCH_DATA_DIR": str(tmp_path), "PORT": str(copy.port)}
    env["DJANGO_SETTINGS_MODULE"] = "cdpwatch.settings"
    command = [sys.executable, str(ROOT / "manage.py"), "up"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {copy.port} is taken; choose another one, e.g. PORT=")


def test_it_starts_a_killed_web_server_again(copy: Copy) -> None:
    first = copy.notes()["programs"]["web"]
    os.kill(first, signal.SIGKILL)
    copy.wait_for("web ended (killed by SIGKILL)")
    deadline = time.monotonic() + PATIENCE
    while copy.notes()["programs"]["web"] == first and time.monotonic() < deadline:
        time.sleep(0.1)
    transport = httpx.HTTPTransport(retries=6)  # it waits longer between the attempts
    with httpx.Client(transport=transport) as client:
        assert client.get(f"{copy.notes()['url']}/healthz").status_code == 200
