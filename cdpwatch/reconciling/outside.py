"""The other sides: what a vendor counts, against the same calls as Segment counted them.

A vendor rarely counts every call: Amplitude takes an identify call for no event, Customer.io's
metrics are about some event names only. Those calls are a named cause of the gap, to the call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

from cdpwatch.readings import Direction

from .compare import Days, Pair, Share
from .pairs import final
from .places import Group, live_of, live_total, of_system, sent_total
from .rows import EVERY, OtherSide, Rows
from .sides import CLOCKS, SIDES, Side
from .vendors import Tally, counted_by

TWICE = "retried, which the other side may have counted twice"
MOVES = "It files a call by {}, Segment by {}: calls around midnight may lie in another day."
BOUNDLESS = 1e6  # a share; times no calls it is none, as infinity is not
BAND = "Its number is a bound, not a count: only the side that it bounds is judged."


@dataclass(frozen=True)
class Seen:
    """Segment's count of what goes to or comes from a vendor."""

    base: Side
    total: Days
    covered: Days  # of the calls that the vendor counts
    possible: tuple[Share, ...] = ()


def vendor_pairs(rows: Rows) -> Iterator[Pair]:
    """One comparison for each counter that counts calls, where Segment counts the same ones."""
    for (key, kind), tally in counted_by(rows.vendors).items():
        counter = rows.counters.get(key)
        if counter and counter.what and kind in DIRECTIONS:
            group = of_system(rows, counter.app, DIRECTIONS[kind])
            seen = _emitted if kind == "emitted" else _received
            if group:
                yield _pair(rows, group, counter, tally, seen(rows, group, counter, tally))


DIRECTIONS = {"emitted": Direction.SOURCE, "received": Direction.DESTINATION}


def _emitted(rows: Rows, group: Group, counter: OtherSide, tally: Tally) -> Seen:
    def counts(call_type: str, event: str) -> bool:
        if _is_whole(tally):
            return event == EVERY and _covers(counter, call_type)
        return (call_type, event) in tally.names

    total = live_total(rows, group.sources)
    return Seen(SIDES["live"], total, live_of(rows, group.sources, counts))


def _received(rows: Rows, group: Group, counter: OtherSide, tally: Tally) -> Seen:
    def counts(call_type: str) -> bool:
        if _is_whole(tally):
            return _covers(counter, call_type)
        return any(call_type == known for known, _ in tally.names)

    places = [place for place in group.places if rows.sent.get(place.pk)]
    delivered, retried = attrgetter("delivered"), attrgetter("retried")
    return Seen(
        base=SIDES["delivered"],
        total=sent_total(rows, places, delivered),
        covered=sent_total(rows, places, delivered, counts),
        possible=(Share(TWICE, sent_total(rows, places, retried, counts)),),
    )


def _is_whole(tally: Tally) -> bool:
    """Whether its rows are of every call type that the counter covers."""
    return any(call_type == EVERY for call_type, _ in tally.names)


def _covers(counter: OtherSide, call_type: str) -> bool:
    return not counter.covers or call_type in counter.covers


def _pair(rows: Rows, group: Group, counter: OtherSide, tally: Tally, seen: Seen) -> Pair:
    other = Side(counter.title, CLOCKS.get(tally.clock, tally.clock), counter.settles)
    uncounted = {day: seen.covered[day] - calls for day, calls in seen.total.items()}
    named = any(event != EVERY for _, event in tally.names)
    what = "of other events" if named else f"no {counter.what}"
    return Pair(
        key=f"{group.key}/{counter.key}",
        subject=group.title,
        base=seen.base,
        other=other,
        base_days=final(seen.total, seen.base, rows.now),
        other_days=final(tally.days, other, rows.now),
        expected=_expected(counter, tally),
        causes=(Share(f"{what}, so not counted there", uncounted),),
        possible=seen.possible,
        notes=_notes(seen.base, tally),
        connection=group.places[0].pk if len(group.places) == 1 else None,
    )


def _expected(counter: OtherSide, tally: Tally) -> tuple[float, float]:
    """The counter's tolerance; a bound says nothing about the side that it does not bound."""
    low, high = counter.expected
    if tally.exactness == "lower_bound":
        return -1.0, high
    return (low, BOUNDLESS) if tally.exactness == "upper_bound" else (low, high)


def _notes(base: Side, tally: Tally) -> tuple[str, ...]:
    moves = MOVES.format(CLOCKS.get(tally.clock, tally.clock), base.clock.removesuffix(", UTC"))
    notes = [moves] if tally.clock in ("event", "upload", "load") else []
    return tuple([*notes, BAND] if tally.exactness.endswith("_bound") else notes)
