"""Bands: numbers of a vendor that bound Segment's calls, or show that something arrives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from cdpwatch import wording
from cdpwatch.reconciling import Gap, common
from dashboards.reconciliation import ORDER, Report, badge_of


@dataclass(frozen=True)
class BandLine:
    """One band over the days of a report; `newest` is the last day of them that it knows."""

    gap: Gap
    counter: str
    span: str  # "1 to 61,398"
    newest: date | None
    read: datetime | None  # last good reading of its counter
    badge: tuple[str, str]


def band_lines(found: Report) -> list[BandLine]:
    """Every band with a number on the days of the report, what is outside first."""
    lines = [_line(found, gap) for gap in found.gaps if gap.pair.band]
    return sorted(lines, key=lambda line: ORDER.index(line.gap.state))


def _line(found: Report, gap: Gap) -> BandLine:
    *_, counter, _ = gap.pair.key.split("/")
    newest, read = _newest(found, common(gap.pair)), found.rows.read.get(counter)
    return BandLine(gap, counter, span_of(gap), newest, read, badge_of(gap))


def span_of(gap: Gap) -> str:
    """Its two ends in words: "1 to 61,398", "at least 4,523"."""
    if not gap.days:
        return ""
    least = wording.exact(gap.least)
    return f"at least {least}" if gap.most is None else f"{least} to {wording.exact(gap.most)}"


def _newest(found: Report, days: Iterable[date]) -> date | None:
    return max((day for day in days if found.first <= day <= found.last), default=None)
