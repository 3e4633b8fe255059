"""A source function's events followed through: in, out, delivered, loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from operator import attrgetter

from cdpwatch.readings import Direction

from .compare import Days
from .pairs import final
from .places import live_total, loaded_of, sent_total
from .rows import Place, Rows
from .sides import CLOCKS, SIDES, Side
from .vendors import counted_by


@dataclass(frozen=True)
class Step:
    """One station of a function's events, and what was counted there."""

    where: str  # "In: Livestorm: registrations", "Delivered to Prod - Amplitude"
    side: Side
    days: Days
    missing: str = ""  # why there is no number at all

    def calls(self, first: date, last: date) -> int | None:
        """Calls of the days that are known, or None where none is."""
        known = [calls for day, calls in self.days.items() if first <= day <= last]
        return sum(known) if known else None


def steps(rows: Rows, source: Place) -> list[Step]:
    """The stations of what one function source sends, in the order that an event takes."""
    found = [*_webhooks(rows, source), _out(rows, source)]
    targets = [place for place in rows.places.values() if source.pk in place.fed_by]
    for place in sorted(targets, key=lambda place: (place.direction, place.name)):
        found.append(_into(rows, source, place))
    return found


def _webhooks(rows: Rows, source: Place) -> Iterator[Step]:
    counters = [side for side in rows.counters.values() if side.app == source.system]
    tallies = counted_by(rows.vendors)
    for counter in counters:
        tally = tallies.get((counter.key, "emitted"))
        clock = CLOCKS.get(tally.clock, tally.clock) if tally else "–"
        side = Side(counter.title, clock, counter.settles)
        days = final(tally.days, side, rows.now) if tally else {}
        why = "" if tally else "Nothing was read from it yet: see Coverage."
        yield Step(f"In: {counter.title}", side, days, why)
    if not counters:
        yield Step("In", Side("–", "–", SIDES["live"].settles), {}, "Nobody counts what comes in.")


def _out(rows: Rows, source: Place) -> Step:
    side = SIDES["live"]
    return Step(f"Out: {source.name}", side, final(live_total(rows, [source.pk]), side, rows.now))


def _into(rows: Rows, source: Place, place: Place) -> Step:
    if place.direction == Direction.WAREHOUSE:
        side = SIDES["warehouse"]
        days = loaded_of(rows, source.pk) if rows.warehouse.get(source.pk) else {}
        why = "" if days else "No rows were read from the warehouse."
        return Step(f"Loaded into {place.name}", side, final(days, side, rows.now), why)
    side = SIDES["delivered"]
    known = rows.sent.get(place.pk)
    days = sent_total(rows, [place], attrgetter("delivered")) if known else {}
    why = "" if known else "Segment gave no delivery numbers for it."
    return Step(f"Delivered to {place.name}", side, final(days, side, rows.now), why)
