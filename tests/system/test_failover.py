"""Two machines on one PostgreSQL and one Redis: a worker and a beat each, and one of them dies."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from cdpwatch.bootstrap import ROOT
from tests import servers
from tests.system.copies import PATIENCE, Copy, Person, Workspace, until
from tests.system.test_kill import assert_counts_are_true

TAKES_OVER = 20.0  # seconds, as docs/how-to/deploy.md says
FIRES = "This beat fires."

pytestmark = pytest.mark.skipif(
    bool(servers.without_postgresql()) or "redis" not in servers.redis_programs(),
    reason="no PostgreSQL or no redis-server to run two machines on",
)


class Program:
    """One program of the second machine, and what it printed."""

    def __init__(self, name: str, copy: Copy, *words: str) -> None:
        self.output = copy.data_dir / f"second-{name}"
        command = [sys.executable, "-m", "celery", "-A", "tasks", "--quiet", name, *words]
        env = {**copy.env, "CDPWATCH_DEMO": "1"}
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [*command, "--loglevel", "INFO"], cwd=ROOT, env=env, stdout=output, stderr=output
            )

    def said(self) -> str:
        return self.output.read_text()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


class Fleet:
    """`up --demo` on shared servers, and a second machine's worker and beat beside it."""

    def __init__(self, folder: Path, database: str, broker: str) -> None:
        self.database = database
        self.first = Copy(folder, DATABASE_URL=database, REDIS_URL=broker)
        self.second: dict[str, Program] = {}

    def start(self) -> None:
        self.first.wait_for_pages()
        self.second["beat"] = Program("beat", self.first, "--pidfile=")
        self.second["worker"] = Program("worker", self.first, "--hostname", "second@%h")
        self.first.wait_for_counts()

    def stop(self) -> int:
        for program in self.second.values():
            program.stop()
        return self.first.stop()

    def fires(self) -> tuple[bool, bool]:
        """Whether the beat of each machine has fired."""
        first = self.first.data_dir / "demo" / "logs" / "beat.log"
        said = first.read_text() if first.exists() else "", self.second["beat"].said()
        return FIRES in said[0], FIRES in said[1]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with ExitStack() as stack:
        database = stack.enter_context(servers.postgresql())
        broker = stack.enter_context(servers.broker(servers.redis_programs()["redis"]))
        fleet = Fleet(tmp_path_factory.mktemp("fleet"), database, broker)
        try:
            fleet.start()
            yield fleet
        finally:
            code = fleet.stop()
        assert code == 0, fleet.first.output.read_text()


def test_it_counts_right_on_postgresql_and_redis(fleet: Fleet) -> None:
    copy = fleet.first
    Person(copy).poll_now()
    assert_counts_are_true(copy, Workspace(copy.client(copy.demo_url)))


def test_it_goes_on_where_the_other_machine_is_gone(fleet: Fleet) -> None:
    """The programs are killed with their supervisor asleep, so that nobody starts them again."""
    copy, programs = fleet.first, fleet.first.notes()["programs"]
    assert fleet.fires() == (True, False)
    os.kill(copy.process.pid, signal.SIGSTOP)
    try:
        for name in programs.keys() - {"web", "demo"}:
            os.kill(programs[name], signal.SIGKILL)
        until(lambda: fleet.fires()[1], TAKES_OVER)
        copy.wait_for_sign_of_life()
        Person(copy).poll_now("usage")
    finally:
        os.kill(copy.process.pid, signal.SIGCONT)
    copy.wait_for_sign_of_life()
    assert "Traceback" not in fleet.second["beat"].said()


def test_it_lives_through_a_database_that_drops_its_connections(fleet: Fleet) -> None:
    with psycopg.connect(psycopg_address(fleet.database), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'cdpwatch'"
        )
    fleet.first.wait_for_sign_of_life()


def psycopg_address(url: str) -> str:
    """A DATABASE_URL of a unix socket as libpq spells it."""
    user, folder, name = re.fullmatch("postgres://(.+)@/(.+)/(.+)", url).groups()
    return psycopg.conninfo.make_conninfo(user=user, host=folder, dbname=name)
