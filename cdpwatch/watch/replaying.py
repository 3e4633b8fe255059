"""Replays the past day by day, so that the back-test has a record from the first day on."""

from __future__ import annotations

from datetime import datetime, timedelta

from cdpwatch import books, contracts, progress
from cdpwatch.models import Workspace

from .lasting import running, stopping

LONGEST = timedelta(seconds=30)  # of a turn: the next one goes on where it ended


def replay(workspace: Workspace, now: datetime) -> int:
    """One turn. Days replayed; none while the past is still being read, for each month changes it.

    A turn that finds no day without its row costs a few queries.
    """
    if progress.first_read(workspace, now):
        return 0
    clock, end = running(now), now + LONGEST
    return books.replay(
        contracts.contract_of(workspace), now, lambda: not stopping() and clock() < end
    )
