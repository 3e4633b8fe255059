"""Keeps the work going: requests of pages, pollers that never ran, the past; and heartbeats."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from cdpwatch import vault
from cdpwatch.models import Heartbeat, PollerState, PollRun, WorkRequest, Workspace
from cdpwatch.timetable import POLLERS

from .answers import answer_requests
from .history import backfill
from .turns import FAILURES, poll

log = logging.getLogger(__name__)

KEPT = timedelta(days=30)  # of runs and requests


def sweep(workspace: Workspace, now: datetime) -> None:
    """What cannot wait for a schedule: requests of pages, pollers that never ran, history."""
    answer_requests(workspace, now)
    if not vault.segment_token(workspace):
        return
    waiting = [name for name in POLLERS if not _tried(workspace, name)]
    for name in waiting:  # in the table's order: counts need the catalog's names
        if not _try(partial(poll, name, workspace, now)):
            return  # another sweep is at it
    if not waiting:
        _try(partial(backfill, workspace, now))


def _tried(workspace: Workspace, name: str) -> bool:
    return PollerState.objects.filter(
        workspace=workspace, poller=name, last_run__isnull=False
    ).exists()


def _try(turn: Callable[[], object]) -> bool:
    """Whether the turn was ours. A failed one is on its run and on the health page."""
    try:
        return turn() is not None
    except FAILURES as error:
        log.debug("sweep went on after: %s", error)
        return True


def prune(now: datetime) -> None:
    """Drop what is old of the work itself; counts, alerts and their messages stay."""
    PollRun.objects.filter(started_at__lt=now - KEPT).delete()
    WorkRequest.objects.filter(asked_at__lt=now - KEPT).delete()


def beat(name: str, now: datetime) -> None:
    """Note that beat or the worker is alive."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now})
