"""Reads the past a month at a time, newest first: by itself in the worker, or as it is told.

A whole month that is over has a turn of one name, its first moment: whoever read it, it is read.
So a span that was cut off, by Ctrl-C or `kill -9`, goes on where it was when it is asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q

from cdpwatch import roster
from cdpwatch.days import DAY, month_before, next_month, start_of
from cdpwatch.http import RateLimited
from cdpwatch.models import PollerState, PollRun, RunState, Workspace
from cdpwatch.progress import WITH_HISTORY, oldest_day

from .lasting import Clock, Stopped, stopping
from .turns import pause_of, poll

REST = timedelta(minutes=5)  # before a month of the past that failed is asked for again
BUSY = 2.0  # seconds before a turn that is another's is looked at again
UNTOLD = 30.0  # seconds of a throttling that names none


def backfill(workspace: Workspace, now: datetime) -> bool:
    """Read one more month of the past, usage and volume in turn. False when all of it is read."""
    for state in _history(workspace, now):
        if state.history_from is None or state.history_from > oldest_day(now.date()):
            month = month_before(state.history_from or now.date())
            if _backfill_month(state, month, now):
                return True
    return False


def _history(workspace: Workspace, now: datetime) -> list[PollerState]:
    """States of pollers that keep history, the one that is least far first."""
    rows = PollerState.objects.filter(workspace=workspace, poller__in=WITH_HISTORY)
    ready = [row for row in rows if row.last_good]
    ready.sort(key=lambda row: row.history_from or now.date(), reverse=True)
    return ready


def _backfill_month(state: PollerState, month: date, now: datetime) -> bool:
    """Read one month, unless it failed a moment ago. Whether it is read now."""
    turn = PollRun.objects.filter(
        workspace=state.workspace, poller=state.poller, slot=start_of(month)
    )
    if turn.filter(state=RunState.FAILED, started_at__gt=now - REST).exists():
        return False
    days = (month, next_month(month) - DAY)
    poll(state.poller, state.workspace, now, slot=start_of(month), days=days)
    if not turn.filter(state=RunState.GOOD).exists():
        return False
    # Only further back: a worker that slept since must not hide what was read meanwhile.
    before = Q(history_from=None) | Q(history_from__gt=month)
    PollerState.objects.filter(before, pk=state.pk).update(history_from=month)
    return True


@dataclass(frozen=True)
class Step:
    """One turn of a poller over days of the past, `first` and `last` included."""

    poller: str
    first: date
    last: date
    slot: datetime | None  # the turn's name; None: it is a new one each time

    def __str__(self) -> str:
        days = f"{self.first:%Y-%m}" if self.slot else f"{self.first} to {self.last}"
        return f"{self.poller} {days}"


def steps(poller: str, first: date, last: date, today: date) -> list[Step]:
    """The span month by month, newest first; as one step for a poller that keeps no past."""
    if not roster.everyone()[poller].past:
        return [Step(poller, first, last, None)]
    found, end = [], last
    while end >= first:
        month = end.replace(day=1)
        found.append(_step(poller, max(month, first), end, today))
        end = month - DAY
    return found


def _step(poller: str, first: date, last: date, today: date) -> Step:
    """Part of a month, or one that still goes on, is read anew each time: it has no name."""
    whole = first.day == 1 and last == next_month(first) - DAY and last < today
    return Step(poller, first, last, start_of(first) if whole else None)


def read_step(
    workspace: Workspace,
    step: Step,
    clock: Clock,
    *,
    again: bool = False,
    sleep: Callable[[float], object] = time.sleep,
) -> PollRun | None:
    """Take one step into the past; None where it was read before, unless `again`.

    Waits while another is at it, or while the other side wants to hear nothing. Raises Stopped when
    this process was asked to stop, and what `poll` raises.
    """
    slot = None if again else step.slot
    while not (slot and _is_read(workspace, step.poller, slot)):
        now = clock()
        try:
            run = poll(step.poller, workspace, now, slot=slot or now, days=(step.first, step.last))
        except RateLimited as error:
            _wait(error.retry_after or UNTOLD, clock, sleep)
            continue
        if run:
            return run
        _wait(max(BUSY, pause_of(workspace, clock(), step.poller)), clock, sleep)
    return None


def _is_read(workspace: Workspace, poller: str, slot: datetime) -> bool:
    turns = PollRun.objects.filter(workspace=workspace, poller=poller, slot=slot)
    return turns.filter(state=RunState.GOOD).exists()


def _wait(seconds: float, clock: Clock, sleep: Callable[[float], object]) -> None:
    """Sit out `seconds`. Raises Stopped as soon as the process is asked to stop."""
    until = clock() + timedelta(seconds=seconds)
    while not stopping() and (left := (until - clock()).total_seconds()) > 0:
        sleep(min(left, 1.0))
    if stopping():
        raise Stopped
