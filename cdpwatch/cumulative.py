"""Days out of Segment's billed usage, which is cumulative since the start of its period.

Pure: what was recorded of it is made again for any moment of the past.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from .days import DAY, next_month
from .readings import DayCount

NOT_BILLED_YET = "Segment has not billed this day yet."
MISSING_ROW = "Segment's answer has no row for this day, or none that can be read."


def daily(
    period: date, cumulatives: Mapping[date, int], today: date, *, starts_inside: bool = False
) -> list[DayCount]:
    """Calls a day from cumulative rows of the period that starts on `period`.

    A day is its row less the row of the day before; the first day is its own row. A missing
    row leaves that day and the next unknown, with a known joint sum. A row above a later one
    contradicts it and counts as missing. Days before `today` without a row are holes;
    `starts_inside` says that the series began with its first row, not with the period.
    Source of the semantics: Segment Public API, "daily cumulative" usage.
    """
    rows = _consistent(cumulatives)
    if not rows:
        return []
    counts: list[DayCount] = []
    last_day, last = period - DAY, 0
    if starts_inside:
        last_day = min(rows) - DAY
    for day in sorted(rows):
        counts += _step(last_day, day, rows[day] - last)
        last_day, last = day, rows[day]
    end = min(today, next_month(period))
    counts += [DayCount(day, None, NOT_BILLED_YET) for day in days_between(last_day + DAY, end)]
    return counts


def _step(last_day: date, day: date, calls: int) -> list[DayCount]:
    """The days after `last_day` up to `day`, which together made `calls`."""
    first = last_day + DAY
    if first == day:
        return [DayCount(day, calls)]
    gap = [DayCount(missing, None, MISSING_ROW) for missing in days_between(first, day)]
    return [*gap, DayCount(day, None, "The row before it is missing.", first, calls)]


def _consistent(cumulatives: Mapping[date, int]) -> dict[date, int]:
    """Rows that no later row falls below: a running total cannot shrink."""
    kept: dict[date, int] = {}
    ceiling: int | None = None
    for day in sorted(cumulatives, reverse=True):
        if ceiling is None or cumulatives[day] <= ceiling:
            kept[day] = ceiling = cumulatives[day]
    return kept


def days_between(start: date, end: date) -> list[date]:
    return [start + n * DAY for n in range((end - start).days)]
