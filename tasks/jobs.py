"""Jobs of a few lines: fetch the workspace, call one verb of `watch`, retry what may pass.

Each may run twice: meaning, and safety against that, live in `watch` and its constraints.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from celery import Task
from celery.signals import heartbeat_sent, worker_ready, worker_shutting_down
from django.db import close_old_connections

from cdpwatch import watch
from cdpwatch.http import ApiError
from cdpwatch.readings import NotRecorded
from cdpwatch.seed import the_workspace
from cdpwatch.snapshot import WORKER_START
from cdpwatch.vault import Locked
from tasks.celery import ALERTS, POLLS, app

HEARTBEAT_EVERY = 15.0  # seconds
HEARTBEATS = {POLLS: "worker", ALERTS: "alerts"}  # the program that answers each queue
# The database was busy or away: each job is done again, on a connection of its own.
LATER: dict[str, Any] = {
    "autoretry_for": watch.DATABASE_AWAY,
    "retry_kwargs": {"countdown": 10, "max_retries": 3},
}


@app.task(name="poll", bind=True, max_retries=3, **LATER)
def poll(self: Task[..., None], name: str) -> None:
    """One turn of one poller, tried again when waiting may help."""
    try:
        run = watch.poll(name, the_workspace(), datetime.now(UTC))
    except ApiError as error:
        if not error.permanent:
            raise self.retry(exc=error, countdown=error.retry_after or 30) from error
    except (watch.NotConnected, NotRecorded, Locked):
        pass  # on the run and on the health page; only a person can mend it
    else:
        if run and name == "volume":  # a leak should not wait for the next evaluation
            evaluate.delay()


@app.task(name="evaluate", **LATER)
def evaluate() -> None:
    watch.evaluate(the_workspace(), datetime.now(UTC))
    watch.deliver(datetime.now(UTC))


@app.task(name="deliver", **LATER)
def deliver() -> None:
    watch.deliver(datetime.now(UTC))


@app.task(name="sweep", **LATER)
def sweep() -> None:
    watch.sweep(the_workspace(), datetime.now(UTC))


@app.task(name="prune", **LATER)
def prune() -> None:
    watch.prune(datetime.now(UTC))


@app.task(name="replay", **LATER)
def replay() -> None:
    watch.replay(the_workspace(), datetime.now(UTC))


@app.task(name="pulse", **LATER)
def pulse() -> None:
    """Sent by beat and run by a worker: it proves both, and beat by nothing else."""
    watch.beat("beat", datetime.now(UTC))


@worker_ready.connect
def start_at_once(**_: object) -> None:
    """A fresh worker sweeps first: nobody should wait for beat's first turn to see numbers."""
    _outside_a_task(partial(watch.beat, WORKER_START, datetime.now(UTC)))
    sweep.delay()


@worker_shutting_down.connect
def end_soon(**_: object) -> None:
    """A read of many requests ends after the one in hand: its turn is done again by the next."""
    watch.stop()


_last_heartbeat = 0.0


@heartbeat_sent.connect
def note_worker(**_: object) -> None:
    """The workers' own signs of life, so that a dead beat and a dead worker look different."""
    global _last_heartbeat
    if time.monotonic() - _last_heartbeat >= HEARTBEAT_EVERY:
        _last_heartbeat = time.monotonic()
        for queue in app.amqp.queues.consume_from:
            _outside_a_task(partial(watch.beat, HEARTBEATS[queue], datetime.now(UTC)))


def _outside_a_task(note: Callable[[], None]) -> None:
    """Write from the worker's main process, where Celery closes no connections.

    While the database is away a worker lives on without saying so.
    """
    try:
        note()
    except watch.DATABASE_AWAY:
        pass
    finally:
        close_old_connections()
