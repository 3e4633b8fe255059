"""The reconciliation as pages and files show it: counts side by side, gaps, functions' stations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from operator import attrgetter

from django.urls import reverse

from cdpwatch.readings import Direction
from cdpwatch.reconciling import (
    SIDES,
    Days,
    Gap,
    GapState,
    Group,
    Pair,
    Place,
    Rows,
    Sent,
    Step,
    compare,
    final,
    groups,
    live_total,
    loaded_of,
    own_pairs,
    received_of,
    sent_total,
    steps,
    vendor_pairs,
)

BADGES = {
    GapState.DIFFERS: ("warn", "Differs"),
    GapState.OUTSIDE: ("warn", "Outside"),
    GapState.POSSIBLE: ("late", "May be explained"),
    GapState.EXPLAINED: ("ok", "Explained"),
    GapState.AGREES: ("ok", "Agrees"),
    GapState.WITHIN: ("ok", "Within"),
    GapState.UNKNOWN: ("late", "Not known"),
}
ORDER = tuple(BADGES)  # what needs a look comes first
# Of a destination Segment's own numbers must add up; that says nothing of the other side.
SUMS = {
    GapState.DIFFERS: ("warn", "Does not add up"),
    GapState.UNKNOWN: ("late", "Not known"),
}
ADDS_UP = ("ok", "Adds up")
FAILING = 5.0  # percent of what was tried, from which failures are pointed at
TARGET_SIDES = ("delivered", "failed", "filtered", "retried")


@dataclass(frozen=True)
class Cell:
    """Calls of the days that are known; None where none is, and then `why`."""

    calls: int | None
    days: int
    of: int
    why: str = ""
    bound: str = ""  # "at least" or "at most": a bound of the calls, no count

    @property
    def partly(self) -> bool:
        return 0 < self.days < self.of


@dataclass(frozen=True)
class Line:
    """One source, or the destinations of one system, with what every side counted."""

    title: str
    url: str
    cells: tuple[Cell, ...]
    badge: tuple[str, str] | None  # None where nobody else counts it
    connections: int = 1
    counted: int = 1  # of these, with numbers
    adds_up: tuple[str, str] | None = None
    failing: str = ""  # "29% failed" of what was tried, where it is a lot


@dataclass(frozen=True)
class GapLine:
    """One comparison."""

    gap: Gap
    url: str
    badge: tuple[str, str]


@dataclass(frozen=True)
class Station:
    """One step of a function's events. `gained` calls more than `of` of an earlier step."""

    step: Step
    cell: Cell
    gained: int | None
    percent: float | None


@dataclass(frozen=True)
class Chain:
    """One function and the stations of its events."""

    title: str
    url: str
    stations: tuple[Station, ...]


@dataclass(frozen=True)
class Report:
    """Everything that is compared in some settled UTC days, both ends included."""

    rows: Rows
    first: date
    last: date
    gaps: tuple[Gap, ...]

    @property
    def bill(self) -> Gap:
        """The workspace's bill against the sum of its sources."""
        return next(gap for gap in self.gaps if gap.pair.key == "workspace/sources")

    def badge_of(self, pairs: Iterable[str]) -> tuple[str, str] | None:
        """The badge of the first of ORDER among some comparisons, of the fewest days."""
        keys = set(pairs)
        found = [gap for gap in self.gaps if gap.pair.key in keys]
        found.sort(key=lambda gap: (ORDER.index(gap.state), gap.days))
        return badge_of(found[0]) if found else None

    def has_calls(self, days: Days) -> bool:
        return any(calls for day, calls in days.items() if self.first <= day <= self.last)

    def cell(self, days: Days, why: str = "") -> Cell:
        known = [calls for day, calls in days.items() if self.first <= day <= self.last]
        length = (self.last - self.first).days + 1
        return Cell(sum(known) if known else None, len(known), length, why)


def report(rows: Rows, first: date, last: date) -> Report:
    pairs: Sequence[Pair] = (*own_pairs(rows), *vendor_pairs(rows))
    return Report(rows, first, last, tuple(compare(pair, first, last) for pair in pairs))


def badge_of(gap: Gap, words: tuple[str, str] | None = None) -> tuple[str, str]:
    """The badge of one comparison; that it rests on some of the days alone is part of it."""
    state, word = words or BADGES[gap.state]
    part = f", {gap.days} of {gap.of} days" if 0 < gap.days < gap.of else ""
    return state, f"{word}{part}"


def gap_lines(found: Report) -> list[GapLine]:
    """Every comparison of two counts with calls on either side, what differs most first."""
    counts = [gap for gap in found.gaps if not gap.pair.band]
    shown = [gap for gap in counts if any(map(found.has_calls, _both(gap.pair)))]
    shown.sort(key=lambda gap: (ORDER.index(gap.state), -abs(gap.rest)))
    return [GapLine(gap, url_of_connection(gap.pair.connection), badge_of(gap)) for gap in shown]


def _both(pair: Pair) -> tuple[Days, Days]:
    return pair.base_days, pair.other_days


def url_of_connection(connection: int | None) -> str:
    return reverse("catalog-connection", args=[connection]) if connection else ""


# --- sources ------------------------------------------------------------------------------------
def source_lines(found: Report) -> list[Line]:
    """Sources with a number on any side: billed, live, received, warehouse, vendor."""
    sources = [p for p in found.rows.places.values() if p.direction == Direction.SOURCE]
    lines = [_source_line(found, place) for place in sources]
    shown = [line for line in lines if any(cell.calls for cell in line.cells)]
    return sorted(shown, key=lambda line: -(line.cells[0].calls or line.cells[1].calls or 0))


