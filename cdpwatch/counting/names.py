"""Event names: since when and until when each source sent one, folded from the live volume's days.

Names older than the volume that was read so far begin with its oldest day.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db.models import Max, Min, Q, Sum

from cdpwatch.days import start_of
from cdpwatch.models import EventName, VolumeDay, Workspace
from cdpwatch.readings import Window

from .rows import upsert

OF_LATE = timedelta(days=30)  # whose calls are counted with the name
NO_NAMES = ("", "(other)")  # calls without a name, and the long tail of names
KEY = ("source_id", "call_type", "event")
Name = tuple[int, str, str]


def fold_event_names(workspace: Workspace, window: Window, now: datetime) -> int:
    """Bring the event names up to date with the volume of `window` and of the last 30 days.

    A name's first day only moves back and its last only on, whichever window is folded first.
    Returns the names seen.
    """
    late = start_of((now - OF_LATE).date())
    seen = VolumeDay.objects.filter(
        Q(bucket__gte=window.start, bucket__lt=window.end) | Q(bucket__gte=late),
        source__workspace=workspace,
    ).exclude(event__in=NO_NAMES)
    known = _known(workspace)
    rows = []
    for source, call_type, event, first, last, calls in seen.values_list(*KEY).annotate(
        first=Min("bucket"),
        last=Max("bucket"),
        calls=Sum("count", filter=Q(bucket__gte=late), default=0),
    ):
        name = (source, call_type, event)
        days = (first.date(), last.date(), *known.get(name, ()))
        rows.append((*name, min(days), max(days), calls))
    upsert(EventName, KEY, (*KEY, "first_seen", "last_seen", "calls"), rows)
    quiet = EventName.objects.filter(source__workspace=workspace, last_seen__lt=late.date())
    quiet.exclude(calls=0).update(calls=0)
    return len(rows)


def _known(workspace: Workspace) -> dict[Name, tuple[date, date]]:
    rows = EventName.objects.filter(source__workspace=workspace)
    return {
        (source, call_type, event): (first, last)
        for source, call_type, event, first, last in rows.values_list(
            *KEY, "first_seen", "last_seen"
        )
    }
