"""Jobs of a few lines: fetch the workspace, call one verb of `watch`, retry what may pass.

Each may run twice: meaning, and safety against that, live in `watch` and its constraints.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from celery import Task
from celery.signals import heartbeat_sent, worker_ready
from django.db import OperationalError

from cdpwatch import watch
from cdpwatch.catalog import WrongWorkspace
from cdpwatch.http import ApiError
from cdpwatch.seed import the_workspace
from cdpwatch.snapshot import WORKER_START
from cdpwatch.vault import Locked
from tasks.celery import app

HEARTBEAT_EVERY = 15.0  # seconds


@app.task(name="poll", bind=True, max_retries=3)
def poll(self: Task[..., None], name: str) -> None:
    """One turn of one poller, tried again when waiting may help."""
    try:
        run = watch.poll(name, the_workspace(), datetime.now(UTC))
    except ApiError as error:
        if not error.permanent:
            raise self.retry(exc=error, countdown=error.retry_after or 30) from error
    except OperationalError as error:  # the database was busy or away
        raise self.retry(exc=error, countdown=10) from error
    except (watch.NotConnected, WrongWorkspace, Locked):
        pass  # on the run and on the health page; only a person can mend it
    else:
        if run and name == "volume":  # a leak should not wait for the next evaluation
            evaluate.delay()


@app.task(name="evaluate")
def evaluate() -> None:
    watch.evaluate(the_workspace(), datetime.now(UTC))
    watch.deliver(datetime.now(UTC))


@app.task(name="deliver")
def deliver() -> None:
    watch.deliver(datetime.now(UTC))


@app.task(name="sweep")
def sweep() -> None:
    watch.sweep(the_workspace(), datetime.now(UTC))


@app.task(name="prune")
def prune() -> None:
    watch.prune(datetime.now(UTC))


@app.task(name="pulse")
def pulse() -> None:
    """Sent by beat and run by the worker: it proves both, and beat by nothing else."""
    watch.beat("beat", datetime.now(UTC))


@worker_ready.connect
def start_at_once(**_: object) -> None:
    """A fresh worker sweeps first: nobody should wait for beat's first turn to see numbers."""
    watch.beat(WORKER_START, datetime.now(UTC))
    sweep.delay()


_last_heartbeat = 0.0


@heartbeat_sent.connect
def note_worker(**_: object) -> None:
    """The worker's own sign of life, so that a dead beat and a dead worker look different."""
    global _last_heartbeat
    if time.monotonic() - _last_heartbeat >= HEARTBEAT_EVERY:
        _last_heartbeat = time.monotonic()
        watch.beat("worker", datetime.now(UTC))
