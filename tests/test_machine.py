"""Ports, the data folder's lock, the notes, and the programs' options."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdpwatch.machine import CannotStart, RunNotes, free_port, is_free, only_one_copy, port_in
from cdpwatch.programs import BROKER, DOORS, broker, doors


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on loopback that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_it_sees_that_a_port_is_taken(taken: int) -> None:
    assert not is_free("127.0.0.1", taken)
    assert is_free("127.0.0.1", free_port(0))


def test_it_gives_another_port_for_a_taken_one(taken: int) -> None:
    assert free_port(taken) != taken
    assert free_port(70_000) > 0


def test_it_says_which_address_it_cannot_listen_on() -> None:
    with pytest.raises(CannotStart, match=r"^Cannot listen on 203\.0\.113\.1:8000: .*\.$"):
        is_free("203.0.113.1", 8000)  # TEST-NET-3: no machine has it


@pytest.mark.parametrize("text", ["http", "", "0", "65536", "-1", "80.5"])
def test_it_refuses_what_is_no_port(text: str) -> None:
    with pytest.raises(CannotStart, match="^PORT must be a number from 1 to 65535"):
        port_in(text)


def test_it_reads_a_port() -> None:
    assert port_in("8010") == 8010


def test_it_says_which_process_already_runs_on_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "up.pid"
    with (
        only_one_copy(path),
        pytest.raises(CannotStart, match=f"already runs on .*process {os.getpid()}"),
        only_one_copy(path),
    ):
        pass
    with only_one_copy(path):  # free again once the first has ended
        pass


def test_it_says_that_a_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(CannotStart, match="^Cannot write to .*CDPWATCH_DATA_DIR"),
        only_one_copy(tmp_path / "file" / "up.pid"),
    ):
        pass


def test_it_notes_what_runs_where(tmp_path: Path) -> None:
    notes = RunNotes(tmp_path / "run.json", "http://127.0.0.1:8000", 8000)
    notes.demo_url = "http://127.0.0.1:8001"
    notes.write({"web": 12, "beat": 13})
    written = json.loads(notes.path.read_text())
    assert written["programs"] == {"web": 12, "beat": 13}
    assert (written["port"], written["demo_url"]) == (8000, "http://127.0.0.1:8001")
    assert os.listdir(tmp_path) == ["run.json"]


def test_its_broker_listens_on_a_socket_only_and_keeps_every_write(tmp_path: Path) -> None:
    program = broker("/bin/valkey", tmp_path / "valkey.sock", tmp_path)
    words = list(program.command)
    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert options["--port"] == "0"
    assert options["--unixsocketperm"] == "700"
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"


def test_its_broker_stops_after_everything_else() -> None:
    names = [program.name for program in doors("127.0.0.1", 8000)]
    assert names == ["web", "worker", "alerts", "beat"]
    assert {program.wave for program in doors("127.0.0.1", 8000)} == {DOORS}
    assert BROKER > DOORS
