"""The invoice check: what Segment billed against what was counted, by day and by source.

A line of an invoice may name a day, a source, both or neither; what it does not name cannot be
compared, and stands in a row that says so. Both tables add up to the difference of the totals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

UNNAMED_DAY, UNNAMED_SOURCE = "not told by day", "not told by source"


@dataclass(frozen=True)
class Line:
    """Calls billed; `source` is its Segment id."""

    calls: int
    day: date | None = None
    source: str = ""


@dataclass(frozen=True)
class Difference:
    """Billed less ours, of one ISO day or Segment id; "" is what the invoice does not tell.

    `ours` is None of a day or a source that nobody here knows: there is nothing to compare.
    """

    key: str
    label: str
    billed: int
    ours: int | None

    @property
    def calls(self) -> int | None:
        return None if self.ours is None else self.billed - self.ours


@dataclass(frozen=True)
class Check:
    """The invoice against our counts, in calls."""

    billed: int
    ours: int | None  # None where no day is known
    by_day: tuple[Difference, ...]
    by_source: tuple[Difference, ...]
    unknown_days: int  # of ours: the difference may be theirs alone

    @property
    def calls(self) -> int | None:
        return None if self.ours is None else self.billed - self.ours


def check(
    billed: int,
    lines: Sequence[Line],
    days: Mapping[date, int | None],
    sources: Mapping[str, int],
    names: Mapping[str, str],
) -> Check:
    """Compare an invoice over `billed` calls with our `days` of its period and our `sources`.

    `days` has every day of the period, None where nobody knows it; `sources` are calls by Segment
    id, `names` what people call them: one that it lacks is a source that nobody here knows.
    """
    known = [calls for calls in days.values() if calls is not None]
    ours = sum(known) if known else None
    counted = {day.isoformat(): calls for day, calls in days.items()}
    by_day = _sums((line.day.isoformat() if line.day else "", line.calls) for line in lines)
    by_source = _sums((line.source, line.calls) for line in lines)
    return Check(
        billed,
        ours,
        _differences(by_day, counted, billed, ours, {}, UNNAMED_DAY),
        _differences(
            by_source,
            {**dict.fromkeys(names, 0), **sources} if known else {},
            billed,
            ours,
            names,
            UNNAMED_SOURCE,
        ),
        len(days) - len(known),
    )


def _sums(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for key, calls in pairs:
        if key:
            total[key] = total.get(key, 0) + calls
    return total


def _differences(
    theirs: Mapping[str, int],
    ours: Mapping[str, int | None],
    billed: int,
    counted: int | None,
    labels: Mapping[str, str],
    unnamed: str,
) -> tuple[Difference, ...]:
    """A row for each thing that the invoice names, then one for everything else."""
    rows: list[Difference] = [
        Difference(key, labels.get(key, key), calls, ours.get(key))
        for key, calls in sorted(theirs.items())
    ]
    rest = Difference(
        "",
        unnamed,
        billed - sum(row.billed for row in rows),
        None if counted is None else counted - sum(row.ours or 0 for row in rows),
    )
    return (*rows, rest) if rest.billed or rest.ours else tuple(rows)
