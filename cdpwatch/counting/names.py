"""Event names: since when and until when each source sent one, folded from the live volume's days.

Names older than the volume that was read so far begin with its oldest day.
"""

from __future__ import annotations

from datetime import date

from django.db.models import Max, Min

from cdpwatch.models import EventName, VolumeDay, Workspace
from cdpwatch.readings import UNNAMED, Window

from .rows import upsert

KEY = ("source_id", "call_type", "event")
Name = tuple[int, str, str]


def fold_event_names(workspace: Workspace, window: Window) -> int:
    """Bring the event names up to date with the volume of `window`.

    A name's first day only moves back and its last only on, whichever window is folded first.
    Returns the names seen.
    """
    seen = VolumeDay.objects.filter(
        source__workspace=workspace, bucket__gte=window.start, bucket__lt=window.end
    ).exclude(event__in=UNNAMED)
    known = _known(workspace)
    rows = []
    for source, call_type, event, first, last in seen.values_list(*KEY).annotate(
        Min("bucket"), Max("bucket")
    ):
        name = (source, call_type, event)
        days = (first.date(), last.date(), *known.get(name, ()))
        rows.append((*name, min(days), max(days)))
    upsert(EventName, KEY, (*KEY, "first_seen", "last_seen"), rows)
    return len(rows)


def _known(workspace: Workspace) -> dict[Name, tuple[date, date]]:
    rows = EventName.objects.filter(source__workspace=workspace)
    return {
        (source, call_type, event): (first, last)
        for source, call_type, event, first, last in rows.values_list(
            *KEY, "first_seen", "last_seen"
        )
    }
