"""The reconciliation as pages and files show it: counts side by side, gaps, functions' stations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
    sent_total,
    steps,
    vendor_pairs,
)

BADGES = {
    GapState.DIFFERS: ("warn", "Differs"),
    GapState.EXPLAINED: ("ok", "Explained"),
    GapState.AGREES: ("ok", "Agrees"),
    GapState.UNKNOWN: ("late", "Not known"),
}
ORDER = tuple(BADGES)  # what needs a look comes first
TARGET_SIDES = ("delivered", "failed", "filtered", "retried")


@dataclass(frozen=True)
class Cell:
    """Calls of the days that are known; None where none is, and then `why`."""

    calls: int | None
    days: int
    of: int
    why: str = ""

    @property
    def partly(self) -> bool:
        return 0 < self.days < self.of


@dataclass(frozen=True)
class Line:
    """One source, or the destinations of one system, with what every side counted."""

    title: str
    url: str
    cells: tuple[Cell, ...]
    badge: tuple[str, str]
    connections: int = 1


@dataclass(frozen=True)
class GapLine:
    """One comparison."""

    gap: Gap
    url: str
    badge: tuple[str, str]


@dataclass(frozen=True)
class Chain:
    """One function and the stations of its events, on the days that all of them know."""

    title: str
    url: str
    stations: tuple[tuple[Step, int | None], ...]
    days: int


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

    def count(self, *states: GapState) -> int:
        return sum(gap.state in states for gap in self.gaps)

    def state_of(self, pairs: Iterable[str]) -> tuple[str, str]:
        """The state of the first of ORDER among some comparisons."""
        keys = set(pairs)
        found = {gap.state for gap in self.gaps if gap.pair.key in keys}
        return BADGES[next((state for state in ORDER if state in found), GapState.UNKNOWN)]

    def has_calls(self, days: Days) -> bool:
        return any(calls for day, calls in days.items() if self.first <= day <= self.last)

    def cell(self, days: Days, why: str = "") -> Cell:
        known = [calls for day, calls in days.items() if self.first <= day <= self.last]
        length = (self.last - self.first).days + 1
        return Cell(sum(known) if known else None, len(known), length, why)


def report(rows: Rows, first: date, last: date) -> Report:
    pairs: Sequence[Pair] = (*own_pairs(rows), *vendor_pairs(rows))
    return Report(rows, first, last, tuple(compare(pair, first, last) for pair in pairs))


def gap_lines(found: Report) -> list[GapLine]:
    """Every comparison with calls on either side, what differs most first."""
    shown = [gap for gap in found.gaps if any(map(found.has_calls, _both(gap.pair)))]
    shown.sort(key=lambda gap: (ORDER.index(gap.state), -abs(gap.rest)))
    return [GapLine(gap, _url(gap.pair.connection), BADGES[gap.state]) for gap in shown]


def _both(pair: Pair) -> tuple[Days, Days]:
    return pair.base_days, pair.other_days


def _url(connection: int | None) -> str:
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
    received = rows.ingest.get(pk, {}).get("received", {})
    loaded = loaded_of(rows, pk) if rows.warehouse.get(pk) else {}
    days = {
        "billed": rows.billed.get(pk, {}),
        "live": live_total(rows, [pk]),
        "received": received,
        "warehouse": loaded,
    }
    cells = [found.cell(final(each, SIDES[side], rows.now)) for side, each in days.items()]
    vendor, keys = _vendor(found, (place,))
    own = [f"source/{pk}/{side}" for side in days]
    return Line(place.name, _url(pk), (*cells, vendor), found.state_of([*own, *keys]))


def _vendor(found: Report, places: tuple[Place, ...]) -> tuple[Cell, list[str]]:
    """The vendor's number of exactly these connections, and the keys of its comparisons."""
    group = next(g for g in _groups(found, places[0].direction) if places[0] in g.places)
    gaps = [gap for gap in found.gaps if gap.pair.key.startswith(f"{group.key}/")]
    asked = [gap for gap in gaps if gap.pair.key.partition(group.key)[2][1:] in found.rows.counters]
    if not asked:
        return found.cell({}, "No vendor's number"), []
    if len(group.places) > len(places):
        return found.cell({}, f"One number for {len(group.places)} sources: see Gaps"), []
    return found.cell(asked[0].pair.other_days), [gap.pair.key for gap in asked]


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
    sent = _final(found, "sent", live_total(rows, group.sources))
    counted = [_final(found, "delivered", sent_total(rows, places, n)) for n in numbers]
    why = "Segment gives no delivery numbers: device mode, or nothing was sent yet"
    cells = [found.cell(sent), *(found.cell(days, why) for days in counted)]
    vendor, keys = _vendor(found, group.places)
    state = found.state_of([f"{group.key}/handled", *keys])
    return Line(group.title, _one_url(group), (*cells, vendor), state, len(group.places))


def _warehouse_line(found: Report, group: Group) -> Line:
    rows, why = found.rows, "Segment's delivery metrics leave warehouses out"
    sent = _final(found, "sent", live_total(rows, group.sources))
    pair = next((g.pair for g in found.gaps if g.pair.key == f"{group.key}/warehouse"), None)
    loaded = found.cell(pair.other_days if pair else {}, "No rows were read from it yet")
    cells = (found.cell(sent), *[found.cell({}, why)] * len(TARGET_SIDES), loaded)
    state = found.state_of([f"{group.key}/warehouse"])
    return Line(group.title, _one_url(group), cells, state, len(group.places))


def _final(found: Report, side: str, days: Days) -> Days:
    return final(days, SIDES[side], found.rows.now)


def _one_url(group: Group) -> str:
    return _url(group.places[0].pk) if len(group.places) == 1 else ""


# --- functions ----------------------------------------------------------------------------------
def chains(found: Report) -> Iterator[Chain]:
    """Each source that a function feeds, with its events followed through."""
    for place in found.rows.places.values():
        if place.function and place.direction == Direction.SOURCE:
            yield _chain(found, place)


def _chain(found: Report, place: Place) -> Chain:
    stations = steps(found.rows, place)
    known = [set(step.days) for step in stations if step.days]
    days = {d for d in set.intersection(*known) if found.first <= d <= found.last}
    counted = [
        (step, sum(step.days[day] for day in days) if step.days and days else None)
        for step in stations
    ]
    return Chain(place.name, _url(place.pk), tuple(counted), len(days))
