"""The other sides: what a vendor counts, against the same calls as Segment counted them.

A vendor rarely counts every call: Amplitude takes an identify call for no event, Customer.io's
metrics are about some event names only. Those calls are a named cause of the gap, to the call.
A number that bounds the calls of one type is a band: HubSpot's changed contacts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cdpwatch.readings import Direction

from .compare import BOUNDLESS, Days, Pair, Share
from .pairs import final
from .places import Group, of_system
from .rows import OtherSide, Rows
from .sides import CLOCKS, Side
from .uncounted import Seen, seen_from, seen_to, shares
from .vendors import Tally, counted_by

TWICE = "retried, which the other side may have counted twice"
MOVES = (
    "It files a call by {}, the other count by {}: those around midnight may lie in another day."
)
BAND = "A bound, not a count: several calls of one person may show once there."
DIRECTIONS = {"emitted": Direction.SOURCE, "received": Direction.DESTINATION}


@dataclass(frozen=True)
class Told:
    """One tally of one counter. `bounded` is the call type that it bounds, "" for a count."""

    group: Group
    counter: OtherSide
    tally: Tally
    bounded: str

    @property
    def side(self) -> Side:
        events = {event for _, event in self.tally.names} - {"*"}
        named = f"{self.counter.title.partition(':')[0]}: {', '.join(sorted(events))}"
        title = named if self.bounded and events else self.counter.title
        return Side(title, CLOCKS.get(self.tally.clock, self.tally.clock), self.counter.settles)


def vendor_pairs(rows: Rows) -> Iterator[Pair]:
    """One comparison for each number of calls, and for each bound of one, that a counter gave."""
    for (key, kind, bounded), tally in counted_by(rows.vendors).items():
        counter = rows.counters.get(key)
        if counter and counter.what and kind in DIRECTIONS:
            group = of_system(rows, counter.app, DIRECTIONS[kind])
            seen = seen_from if kind == "emitted" else seen_to
            if group:
                told = Told(group, counter, tally, bounded)
                yield (_band if bounded else _count)(rows, told, seen(rows, group, counter, tally))


def _count(rows: Rows, told: Told, seen: Seen) -> Pair:
    return replace(
        _pair(rows, told, seen.base, seen.total),
        expected=told.counter.expected,
        causes=tuple(shares(seen)),
        possible=tuple(_maybe(seen)),
        notes=_notes(seen.base, told.tally),
    )


def _maybe(seen: Seen) -> Iterator[Share]:
    if seen.retried:
        yield Share(TWICE, seen.retried)
    yield from (Share(name, _less(days)) for name, days in seen.unsure.items())


def _less(days: Days) -> Days:
    return {day: -calls for day, calls in days.items()}


def _band(rows: Rows, told: Told, seen: Seen) -> Pair:
    """Only the side that a bound bounds is judged, and that something was seen at all."""
    low, high = told.counter.expected
    upper = told.tally.exactness == "upper_bound"
    base = replace(seen.base, title=f"{seen.base.title}, {told.bounded} calls")
    pair = _pair(rows, told, base, seen.covered)
    return replace(
        pair,
        key=f"{pair.key}/{told.bounded}",
        expected=(low, BOUNDLESS) if upper else (-1.0, high),
        notes=() if upper else (BAND,),
        band=True,
    )


def _pair(rows: Rows, told: Told, base: Side, days: Days) -> Pair:
    """A day is final by what the counter said of it after it had settled, not by the clock."""
    group, other = told.group, told.side
    read = min(rows.read.get(told.counter.key, rows.now), rows.now)
    return Pair(
        key=f"{group.key}/{told.counter.key}",
        subject=group.title,
        base=base,
        other=other,
        base_days=final(days, base, rows.now),
        other_days=final(told.tally.days, other, read),
        expected=(0.0, 0.0),
        connection=group.places[0].pk if len(group.places) == 1 else None,
    )


def _notes(base: Side, tally: Tally) -> tuple[str, ...]:
    moves = MOVES.format(CLOCKS.get(tally.clock, tally.clock), base.clock.removesuffix(", UTC"))
    return (moves,) if tally.clock in ("event", "upload", "load") else ()
