"""The terms of the contract over time: what holds on which day, and what a period may use.

Amendments change the terms from a day on. One that changes the cycle ends the running period on
that day; one that changes the allowance within a period shares it by days, unless it says that it
holds for the whole of the running period. The periods tile the calendar: every day is in one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from cdpwatch import wording

from .money import Rate
from .periods import MONTHS, Cycle, Period

TERM = "term"  # one period from the first day of the contract to its last
KINDS = (*MONTHS, TERM)


@dataclass(frozen=True)
class CarryOver:
    """Unused calls go into the next period, `cap` of them at most (None: all)."""

    cap: int | None = None


@dataclass(frozen=True)
class Amendment:
    """What changes from `starts_on` on; None is left as it was."""

    starts_on: date
    allowance: int | None = None  # calls a period
    kind: str | None = None
    cycle_day: int | None = None
    ends_on: date | None = None  # the term now lasts to this day, without it
    rate: Rate | None = None
    whole: bool = False  # the allowance holds for the whole period that `starts_on` falls into

    @property
    def cuts(self) -> bool:
        """Whether the running period ends with it."""
        return self.kind is not None or self.cycle_day is not None


@dataclass(frozen=True)
class Terms:
    """The contract as the arithmetic needs it: as it began, and its amendments in order of days."""

    allowance: int  # calls a period
    kind: str  # one of KINDS
    cycle_day: int
    starts_on: date
    confirmed: bool
    ends_on: date | None = None  # the first day that it no longer covers
    rate: Rate = Rate()
    carry_over: CarryOver | None = None
    amendments: tuple[Amendment, ...] = ()
    anchor: date | None = None  # quarters and years count from its month, else from starts_on


def terms_at(terms: Terms, day: date) -> Terms:
    """The terms as amended by `day`; its amendments are those that are yet to come."""
    for amendment in terms.amendments:
        if amendment.starts_on > day:
            break
        terms = _amended(terms, amendment)
    return terms


def _amended(terms: Terms, by: Amendment) -> Terms:
    return replace(
        terms,
        allowance=terms.allowance if by.allowance is None else by.allowance,
        kind=by.kind or terms.kind,
        cycle_day=by.cycle_day or terms.cycle_day,
        ends_on=by.ends_on or terms.ends_on,
        rate=by.rate or terms.rate,
        anchor=by.starts_on if by.cuts else terms.anchor,
        amendments=tuple(row for row in terms.amendments if row.starts_on > by.starts_on),
    )


def end_of(terms: Terms) -> date | None:
    """The first day that the contract, with all its amendments, no longer covers."""
    extended = [row.ends_on for row in terms.amendments if row.ends_on]
    return extended[-1] if extended else terms.ends_on


def period_at(terms: Terms, day: date) -> Period:
    """The period that `day` falls into, before and after the contract too."""
    whole, cuts = _uncut(terms, day), _cuts(terms)
    start = max([whole.start, *(cut for cut in cuts if cut <= day)])
    return Period(start, min([whole.end, *(cut for cut in cuts if cut > day)]))


def period_before(terms: Terms, period: Period) -> Period:
    return period_at(terms, period.start - timedelta(days=1))


def period_after(terms: Terms, period: Period) -> Period:
    return period_at(terms, period.end)


def _uncut(terms: Terms, day: date) -> Period:
    """The period of `day` as if its terms had held before it and would hold after it."""
    held, end = terms_at(terms, day), end_of(terms)
    first = held.anchor or held.starts_on
    if held.kind == TERM and end is not None and first <= day < end:
        return Period(first, end)
    # Before and after a term its months go on.
    kind = held.kind if held.kind in MONTHS else "month"
    return Cycle(kind, held.cycle_day, first).period(day)


def _cuts(terms: Terms) -> list[date]:
    """Days on which a period begins whatever the cycle says."""
    cuts = {row.starts_on for row in terms.amendments if row.cuts}
    if terms.kind == TERM:
        cuts.add(terms.anchor or terms.starts_on)
    end = end_of(terms)
    return sorted(cuts | ({end} if end else set()))


def in_calendar_months(terms: Terms) -> bool:
    """Whether every period is made of whole calendar months."""
    days = {terms.cycle_day, *(row.cycle_day or 1 for row in terms.amendments)}
    return days == {1} and all(cut.day == 1 for cut in _cuts(terms))


def covers(terms: Terms, period: Period) -> bool:
    """Whether the contract says anything of a period."""
    end = end_of(terms)
    return period.end > terms.starts_on and (end is None or period.start < end)


def uncovered(terms: Terms, period: Period) -> str:
    """Why the contract says nothing of a period, with the day; "" where it covers it."""
    if covers(terms, period):
        return ""
    if period.end <= terms.starts_on:
        return f"the contract begins on {wording.day(terms.starts_on)} {terms.starts_on.year}"
    last = (end_of(terms) or period.start) - timedelta(days=1)
    return f"the contract ended on {wording.day(last)} {last.year}"


@dataclass(frozen=True)
class Piece:
    """Some days of a period, and the allowance of a whole one by which they are judged."""

    since: date
    days: int
    allowance: int


def pieces(terms: Terms, period: Period) -> list[Piece]:
    """The spans of a period over which its allowance stays the same; one, where nothing changed."""
    held = {period.start: terms_at(terms, period.start).allowance}
    for row in terms.amendments:
        if row.allowance is None or not period.start < row.starts_on < period.end:
            continue
        held = (
            {period.start: row.allowance} if row.whole else {**held, row.starts_on: row.allowance}
        )
    ends = [*list(held)[1:], period.end]
    return [
        Piece(since, (end - since).days, calls)
        for (since, calls), end in zip(held.items(), ends, strict=True)
    ]


def allowance_of(terms: Terms, period: Period) -> int | None:
    """Calls that a period may use, without what is carried into it; None: it is not covered.

    By days where the allowance changes within it, or where it was cut short.
    """
    if not covers(terms, period):
        return None
    shared = sum(piece.allowance * piece.days for piece in pieces(terms, period))
    days = _uncut(terms, period.start).days
    return (2 * shared + days) // (2 * days)


def is_cut(terms: Terms, period: Period) -> bool:
    """Whether an amendment or the end of the term made it shorter than its cycle."""
    return period != _uncut(terms, period.start)


def rate_of(terms: Terms, period: Period) -> Rate:
    """What a period costs: the rate of its last day, its price by days like the allowance."""
    last = terms_at(terms, period.last_day).rate
    if last.price is None:
        return last
    days, price = _uncut(terms, period.start).days, Decimal(0)
    starts = [period.start, *(row.starts_on for row in terms.amendments if row.rate)]
    starts = sorted({start for start in starts if period.holds(start)})
    for start, end in zip(starts, [*starts[1:], period.end], strict=True):
        held = terms_at(terms, start).rate.price
        if held is None:
            return replace(last, price=None)
        price += held * (end - start).days / days
    return replace(last, price=last.rounded(price))
