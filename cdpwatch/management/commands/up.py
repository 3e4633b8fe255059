"""`up`: the whole of cdpwatch under one supervisor, with nothing to install beside it.

1. Refuse, in one sentence, what cannot work: a folder that cannot be written, a copy that
   already runs on it, a port that is taken.
2. Start the broker (and the demo workspace), bring the database and static files up to date.
3. Start web, worker and beat; print the address, how to sign in, how the first read goes.
4. Keep them running until Ctrl-C.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import sys
import time
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections
from django.utils import timezone

from cdpwatch.env import env, text_of
from cdpwatch.machine import CannotStart, RunNotes, free_port, is_free, only_one_copy, port_in
from cdpwatch.people import sign_in_hint
from cdpwatch.programs import broker, demo, doors, valkey_binary
from cdpwatch.progress import first_read, how_far
from cdpwatch.seed import the_workspace
from cdpwatch.supervisor import Journal, StopAsked, Supervisor

LOOK_EVERY = 2.0  # seconds between two looks at how the first read goes


class Command(BaseCommand):
    """Run everything: `up`, or `up --demo` on the demo workspace."""

    help = "Run web, worker, beat and their embedded broker under one supervisor."

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # inherited: what the programs write is for their owner alone
        try:
            with only_one_copy(settings.DATA_DIR / "up.pid"):
                run()
        except CannotStart as error:
            sys.exit(str(error))


def run() -> None:
    """Start everything and keep it running until asked to stop. Raises CannotStart."""
    host, port = env("CDPWATCH_BIND", default="127.0.0.1"), port_in(env("PORT", default="8000"))
    if not is_free(host, port):
        raise CannotStart(
            f"Port {port} is taken; choose another one, "
            f"e.g. PORT={free_port(port + 10)} python3 manage.py up{' --demo' * settings.DEMO}"
        )
    notes = RunNotes(settings.DATA_DIR / "run.json", settings.PUBLIC_URL, port)
    supervisor = Supervisor(Journal(settings.DATA_DIR / "logs"), noted=notes.write)
    supervisor.listen()
    try:
        start_all(supervisor, host, port, notes)
        supervisor.run(FirstRead(supervisor))
    except StopAsked:
        pass
    finally:
        supervisor.say("stopping ...")
        supervisor.stop()
        notes.path.unlink(missing_ok=True)
    print("Stopped; the data stays in", settings.DATA_DIR)


def start_all(supervisor: Supervisor, host: str, port: int, notes: RunNotes) -> None:
    """Bring everything up in order, and say where it is. Raises CannotStart, StopAsked."""
    supervisor.say("starting ...")
    port_file = settings.DATA_DIR / "demo-port"
    if settings.DEMO:  # it starts while the database is made
        port_file.unlink(missing_ok=True)
        manage = settings.BASE_DIR / "manage.py"
        supervisor.start(demo(manage, free_port(port + 1), settings.DATA_DIR, port_file))
    start_broker(supervisor)
    prepare_data()
    if settings.DEMO:
        notes.demo_url = found_demo(supervisor, port_file)
    for program in doors(host, port):
        supervisor.start(program)
    if not supervisor.wait_until(lambda: answers(host, port), seconds=60):
        raise CannotStart(f"The web server does not answer; see {settings.DATA_DIR / 'logs'}.")
    welcome(supervisor)


def welcome(supervisor: Supervisor) -> None:
    """Print the address and how to sign in."""
    kind = "the demo workspace" if settings.DEMO else "your workspace"
    logs = settings.DATA_DIR / "logs"
    hint = sign_in_hint(settings.PUBLIC_URL)  # first: it makes the demo account
    supervisor.say(f"cdpwatch watches {kind}. Ctrl-C stops it; its logs are in {logs}")
    supervisor.show(hint)


class FirstRead:
    """Says how the first read of the workspace goes, each time the sentence changes."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        # The demo is always connected, though on its first start the demo's address and token
        # were noted only after this process had read its settings.
        self.how_far = first_read if settings.DEMO else how_far
        self.said = ""
        self.over = False
        self.look_at = 0.0

    def __call__(self) -> None:
        if self.over or time.monotonic() < self.look_at:
            return
        self.look_at = time.monotonic() + LOOK_EVERY
        try:
            sentence = self.how_far(the_workspace(), timezone.now())
        except DatabaseError:  # busy or away: the programs go on, and so does the telling
            return
        finally:
            connections.close_all()
        if sentence != self.said:
            self.supervisor.say(sentence or "All of the history is read.")
        self.said, self.over = sentence, not sentence


def start_broker(supervisor: Supervisor) -> None:
    """Start the embedded Valkey, unless REDIS_URL names a server. Raises CannotStart."""
    if not env("REDIS_URL", default=""):
        folder = settings.DATA_DIR / "valkey"
        for needed in (folder, settings.VALKEY_SOCKET.parent):
            needed.mkdir(mode=0o700, parents=True, exist_ok=True)
        supervisor.start(broker(valkey_binary(), settings.VALKEY_SOCKET, folder))
    if not supervisor.wait_until(broker_answers, seconds=15):
        raise CannotStart(
            "The broker does not answer; look at REDIS_URL, or without one at "
            f"{settings.DATA_DIR / 'logs' / 'valkey.log'}."
        )


def broker_answers() -> bool:
    """True when the broker answers a PING."""
    client = redis.Redis.from_url(settings.REDIS.locks, socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def found_demo(supervisor: Supervisor, port_file: Path) -> str:
    """The demo workspace's URL, noted for every other process. Raises CannotStart, StopAsked."""
    if not supervisor.wait_until(lambda: bool(text_of(port_file)), seconds=30):
        log = settings.DATA_DIR / "logs" / "demo.log"
        raise CannotStart(f"The demo workspace does not answer; see {log}.")
    url = text_of(port_file)
    (settings.DATA_DIR / "demo-url").write_text(url)
    return url


def prepare_data() -> None:
    """Bring the database's tables, its first rows and the static files up to date.

    Raises CannotStart when demo and live data would meet.
    """
    call_command("migrate", interactive=False, verbosity=0)
    try:
        call_command("seed")
    except CommandError as error:
        raise CannotStart(str(error)) from None
    collect_static()
    connections.close_all()


def collect_static() -> None:
    """Collect the static files, when one of them changed since the last time."""
    stamp = settings.STATIC_ROOT / ".stamp"
    now = static_digest()
    if stamp.exists() and stamp.read_text() == now:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(now)


def static_digest() -> str:
    """One hash over every static file's path, size and time of change."""
    seen = hashlib.sha256()
    for finder in get_finders():
        for path, storage in sorted(finder.list(None), key=lambda found: found[0]):
            stat = Path(storage.path(path)).stat()
            seen.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return seen.hexdigest()


def answers(host: str, port: int) -> bool:
    """True when the web server says that it is well."""
    asked = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    connection = http.client.HTTPConnection(asked, port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