def _source_line(found: Report, place: Place) -> Line:
    rows, pk = found.rows, place.pk
    loaded = loaded_of(rows, pk) if rows.warehouse.get(pk) else {}
    days = {
        "billed": rows.billed.get(pk, {}),
        "live": live_total(rows, [pk]),
        "received": received_of(rows, pk),
        "warehouse": loaded,
    }
    cells = [found.cell(final(each, SIDES[side], rows.now)) for side, each in days.items()]
    vendor, keys = _vendor(found, (place,))
    own = [f"source/{pk}/{side}" for side in days]
    badge = found.badge_of([*own, *keys]) or BADGES[GapState.UNKNOWN]
    return Line(place.name, url_of_connection(pk), (*cells, vendor), badge)


def _vendor(found: Report, places: tuple[Place, ...]) -> tuple[Cell, list[str]]:
    """The vendor's number of exactly these connections, and the keys of its comparisons."""
    group = next(g for g in _groups(found, places[0].direction) if places[0] in g.places)
    gaps = [gap for gap in found.gaps if gap.pair.key.startswith(f"{group.key}/")]
    asked = [gap for gap in gaps if _counter_of(gap, group) in found.rows.counters]
    asked.sort(key=lambda gap: gap.pair.band)
    if not asked:
        return found.cell({}, "No vendor's number"), []
    if len(group.places) > len(places):
        return found.cell({}, f"One number for {len(group.places)} sources: see Gaps"), []
    cell = found.cell(asked[0].pair.other_days, "No settled day was read yet")
    return replace(cell, bound=asked[0].bound), [gap.pair.key for gap in asked]


def _counter_of(gap: Gap, group: Group) -> str:
    return gap.pair.key.removeprefix(f"{group.key}/").partition("/")[0]


def _groups(found: Report, direction: Direction) -> list[Group]:
    return groups(found.rows.places.values(), direction)


# --- destinations -------------------------------------------------------------------------------
def target_lines(found: Report) -> list[Line]:
    """Destinations and warehouses by system: TARGET_SIDES between for it and the vendor's."""
    lines = [_destination_line(found, group) for group in _groups(found, Direction.DESTINATION)]
    lines += [_warehouse_line(found, group) for group in _groups(found, Direction.WAREHOUSE)]
    return sorted(lines, key=lambda line: -(line.cells[0].calls or 0))


def _destination_line(found: Report, group: Group) -> Line:
    rows = found.rows
    places = [place for place in group.places if rows.sent.get(place.pk)]
    numbers: list[Callable[[Sent], int]] = [attrgetter(side) for side in TARGET_SIDES]
    # What went to a connection without numbers is in no sum, so it is not in this one either.
    sources = {pk for place in places for pk in place.fed_by} or group.sources
    sent = _final(found, "sent", live_total(rows, sources))
    counted = [_final(found, "delivered", sent_total(rows, places, n)) for n in numbers]
    why = "Segment gives no delivery numbers: device mode, or nothing was sent yet"
    cells = [found.cell(sent), *(found.cell(days, why) for days in counted)]
    vendor, keys = _vendor(found, group.places)
    return Line(
        title=group.title,
        url=_one_url(group),
        cells=(*cells, vendor),
        badge=found.badge_of(keys),
        connections=len(group.places),
        counted=len(places),
        adds_up=_adds_up(found, group),
        failing=_failing(*cells[1:3]),
    )


def _adds_up(found: Report, group: Group) -> tuple[str, str]:
    """Whether what was received for it was delivered, failed or filtered."""
    gap = next(gap for gap in found.gaps if gap.pair.key == f"{group.key}/handled")
    return badge_of(gap, SUMS.get(gap.state, ADDS_UP))


def _failing(delivered: Cell, failed: Cell) -> str:
    """Failed calls in percent of those that were tried, from FAILING on."""
    if not failed.calls or delivered.calls is None:
        return ""
    percent = 100 * failed.calls / (delivered.calls + failed.calls)
    return f"{percent:.0f}% failed" if percent >= FAILING else ""


def _warehouse_line(found: Report, group: Group) -> Line:
    rows, why = found.rows, "Segment's delivery metrics leave warehouses out"
    sent = _final(found, "sent", live_total(rows, group.sources))
    pair = next((g.pair for g in found.gaps if g.pair.key == f"{group.key}/warehouse"), None)
    loaded = found.cell(pair.other_days if pair else {}, "No rows were read from it yet")
    cells = (found.cell(sent), *[found.cell({}, why)] * len(TARGET_SIDES), loaded)
    badge = found.badge_of([f"{group.key}/warehouse"])
    return Line(group.title, _one_url(group), cells, badge, len(group.places), len(group.places))


def _final(found: Report, side: str, days: Days) -> Days:
    return final(days, SIDES[side], found.rows.now)


def _one_url(group: Group) -> str:
    return url_of_connection(group.places[0].pk) if len(group.places) == 1 else ""


# --- functions ----------------------------------------------------------------------------------
def chains(found: Report) -> Iterator[Chain]:
    """Each source that a function feeds, with its events followed through."""
    for place in found.rows.places.values():
        if place.function and place.direction == Direction.SOURCE:
            yield _chain(found, place)


def _chain(found: Report, place: Place) -> Chain:
    stations = [_station(found, step) for step in steps(found.rows, place)]
    return Chain(place.name, url_of_connection(place.pk), tuple(stations))


def _station(found: Report, step: Step) -> Station:
    gained, of = step.gained(found.first, found.last) or (None, 0)
    percent = 100 * gained / of if gained is not None and of else None
    return Station(step, found.cell(step.days, step.missing), gained, percent)
