"""What makes a sheet's numbers doubtful: one sentence for each reason, none where there is none.

Pure: a sheet in, sentences out. A number that looks wrong is told and counted: Segment's bill is
what it is until Segment restates it. One that cannot be is told and counts as unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from cdpwatch import snapshot, wording
from cdpwatch.days import DAY
from cdpwatch.snapshot.counts import ABSURD
from dashboards import parts

FEW = 7  # days that tell what is usual
ODD = 10  # times the largest other day
NAMED = 3  # days that a sentence names


@lru_cache(maxsize=2)
def doubts(sheet: snapshot.Sheet) -> tuple[str, ...]:
    """Sentences about the days of the running period."""
    calls = {day: n for day, n in parts.calls_by_day(sheet).items() if n is not None}
    found = [
        _impossible(sheet),
        _outlier(sheet, calls),
        _begins_inside(sheet, calls),
        _gaps(sheet, calls),
    ]
    return tuple(text for text in found if text)


def _impossible(sheet: snapshot.Sheet) -> str:
    """Days whose number is below nothing, or beyond anything; they count as unknown."""
    held = [count for day, count in sheet.days.items() if sheet.period.holds(day)]
    wrong = [count.day for count in held if count.reason == ABSURD]
    return f"{', '.join(map(wording.day, wrong[:NAMED]))}: {ABSURD}" if wrong else ""


def _outlier(sheet: snapshot.Sheet, calls: Mapping[date, float]) -> str:
    if len(calls) <= FEW:
        return ""
    *_, second, top = sorted(calls, key=calls.__getitem__)
    if not sheet.period.holds(top) or calls[top] <= ODD * max(1.0, calls[second]):
        return ""
    times = f"{calls[top] / max(1.0, calls[second]):.0f}"
    return (
        f"{wording.day(top)} was billed as {wording.short(calls[top])} calls, {times} times"
        " the next largest day: it counts until Segment restates it."
    )


def _begins_inside(sheet: snapshot.Sheet, calls: Mapping[date, float]) -> str:
    """Nothing at all is known of the first days."""
    known = [day for day, n in sheet.used_by_day.items() if n is not None]
    first = min([*known, *calls], default=sheet.period.start)
    missing = sheet.period.until(first)
    if not missing:
        return ""
    return (
        f"The counts begin on {wording.day(first)}: nobody knows the"
        f" {wording.plural(missing, 'day')} of {sheet.period.name} before it."
    )


def _gaps(sheet: snapshot.Sheet, calls: Mapping[date, float]) -> str:
    """Days within what is known that have no number."""
    today = sheet.made_at.date()
    known = [day for day, n in {**sheet.used_by_day, **calls}.items() if n is not None]
    first = max(min(known, default=today), sheet.period.start)
    days = (first + n * DAY for n in range((min(today, sheet.period.end) - first).days))
    holes = sum(day not in calls and sheet.used_by_day.get(day) is None for day in days)
    if not holes:
        return ""
    have = "has" if holes == 1 else "have"
    return (
        f"{wording.plural(holes, 'day')} of {sheet.period.name} {have} no number: what is used"
        " lacks them, and the projection estimates them."
    )
