"""Reads the past, month by month, newest first."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db.models import Q

from cdpwatch.days import DAY, month_before, next_month, start_of
from cdpwatch.models import PollerState, PollRun, RunState, Workspace
from cdpwatch.progress import WITH_HISTORY, oldest_day

from .turns import poll

REST = timedelta(minutes=5)  # before a month of the past that failed is asked for again


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
