"""Why the largest movers of a period moved, as far as rows tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Max, Min, Q

from cdpwatch import wording
from cdpwatch.budget import closing
from cdpwatch.budget.reasons import Evidence, reason
from cdpwatch.budget.shares import Part, Shares, movers
from cdpwatch.days import start_of
from cdpwatch.models import Leak, PlannedEvent, SourceDay

from .ledger import Ledger, live_calls


def moved_most(read: Ledger, sources: Shares, ids: Mapping[str, int]) -> tuple[closing.Mover, ...]:
    moved = movers(sources)
    known = _evidence(read, [ids[part.key] for part in moved if part.key in ids])
    return tuple(
        closing.Mover(
            part.label,
            part.calls,
            part.change or 0,
            reason(part, known.get(ids.get(part.key, 0), Evidence()), read.span),
        )
        for part in moved
    )


def _evidence(read: Ledger, sources: Sequence[int]) -> dict[int, Evidence]:
    """What is known of some sources, in six queries whatever their number."""
    seen = SourceDay.objects.filter(source__in=sources, calls__gt=0, day__lt=read.span.end)
    firsts = {
        pk: (first, last)
        for pk, first, last in seen.values_list("source").annotate(Min("day"), Max("day"))
    }
    leaks, plans = _leaks(read, sources), _plans(read)
    live = live_calls(read, ("source__pk", "event"), Q(source__in=sources))
    return {
        pk: Evidence(
            *firsts.get(pk, (None, None)),
            leaks=tuple(leaks.get(pk, ())),
            plans=(*plans.get(None, ()), *plans.get(pk, ())),
            events=_events(pk, live[read.span], live[read.before]),
        )
        for pk in sources
    }


def _leaks(read: Ledger, sources: Iterable[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    rows = Leak.objects.filter(source__in=sources, since__lt=start_of(read.span.end))
    for row in rows.exclude(alert__resolved_at__lt=start_of(read.span.start)):
        found[row.source_id].append(f"{row.call_type} calls since {wording.day(row.since.date())}")
    return found


def _plans(read: Ledger) -> dict[int | None, list[str]]:
    """Names of events that begin or end in the period, by source; None is all of them."""
    found: dict[int | None, list[str]] = defaultdict(list)
    rows = PlannedEvent.objects.filter(contract=read.contract, cancelled_at=None)
    for row in rows:
        if read.span.holds(row.starts_on) or (row.ends_on and read.span.holds(row.ends_on)):
            found[row.source_id].append(row.name)
    return found


def _events(
    source: int,
    now: Mapping[tuple[Any, ...], int],
    then: Mapping[tuple[Any, ...], int],
) -> tuple[Part, ...]:
    names = {event for pk, event in (*now, *then) if pk == source}
    return tuple(
        Part(
            name,
            name or "calls without a name",
            now.get((source, name), 0),
            then.get((source, name), 0),
        )
        for name in sorted(names)
    )
