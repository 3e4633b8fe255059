"""Real servers for tests: a PostgreSQL and a Redis of this machine, and the embedded Valkey.

Each runs in a folder of its own, listens on a unix socket there and nowhere else, and is gone
with the `with` block. None meets a server that the machine already runs.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg

from cdpwatch.machine import CannotStart
from cdpwatch.programs import valkey_binary

PATIENCE = 60.0  # seconds
# What a crash would lose is thrown away anyway.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


def postgresql_programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs, those off PATH (Debian's) too."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(versions, key=lambda path: int(path.parts[-3]), default=None)
    return newest.parent if newest else None


def without_postgresql() -> str:
    """Why no PostgreSQL can be started here; "" where one can."""
    if not postgresql_programs():
        return "no PostgreSQL server on this machine"
    if os.getuid() == 0 and not _server_user():
        return "PostgreSQL does not run as root, and there is no user postgres"
    return ""


def redis_programs() -> dict[str, str]:
    """Path by name of each broker that this machine has: valkey, redis."""
    found = {"redis": shutil.which("redis-server") or ""}
    with contextlib.suppress(CannotStart):
        found["valkey"] = valkey_binary()
    return {name: path for name, path in found.items() if path}


@contextlib.contextmanager
def postgresql(*settings: str) -> Iterator[str]:
    """A PostgreSQL with `settings` (name=value); gives the URL of an empty database."""
    programs, user = postgresql_programs(), _server_user()
    assert programs, without_postgresql()
    with _folder(user) as folder:
        data, log = folder / "data", folder / "log"
        make = [programs / "initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "-U", "tests"]
        _run([*make, "-D", data], user)
        words = [f"unix_socket_directories={folder}", "listen_addresses=", *FAST, *settings]
        options = [word for each in words for word in ("-c", each)]
        command = [programs / "postgres", "-D", data, *options]
        with _running(command, log, user, stop=signal.SIGINT):  # SIGINT: at once, in good order
            database = psycopg.conninfo.make_conninfo(host=str(folder), user="tests")
            _until(lambda: _answers(f"{database} dbname=postgres"), log)
            with psycopg.connect(f"{database} dbname=postgres", autocommit=True) as connection:
                connection.execute("CREATE DATABASE cdpwatch")
            yield f"postgres://tests@/{folder}/cdpwatch"


@contextlib.contextmanager
def broker(binary: str, *options: str) -> Iterator[str]:
    """A Redis or Valkey with `options` of its command line; gives its URL."""
    with _folder(None) as folder:
        address, log = folder / "redis.sock", folder / "log"
        words = ["--port", "0", "--unixsocket", str(address), "--dir", str(folder), "--save", ""]
        with _running([binary, *words, *options], log, None, stop=signal.SIGTERM):
            _until(lambda: _listens(address), log)
            yield f"unix://{address}"


def _server_user() -> str | None:
    """Whom PostgreSQL runs as: itself refuses root. None = whoever runs the tests."""
    if os.getuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return None


@contextlib.contextmanager
def _folder(owner: str | None) -> Iterator[Path]:
    """A new private folder of `owner`, near the root: a socket's path must stay short."""
    path = Path(tempfile.mkdtemp(prefix="cdpwatch-", dir="/tmp"))
    try:
        if owner:
            shutil.chown(path, owner)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _running(
    command: Sequence[str | Path], log: Path, user: str | None, stop: signal.Signals
) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen(
            [*_leash(stop), *command],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            **_as(user),
        )
    try:
        yield
    finally:
        process.send_signal(stop)
        process.wait(PATIENCE)


def _leash(stop: signal.Signals) -> list[str]:
    """Words before a command, so that it ends with this process even when that is killed."""
    setpriv = shutil.which("setpriv")  # Linux; elsewhere a killed run leaves its servers behind
    return [setpriv, "--pdeathsig", stop.name.removeprefix("SIG")] if setpriv else []


def _run(command: Sequence[str | Path], user: str | None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **_as(user))
    assert done.returncode == 0, done.stderr


def _as(user: str | None) -> dict[str, object]:
    """Arguments of Popen: another user, away from a folder that it may not enter, and a group
    that Ctrl-C does not reach, for the server must outlive whoever still uses it."""
    other = {"user": user, "group": user, "extra_groups": []} if user else {}
    return {"cwd": "/", "process_group": 0, "env": _plain_environment(), **other}


def _plain_environment() -> dict[str, str]:
    """Without PGDATA, PGHOST and their like."""
    return {name: value for name, value in os.environ.items() if not re.match("PG|LC_|LANG", name)}


def _until(ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def _answers(database: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(database).close()
        return True
    return False


def _listens(address: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(address))
        return True
    return False
