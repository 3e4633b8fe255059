"""This machine as `up` needs it: a free port, a data folder of its own, notes on what runs."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


class CannotStart(Exception):
    """Why `up` gives up: one sentence for the terminal."""


def port_in(text: str) -> int:
    """The port in `text`. Raises CannotStart where it is none."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CannotStart(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def is_free(host: str, port: int) -> bool:
    """True when `port` can be listened on. Raises CannotStart where `host` is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise CannotStart(f"Cannot listen on {host}:{port}: {error.strerror}.") from error
    return True


def free_port(preferred: int) -> int:
    """`preferred` where it is free on loopback, else one that the system gives."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError, OverflowError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise CannotStart("No port is free on 127.0.0.1.")


def private_folder(path: Path) -> Path:
    """`path`, made where it is missing; nobody but its owner may look into it.

    A folder of somebody else keeps its mode: only its owner can change that.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid == os.getuid():
        path.chmod(0o700)
    return path


@contextlib.contextmanager
def only_one_copy(path: Path) -> Iterator[None]:
    """Hold the data folder for this process. Raises CannotStart where another one does."""
    try:
        handle = path.open("a+")
    except OSError as error:
        raise CannotStart(
            f"Cannot write to {path.parent}: {error.strerror}; choose another folder, "
            "e.g. CDPWATCH_DATA_DIR=~/cdpwatch-data."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            handle.seek(0)
            raise CannotStart(
                f"cdpwatch already runs on {path.parent} (process {handle.read().strip()})."
            ) from error
        handle.truncate(0)
        print(os.getpid(), file=handle, flush=True)
        yield


@dataclass
class RunNotes:
    """run.json: what runs where, for scripts and drills. Gone after a clean stop."""

    path: Path
    url: str
    port: int
    demo_url: str = ""

    def write(self, pids: Mapping[str, int]) -> None:
        notes = {
            "pid": os.getpid(),
            "url": self.url,
            "port": self.port,
            "demo_url": self.demo_url,
            "programs": dict(pids),
        }
        fresh = self.path.with_suffix(".fresh")
        fresh.write_text(json.dumps(notes, indent=2))
        fresh.replace(self.path)
