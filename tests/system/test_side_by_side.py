"""Several copies on one machine: each has its own port, data, broker and demo workspace."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdpwatch.bootstrap import ROOT
from tests.system.copies import PATIENCE, Copy, Person, Workspace, environment


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Copy]:
    copy = Copy(tmp_path)
    try:
        copy.wait_for_pages()
        yield copy
    finally:
        code = copy.stop()
    assert code == 0, copy.output.read_text()


def test_it_does_not_meet_another_copy(running: Copy, workspace: Workspace, second: Copy) -> None:
    assert second.demo_url != running.demo_url
    assert second.notes()["programs"].keys() == running.notes()["programs"].keys()
    other, person = Workspace(second.client(second.demo_url)), Person(second)
    other.fault("/no/such/path", "500", 0)
    assert workspace.has_met_its_fault()  # there is none in the first copy
    person.poll_now("catalog")  # answered by its own worker
    assert second.status()["pollers"]["catalog"]["age_seconds"] is not None
    assert running.status()["state"] == "ok"


def test_it_says_in_one_sentence_that_a_folder_is_taken(running: Copy) -> None:
    twin = Copy(running.data_dir)
    assert twin.process.wait(PATIENCE) == 1
    said = twin.output.read_text().splitlines()[-1]
    folder = running.data_dir / "demo"
    assert said == f"cdpwatch already runs on {folder} (process {running.process.pid})."
    assert running.notes()["pid"] == running.process.pid


def test_it_names_a_free_port_where_its_own_is_taken(running: Copy, tmp_path: Path) -> None:
    port = running.notes()["port"]
    command = [sys.executable, str(ROOT / "manage.py"), "up"]
    env = environment(tmp_path, port)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {port} is taken; choose another one, e.g. PORT=")
