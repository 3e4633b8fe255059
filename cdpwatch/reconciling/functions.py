"""A source function's events followed through: in, out, delivered, loaded.

Each station says what it lost of the calls of an earlier one: what went out of the function is
measured by what came in, what was delivered and loaded by what went out. A vendor counts some
kinds of events alone, so `like` are this station's calls of the kinds that `of` counted.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter

from cdpwatch.readings import Direction

from .compare import Days
from .pairs import final
from .places import live_of, live_total, loaded_of, sent_total
from .rows import EVERY, OtherSide, Place, Rows, VendorDay
from .sides import CLOCKS, SIDES, Side
from .vendors import coarsest

BY_SESSION = "People by session: who registered may have done so on a day before."
TWICE = "Rows, not calls: a track call may be a row of two tables, by the day of the load."


@dataclass(frozen=True)
class Step:
    """One station of a function's events, and what was counted there."""

    where: str  # "In: Livestorm: registrations", "Delivered to Prod - Amplitude"
    side: Side
    days: Days
    missing: str = ""  # why there is no number at all
    of: Days = field(default_factory=dict)  # calls of the earlier station
    like: Days = field(default_factory=dict)  # of the same kinds, here
    note: str = ""

    def gained(self, first: date, last: date) -> tuple[int, int] | None:
        """Calls more than (below zero: lost of) the earlier station, and what that one had.

        Of the days that both know; None where there is none.
        """
        days = [day for day in self.of.keys() & self.like.keys() if first <= day <= last]
        before = sum(self.of[day] for day in days)
        return (sum(self.like[day] for day in days) - before, before) if days else None

    def calls(self, first: date, last: date) -> int | None:
        """Calls of the days that are known, or None where none is."""
        known = [calls for day, calls in self.days.items() if first <= day <= last]
        return sum(known) if known else None


def steps(rows: Rows, source: Place) -> list[Step]:
    """The stations of what one function source sends, in the order that an event takes."""
    counters = [side for side in rows.counters.values() if side.app == source.system]
    entered = [_in(rows, counter) for counter in counters] or [_nobody()]
    out = _out(rows, source, counters, entered[0])
    targets = [place for place in rows.places.values() if source.pk in place.fed_by]
    targets.sort(key=lambda place: (place.direction, place.name))
    return [*entered, out, *(_into(rows, source, place, out) for place in targets)]


def _nobody() -> Step:
    return Step("In", Side("–", "–", SIDES["live"].settles), {}, "Nobody counts what comes in.")


def _in(rows: Rows, counter: OtherSide) -> Step:
    """What came in. Where a vendor lists sessions, a day without one had nobody."""
    told = _told(rows, counter)
    clock = CLOCKS.get(told[0].clock, told[0].clock) if told else "–"
    side = Side(counter.title, clock, counter.settles)
    by_day: dict[date, list[VendorDay]] = defaultdict(list)
    for row in told:
        by_day[row.day].append(row)
    days = {day: sum(row.count for row in coarsest(listed)) for day, listed in by_day.items()}
    listed = any(row.grain == "run" for row in told)
    if listed:
        days = dict.fromkeys(rows.live_days, 0) | days
    read = min(rows.read.get(counter.key, rows.now), rows.now)
    why = "" if told else "Nothing was read from it yet: see Coverage."
    where = f"In: {counter.title}"
    return Step(where, side, final(days, side, read), why, note=BY_SESSION if listed else "")


def _told(rows: Rows, counter: OtherSide) -> list[VendorDay]:
    return [row for row in rows.vendors if (row.counter, row.kind) == (counter.key, "emitted")]


def _out(rows: Rows, source: Place, counters: list[OtherSide], entered: Step) -> Step:
    side = SIDES["live"]
    kinds = {(row.call_type, row.event) for each in counters[:1] for row in _told(rows, each)}
    every = any(call_type == EVERY for call_type, _ in kinds)
    total = final(live_total(rows, [source.pk]), side, rows.now)
    like = total if every else live_of(rows, [source.pk], lambda *kind: kind in kinds)
    where = f"Out: {source.name}"
    return Step(where, side, total, of=entered.days, like=final(like, side, rows.now))


def _into(rows: Rows, source: Place, place: Place, out: Step) -> Step:
    if place.direction == Direction.WAREHOUSE:
        return _loaded(rows, source, place, out)
    side = SIDES["delivered"]
    known = rows.sent.get(place.pk)
    days = sent_total(rows, [place], attrgetter("delivered")) if known else {}
    why = "" if known else "Segment gave no delivery numbers for it."
    days = final(days, side, rows.now)
    return Step(f"Delivered to {place.name}", side, days, why, of=out.days, like=days)


def _loaded(rows: Rows, source: Place, place: Place, out: Step) -> Step:
    """Calls in the warehouse where it was asked, else the rows that Segment says it loaded."""
    where = f"Loaded into {place.name}"
    if rows.warehouse.get(source.pk):
        side = SIDES["warehouse"]
        days = final(loaded_of(rows, source.pk), side, rows.now)
        return Step(where, side, days, of=out.days, like=days)
    side = SIDES["syncs"]
    days = final(rows.synced.get(source.pk, {}), side, rows.now)
    why = "" if days else "No whole day of loads was read yet."
    return Step(where, side, days, why, note=TWICE if days else "")
