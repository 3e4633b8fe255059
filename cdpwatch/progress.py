"""How far the first reading is: the running month first, then the past, month by month."""

from __future__ import annotations

from datetime import date, datetime

from . import budget, vault
from .models import PollerState, Workspace
from .timetable import POLLERS

HISTORY_MONTHS = 13
WITH_HISTORY = ("usage", "volume")
FIRST = ("catalog", "usage", "volume", "delivery")  # what the first pages are made of


def oldest_day(today: date) -> date:
    """First day of the oldest month that is read: thirteen before the running one."""
    return budget.usage_periods(today, HISTORY_MONTHS + 1)[-1]


def first_read(workspace: Workspace, now: datetime) -> str:
    """How far the first reading is, in words; "" once the history is complete."""
    states = {row.poller: row for row in PollerState.objects.filter(workspace=workspace)}
    waiting = [POLLERS[name].title.lower() for name in FIRST if not _worked(states.get(name))]
    if waiting:
        return f"Reading this month: waiting for {', '.join(waiting)}."
    oldest = oldest_day(now.date())
    if all((states[name].history_from or now.date()) <= oldest for name in WITH_HISTORY):
        return ""
    months = [_months_read(states[name].history_from, now.date()) for name in WITH_HISTORY]
    return f"Reading the past: {min(months)} of {HISTORY_MONTHS} months."


def how_far(workspace: Workspace, now: datetime) -> str:
    """`first_read`, or the step before it: without a token nothing is under way."""
    if not vault.has_segment_token(workspace):
        return "Not connected yet: open the Connect page."
    return first_read(workspace, now)


def _worked(state: PollerState | None) -> bool:
    return state is not None and state.last_good is not None


def _months_read(since: date | None, today: date) -> int:
    return 0 if since is None else (today.year - since.year) * 12 + today.month - since.month
