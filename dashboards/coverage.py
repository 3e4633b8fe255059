"""What is counted of each system, by whom, how lately; what nobody can count, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils.text import slugify

from cdpwatch import roster, snapshot, wording
from cdpwatch.counters import COUNTERS, Counter
from cdpwatch.detectors.blind import is_late
from cdpwatch.models import App, DeliveryDay, Flow, Function, PollerState, VendorCount, Workspace
from cdpwatch.readings import Direction, PollerHealth
from cdpwatch.reconciling import CLOCKS, SIDES, Place
from dashboards.bands import BandLine
from dashboards.rows import url_of

LATELY = timedelta(days=31)
OWN = "No vendor counts its calls: Segment and the warehouse alone do."
NO_COUNTER = "No counter asks the other side how much arrived."
WAREHOUSE = "Segment's delivery metrics leave warehouses out: rows are counted in the warehouse."
NO_DELIVERIES = (
    "{} of {} destinations have no delivery numbers: the browser sends to them past Segment's "
    "servers (device mode), or nothing was sent in the last month."
)
NOT_FOUND = "Declared, but Segment lists no connection of this name."

# What Segment, and our warehouse, count of a connection: side, poller, finest grain.
FEEDS: Mapping[Direction, tuple[tuple[str, str, str], ...]] = {
    Direction.SOURCE: (
        ("billed", "usage", "day"),
        ("live", "volume", "minute"),
        ("received", "ingest", "day"),
        ("warehouse", "bigquery", "day"),
    ),
    Direction.DESTINATION: (("delivered", "delivery", "day"),),
    Direction.WAREHOUSE: (("syncs", "syncs", "sync"),),
}


@dataclass(frozen=True)
class Standing:
    """How the reading of a count stands."""

    state: str
    word: str
    last_good: datetime | None
    error: str = ""


@dataclass(frozen=True)
class Feed:
    """One count of one system: who reads it, whose clock it has, how it stands."""

    title: str
    grain: str
    clock: str
    final: str  # how long after its end a day's number is final
    standing: Standing
    of_segment: bool = False  # or of our warehouse: the same reading for every system
    connect: tuple[str, ...] = ()  # the lines that connect it; () once it is connected
    bands: tuple[BandLine, ...] = ()  # what it bounds, where it counts no calls
    is_band: bool = False


@dataclass(frozen=True)
class System:
    """One app or function of the catalog."""

    name: str
    flow: str
    url: str
    feeds: tuple[Feed, ...]
    blind: tuple[str, ...]

    @property
    def plain(self) -> list[Feed]:
        """Counts that many systems share, where nothing is to be said of them."""
        return [feed for feed in self.feeds if feed.of_segment and feed.standing.state == "ok"]

    @property
    def shown(self) -> list[Feed]:
        plain = self.plain
        return [feed for feed in self.feeds if feed not in plain]


@dataclass(frozen=True)
class Known:
    """What is read once for all systems."""

    now: datetime
    places: Mapping[str, list[Place]]  # by system
    states: Mapping[str, PollerState]
    told: Mapping[str, tuple[str, str]]  # grains and clock of each counter's rows, in words
    every: Mapping[str, timedelta]  # between two turns, by poller
    connected: set[str]  # pollers and counters
    delivering: set[int]  # destinations with delivery numbers
    bands: Sequence[BandLine]


def systems(workspace: Workspace, now: datetime, bands: Sequence[BandLine] = ()) -> list[System]:
    """The apps in the catalog's order, then the functions, each with what counts it."""
    known = _known(workspace, now, bands)
    apps = [
        _system(known, app.slug, app.name, Flow(app.flow), url_of(app))
        for app in App.objects.filter(workspace=workspace)
    ]
    functions = [
        _system(known, slugify(row.name), f"{row.name} (function)", Flow.SOURCE, url_of(row))
        for row in Function.objects.filter(workspace=workspace)
    ]
    return list(_once([*apps, *functions]))


def _once(found: Sequence[System]) -> Iterator[System]:
    """How to connect a count is said where it is first missing; after that, where to look."""
    said: dict[tuple[str, ...], str] = {}
    for system in found:
        yield replace(system, feeds=tuple(_said(feed, said) for feed in system.feeds))
        for feed in system.feeds:
            if feed.connect:
                said.setdefault(feed.connect, system.name)


def _said(feed: Feed, said: Mapping[tuple[str, ...], str]) -> Feed:
    if feed.connect not in said:
        return feed
    error = f"How to connect it: see {said[feed.connect]}."
    return replace(feed, connect=(), standing=replace(feed.standing, error=error))


