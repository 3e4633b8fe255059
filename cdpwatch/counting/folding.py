"""The long tail: names of events beyond the largest of a source and month become "(other)".

A page that puts an id into its events' names makes a new name with each call. Sums by day and
call type stay what they were, for what the names lose their "(other)" gains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Count, Model, QuerySet, Sum

from cdpwatch.days import next_month, start_of
from cdpwatch.models import TrafficDay, VolumeDay
from cdpwatch.readings import OTHER

from .rows import upsert

MOST_NAMES = 500  # of a source and month
AT_ONCE = 1_000  # rows of one transaction: some milliseconds, during which nobody else writes


@dataclass(frozen=True)
class Foldable:
    """A table of calls by event name, and what else makes its key besides source and event."""

    table: type[Model]
    when: str  # the column of the day, or of the moment at which it begins
    rest: tuple[str, ...]

    @property
    def key(self) -> tuple[str, ...]:
        return ("source_id", self.when, *self.rest, "event")

    def of(self, month: date) -> QuerySet[Model]:
        first, end = month, next_month(month)
        span: tuple[Any, Any] = (first, end)
        if self.when == "bucket":
            span = (start_of(first), start_of(end))
        inside = {f"{self.when}__gte": span[0], f"{self.when}__lt": span[1]}
        return self.table._default_manager.filter(**inside)


FOLDABLE = (
    Foldable(VolumeDay, "bucket", ("call_type",)),
    Foldable(TrafficDay, "day", ("call_type", "host", "path", "library", "anonymous")),
)


def fold(foldable: Foldable, month: date, *, most: int = MOST_NAMES) -> Iterator[int]:
    """Fold one month of a table; yields the rows folded by each short transaction.

    It may end at any of them and be begun again: the largest names stay the largest.
    """
    rows = foldable.of(month)
    # A source with few rows has few names: it is not looked at any further.
    many = rows.values_list("source").annotate(rows=Count("pk")).filter(rows__gt=most)
    for source in sorted(source for source, _ in many):
        own = rows.filter(source=source)
        sizes = own.exclude(event=OTHER).values_list("event").annotate(calls=Sum("count"))
        names = [name for name, _ in sizes.order_by("-calls", "event")[:most]]
        tail = own.exclude(event__in=[*names, OTHER])
        while folded := _fold_some(foldable, tail):
            yield folded


@transaction.atomic
def _fold_some(foldable: Foldable, tail: QuerySet[Model]) -> int:
    """Move the calls of some rows to the row "(other)" of their key. Rows moved."""
    columns = ("pk", *foldable.key[:-1], "count")
    some = list(tail.select_for_update().values_list(*columns)[:AT_ONCE])
    calls: Counter[tuple[Any, ...]] = Counter()
    for _, *key, count in some:
        calls[(*key, OTHER)] += count
    calls.update(_others(foldable, {key[:2] for key in calls}) if some else {})
    foldable.table._default_manager.filter(pk__in=[row[0] for row in some]).delete()
    rows = [(*key, count) for key, count in calls.items()]
    upsert(foldable.table, foldable.key, (*foldable.key, "count"), rows)
    return len(some)


def _others(foldable: Foldable, places: set[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    """What "(other)" holds already at some sources and days."""
    rows = foldable.table._default_manager.filter(
        **{
            "event": OTHER,
            "source_id__in": {source for source, _ in places},
            f"{foldable.when}__in": {day for _, day in places},
        }
    )
    return {
        tuple(key): count
        for *key, count in rows.select_for_update().values_list(*foldable.key, "count")
    }
