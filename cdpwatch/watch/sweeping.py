"""Keeps the work going: requests of pages, pollers that never ran, the past; and heartbeats."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db import close_old_connections

from cdpwatch import roster
from cdpwatch.counters import COUNTERS
from cdpwatch.models import Heartbeat, PollerState, PollRun, RunState, Workspace
from cdpwatch.timetable import POLLERS

from . import leases
from .answers import answer_requests
from .asks import slot_of
from .history import backfill
from .lasting import DATABASE_AWAY, running, stopping
from .turns import FAILURES, poll

log = logging.getLogger(__name__)

LATE = timedelta(minutes=1)  # after a turn's time: beat's message is lost, or beat is gone


def sweep(workspace: Workspace, now: datetime) -> None:
    """What cannot wait for a schedule: requests of pages, pollers that never ran, history.

    And what was lost: the tables say what is to be done, the queue only wakes somebody to do it.
    """
    clock = running(now)
    answer_requests(workspace, now)
    tried = _tried(workspace)
    untried = [name for name in roster.connected(workspace) if name not in tried]
    waiting = [name for name in untried if name in POLLERS]
    for name in waiting:  # in the table's order: counts need the catalog's names
        if not _try(partial(poll, name, workspace, clock())):
            return  # another sweep is at it
    undone = left_undone(workspace, clock())
    for name in [name for name in undone if name in POLLERS and not waiting]:
        _try(partial(poll, name, workspace, clock()))
    for name in [name for name in (*untried, *undone) if name in COUNTERS]:
        if _try(partial(poll, name, workspace, clock())):
            break  # one a sweep: a vendor that hangs keeps no page waiting for long
    if not waiting:
        _try(partial(backfill, workspace, clock()))


def left_undone(workspace: Workspace, now: datetime) -> list[str]:
    """Pollers whose turn of this very slot was put off, or is a minute late.

    One turn makes up for a pause of any length: slots that are over do not come again.
    """
    leases.put_off_dead(workspace, now)
    connected = roster.connected(workspace).items()
    return [name for name, poller in connected if _is_undone(workspace, name, poller.every, now)]


def _is_undone(workspace: Workspace, name: str, every: timedelta, now: datetime) -> bool:
    slot = slot_of(now, every)
    run = PollRun.objects.filter(workspace=workspace, poller=name, slot=slot).first()
    return now - slot > LATE if run is None else run.state == RunState.PUT_OFF


def _tried(workspace: Workspace) -> set[str]:
    """The pollers and counters that had a turn, good or not."""
    rows = PollerState.objects.filter(workspace=workspace, last_run__isnull=False)
    return set(rows.values_list("poller", flat=True))


def _try(turn: Callable[[], object]) -> bool:
    """Whether the turn was ours. A failed one is on its run and on the health page."""
    try:
        return not stopping() and turn() is not None
    except FAILURES as error:
        log.debug("sweep went on after: %s", error)
        return True
    except DATABASE_AWAY as error:  # it cost this turn; the next has a connection of its own
        log.warning("sweep went on after: %s", type(error).__name__)
        close_old_connections()
        return True


def beat(name: str, now: datetime) -> None:
    """Note that beat or the worker is alive."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now})
