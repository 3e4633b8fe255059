"""Planned events as the projection of a whole contract takes them.

What is planned for one source is turned into calls a day of the whole: of a source that is to be
halved, half of what it makes on a usual day goes away.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db.models import Avg, Q

from cdpwatch import contracts
from cdpwatch.forecast import Event
from cdpwatch.models import Contract, PlannedEvent, SourceDay

USUAL = timedelta(days=28)  # before it begins: what a source makes on a usual day


def planned(contract: Contract, today: date, at: datetime | None = None) -> tuple[Event, ...]:
    """Every planned event under `contract`, now or as they were known at a moment."""
    known = Q(cancelled_at=None) if at is None else Q(cancelled_at=None) | Q(cancelled_at__gt=at)
    rows = contract.planned_events.filter(known).exclude(source=None)
    if at is not None:
        rows = rows.filter(planned_at__lte=at)
    ours = [_of_whole(row, today) for row in rows]
    return (*contracts.events_of(contract, at), *ours)


def _of_whole(row: PlannedEvent, today: date) -> Event:
    """The event of one source, as calls a day of the contract."""
    change = 0.0 if row.scale == 1 else (row.scale - 1) * _usual(row, today)
    return Event(row.starts_on, 1.0, change + row.per_day, row.ends_on)


def _usual(row: PlannedEvent, today: date) -> float:
    """Mean calls a day of its source in the four weeks before the event, or before today."""
    end = min(row.starts_on, today)
    days = SourceDay.objects.filter(source=row.source_id, day__gte=end - USUAL, day__lt=end)
    return float(days.aggregate(mean=Avg("calls"))["mean"] or 0.0)
