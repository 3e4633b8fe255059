"""Connections of one system taken together: a vendor knows one project, not our connections.

In Segment a destination belongs to one source, so that a system fed by seven sources is seven
destinations of the same name. What is not production is kept apart: no counter is asked about it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from cdpwatch.days import DAY, start_of
from cdpwatch.readings import Direction

from .compare import Days
from .rows import EVERY, Place, Rows, Sent

OTHER = "/other"  # ends the key of what is not production


@dataclass(frozen=True)
class Group:
    """The connections of one system and direction that are production, or those that are not."""

    key: str  # "destination/amplitude"
    title: str
    system: str
    direction: Direction
    places: tuple[Place, ...]

    @property
    def sources(self) -> set[int]:
        """Primary keys of the sources whose calls go through it."""
        if self.direction == Direction.SOURCE:
            return {place.pk for place in self.places}
        return {pk for place in self.places for pk in place.fed_by}


def groups(places: Iterable[Place], direction: Direction) -> list[Group]:
    """The groups of one direction by title; a connection of no system is a group by itself."""
    found: dict[tuple[str, bool], list[Place]] = {}
    for place in places:
        if place.direction == direction:
            name = place.system or f"connection-{place.pk}"
            found.setdefault((name, place.production), []).append(place)
    made = [_group(name, production, listed) for (name, production), listed in found.items()]
    return sorted(made, key=lambda group: (group.title.lower(), group.key))


def _group(name: str, production: bool, places: list[Place]) -> Group:
    first = places[0]
    apart = bool(first.system) and not production
    return Group(
        key=f"{first.direction}/{name}{OTHER if apart else ''}",
        title=f"{first.title}, not production" if apart else first.title,
        system=first.system,
        direction=first.direction,
        places=tuple(places),
    )


def of_system(rows: Rows, system: str, direction: Direction) -> Group | None:
    """What the counter of a system is about: its production connections, else all it has."""
    found = [group for group in groups(rows.places.values(), direction) if group.system == system]
    return min(found, key=lambda group: group.key.endswith(OTHER), default=None)


# --- counts of several connections -------------------------------------------------------------
def live_total(rows: Rows, sources: Iterable[int]) -> Days:
    """Live calls of some sources together, of every day that live volume was read for."""
    return live_of(rows, sources, lambda call_type, event: event == EVERY)


def live_of(rows: Rows, sources: Iterable[int], wanted: Callable[[str, str], bool]) -> Days:
    """Live calls of the kinds that `wanted(call type, event)` picks; EVERY is all events."""
    total = dict.fromkeys(rows.live_days, 0)
    for pk in sources:
        for kind, days in rows.live.get(pk, {}).items():
            if wanted(*kind):
                for day, calls in days.items():
                    total[day] += calls
    return total


def sent_total(
    rows: Rows,
    places: Iterable[Place],
    number: Callable[[Sent], int],
    wanted: Callable[[str], bool] = bool,
) -> Days:
    """One number of some destinations together, of the call types that are `wanted`."""
    return added(_sent_of(rows, place, number, wanted) for place in places)


def _sent_of(
    rows: Rows, place: Place, number: Callable[[Sent], int], wanted: Callable[[str], bool]
) -> Days:
    total: Counter[date] = Counter()
    for call_type, days in rows.sent.get(place.pk, {}).items():
        for day, sent in days.items():
            total[day] += number(sent) if wanted(call_type) else 0
    return filled(total, live_total(rows, place.fed_by))


def received_of(rows: Rows, source: int) -> Days:
    """Received calls of one source; none on a day that was read, where it has neither these nor
    live ones. {} for a source that nothing was ever received of."""
    received = rows.ingest.get(source, {}).get("received", {})
    read = {day for outcomes in rows.ingest.values() for day in outcomes.get("received", {})}
    live = live_total(rows, [source])
    known = {day: calls for day, calls in live.items() if day in read}
    return filled(received, known) if received else {}


def loaded_of(rows: Rows, source: int) -> Days:
    """Rows of one source in the warehouse, of the days that a good sync has fetched whole."""
    days = filled(rows.warehouse.get(source, {}), live_total(rows, [source]))
    end = rows.loaded_to.get(source)
    return {day: n for day, n in days.items() if end is None or start_of(day) + DAY <= end}


def partitions_of(rows: Rows, source: Place) -> Days:
    """Rows of one source by the partition, that is the day, into which they were loaded."""
    total: Counter[date] = Counter()
    for row in rows.vendors:
        if row.clock == "load" and row.dims == f"source={source.slug}":
            total[row.day] += row.count
    return total


def added(parts: Iterable[Days]) -> Days:
    """Sums of the days that every part knows."""
    listed = list(parts)
    known = set.intersection(*(set(part) for part in listed)) if listed else set()
    return {day: sum(part[day] for part in listed) for day in known}


def filled(days: Days, base: Days) -> Days:
    """`days` with the zeros that are certain: where `base`, which is never less, is zero."""
    return {**{day: 0 for day, calls in base.items() if not calls}, **days}
