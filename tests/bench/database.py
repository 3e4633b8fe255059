"""Databases for benches: the SQLite of the run, or another one in its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections

from cdpwatch.env import env
from tests.servers import postgresql

# As a server is run, not as tests may run it.
SAFE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on", "autovacuum=on")


@contextmanager
def sqlite() -> Iterator[None]:
    """The run's own SQLite file, emptied and made anew."""
    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    yield


@contextmanager
def on_postgresql() -> Iterator[None]:
    """A PostgreSQL that is the database within the `with` block."""
    own = connections.settings[DEFAULT_DB_ALIAS]
    with postgresql(*SAFE) as url:
        _become(connections.configure_settings({DEFAULT_DB_ALIAS: env.db_url_config(url)}))
        try:
            call_command("migrate", verbosity=0)
            yield
        finally:
            _become({DEFAULT_DB_ALIAS: own})


def _become(settings: dict[str, dict[str, object]]) -> None:
    connections.close_all()
    del connections[DEFAULT_DB_ALIAS]
    connections.settings[DEFAULT_DB_ALIAS] = settings[DEFAULT_DB_ALIAS]
