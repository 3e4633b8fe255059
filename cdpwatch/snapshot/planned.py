"""Planned events as the projection of a whole contract takes them.

What is planned for one source is turned into calls a day of the whole: of a source that is to be
halved, half of what it makes on a usual day goes away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from statistics import fmean

from django.db.models import Q

from cdpwatch import contracts
from cdpwatch.days import DAY
from cdpwatch.forecast import Event
from cdpwatch.models import Contract, PlannedEvent, SourceDay

USUAL = timedelta(days=28)  # before it begins: what a source makes on a usual day


def planned(contract: Contract, today: date, at: datetime | None = None) -> tuple[Event, ...]:
    """Every planned event under `contract`, now or as they were known at a moment."""
    known = Q(cancelled_at=None) if at is None else Q(cancelled_at=None) | Q(cancelled_at__gt=at)
    rows = contract.planned_events.filter(known).exclude(source=None)
    if at is not None:
        rows = rows.filter(planned_at__lte=at)
    events = list(rows.order_by("pk"))
    usual = _usual([row for row in events if row.scale != 1], today)
    ours = [_of_whole(row, usual.get(row.pk, 0.0)) for row in events]
    return (*contracts.events_of(contract, at), *ours)


def _of_whole(row: PlannedEvent, usual: float) -> Event:
    """The event of one source, as calls a day of the contract."""
    return Event(row.starts_on, 1.0, (row.scale - 1) * usual + row.per_day, row.ends_on)


def _usual(rows: Sequence[PlannedEvent], today: date) -> dict[int, float]:
    """By event, the mean calls a day of its source in the four weeks before it, or before today.

    One query for all of them; a source without a number in those weeks has no entry.
    """
    if not rows:
        return {}
    ends = {row.pk: min(row.starts_on, today) for row in rows}
    wanted = [
        Q(source=row.source_id, day__gte=ends[row.pk] - USUAL, day__lt=ends[row.pk]) for row in rows
    ]
    days = SourceDay.objects.filter(reduce(or_, wanted)).exclude(calls=None)
    counted: dict[int, dict[date, int]] = defaultdict(dict)
    for source, day, calls in days.values_list("source_id", "day", "calls"):
        counted[source][day] = calls or 0
    means = {}
    for row in rows:
        found = counted[row.source_id or 0]
        inside = [
            found[day] for n in range(1, USUAL.days + 1) if (day := ends[row.pk] - n * DAY) in found
        ]
        if inside:
            means[row.pk] = fmean(inside)
    return means
