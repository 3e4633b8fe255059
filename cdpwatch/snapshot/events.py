"""Event names: what each source called its events, since when and until when, and how often."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import Max, Min, Sum

from cdpwatch.days import start_of
from cdpwatch.models import EventName, VolumeDay
from cdpwatch.readings import UNNAMED

_KEY = ("source_id", "call_type", "event")
_Key = tuple[int, str, str]


@dataclass(frozen=True)
class NamedCalls:
    """Live calls of one source, call type and event name.

    `event` is "" for calls without a name and OTHER for the folded tail; neither is one name, so
    neither has days.
    """

    source_id: int  # primary key of the Connection
    call_type: str
    event: str
    calls: int  # of the span that was asked for
    first_seen: date | None = None  # UTC days
    last_seen: date | None = None


def names_of(sources: Collection[int], first: date, last: date) -> list[NamedCalls]:
    """Every name that some sources ever sent, with its live calls of the UTC days `first` to
    `last`; the most calls first. Their sum is all calls of the span."""
    rows = VolumeDay.objects.filter(
        source__in=sources, bucket__gte=start_of(first), bucket__lte=start_of(last)
    )
    calls: dict[_Key, int] = {}
    days: dict[_Key, list[date]] = {
        (source, call_type, event): seen
        for source, call_type, event, *seen in EventName.objects.filter(
            source__in=sources
        ).values_list(*_KEY, "first_seen", "last_seen")
    }
    # Names are folded once an hour: a name of this hour is only in the days yet.
    for source, call_type, event, count, begun, ended in rows.values_list(*_KEY).annotate(
        Sum("count"), Min("bucket"), Max("bucket")
    ):
        key = (source, call_type, event)
        calls[key] = count
        if event not in UNNAMED:
            days[key] = [*days.get(key, ()), begun.date(), ended.date()]
    found = [_named(key, calls.get(key, 0), days.get(key)) for key in calls.keys() | days.keys()]
    return sorted(found, key=lambda name: (-name.calls, name.source_id, name.call_type, name.event))


def _named(key: _Key, calls: int, days: Collection[date] | None) -> NamedCalls:
    return NamedCalls(*key, calls, min(days), max(days)) if days else NamedCalls(*key, calls)