def _known(workspace: Workspace, now: datetime, bands: Sequence[BandLine]) -> Known:
    places = defaultdict(list)
    for place in snapshot.places_of(workspace).values():
        places[place.system].append(place)
    sent = DeliveryDay.objects.filter(
        destination__workspace=workspace, day__gte=(now - LATELY).date()
    )
    return Known(
        now=now,
        places=places,
        states={row.poller: row for row in PollerState.objects.filter(workspace=workspace)},
        told=_told(workspace, now),
        every={name: poller.every for name, poller in roster.everyone().items()},
        connected=set(roster.connected(workspace)),
        delivering=set(sent.values_list("destination_id", flat=True).distinct()),
        bands=bands,
    )


def _told(workspace: Workspace, now: datetime) -> dict[str, tuple[str, str]]:
    rows = VendorCount.objects.filter(workspace=workspace, bucket__gte=now - LATELY)
    grains: dict[str, set[str]] = defaultdict(set)
    clocks: dict[str, str] = {}
    for counter, grain, clock in rows.values_list("counter", "grain", "clock").distinct():
        grains[counter].add(grain)
        clocks[counter] = CLOCKS.get(clock, clock)
    return {counter: (", ".join(sorted(grains[counter])), clocks[counter]) for counter in grains}


def _system(known: Known, slug: str, name: str, flow: Flow, url: str) -> System:
    places = known.places.get(slug, [])
    counters = [counter for counter in COUNTERS.values() if counter.app == slug]
    feeds = (*_of_segment(known, places), *(_of_vendor(known, each) for each in counters))
    blind = tuple(_blind(known, places, counters))
    return System(name, str(flow.label), url, feeds, blind)


# --- what counts it ----------------------------------------------------------------------------
def _of_segment(known: Known, places: Sequence[Place]) -> Iterator[Feed]:
    for direction in sorted({place.direction for place in places}, reverse=True):
        for name, poller, grain in FEEDS[direction]:
            side = SIDES[name]
            final = wording.length(side.settles)
            connect = _connect(known, poller)
            standing = standing_of(known, poller)
            yield Feed(side.title, grain, side.clock, final, standing, True, connect)


def _of_vendor(known: Known, counter: Counter) -> Feed:
    grain, clock = known.told.get(counter.key, ("", ""))
    return Feed(
        title=counter.title,
        grain=grain,
        clock=clock,
        final=wording.length(counter.caps.settles),
        standing=standing_of(known, counter.key),
        connect=_connect(known, counter.key),
        bands=tuple(line for line in known.bands if line.counter == counter.key),
        is_band=counter.caps.covers.endswith("as a band"),
    )


def standing_of(known: Known, poller: str) -> Standing:
    """The first that is true, the worst first."""
    state = known.states.get(poller)
    if poller not in known.connected:
        return Standing("off", "Not connected", state.last_good if state else None)
    if state is None or state.last_good is None:
        return Standing("late", "Not read yet", None, state.error if state else "")
    turns = (known.every[poller], state.first_due, state.last_good, state.failures, state.error)
    if is_late(PollerHealth(poller, *turns), known.now):
        return Standing("bad", "Late", state.last_good, state.error)
    if state.failures:
        return Standing("warn", "Failing", state.last_good, state.error)
    return Standing("ok", "Good", state.last_good)


def _connect(known: Known, poller: str) -> tuple[str, ...]:
    """The lines of the environment that connect a counter; () where nothing is missing."""
    counter = COUNTERS.get(poller)
    if counter is None or poller in known.connected:
        return ()
    return tuple(key.line for key in counter.keys if key.connects)


# --- what nobody counts ------------------------------------------------------------------------
def _blind(known: Known, places: Sequence[Place], counters: Sequence[Counter]) -> Iterator[str]:
    """Why something of a system is not observable, in sentences."""
    if not places:
        yield NOT_FOUND
    by = {direction: [p for p in places if p.direction == direction] for direction in Direction}
    silent = [place for place in by[Direction.DESTINATION] if place.pk not in known.delivering]
    if silent:
        yield NO_DELIVERIES.format(len(silent), len(by[Direction.DESTINATION]))
    if by[Direction.WAREHOUSE]:
        yield WAREHOUSE
    elif places and not counters:
        yield OWN if by[Direction.SOURCE] else NO_COUNTER
    yield from (counter.blind for counter in counters if counter.blind)
