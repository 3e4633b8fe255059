"""What is compared, as plain values: who sends what where, and what every side counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cdpwatch.readings import Direction

from .compare import Days

EVERY = "*"  # a vendor's row that is about every call type, or every event


@dataclass(frozen=True)
class Place:
    """One connection. `system` is the slug of the app or function behind it, "" for none."""

    pk: int
    name: str
    direction: Direction
    system: str
    title: str  # of the system: "Amplitude"; of itself where there is none
    production: bool
    fed_by: tuple[int, ...] = ()  # primary keys of its sources
    function: bool = False  # a source function feeds it
    slug: str = ""  # of a source, as the warehouse's counters name it


@dataclass(frozen=True)
class Sent:
    """Calls of one destination, UTC day and call type."""

    delivered: int = 0
    failed: int = 0
    filtered: int = 0
    retried: int = 0

    @property
    def handled(self) -> int:
        return self.delivered + self.failed + self.filtered

    def __add__(self, more: Sent) -> Sent:
        return Sent(
            self.delivered + more.delivered,
            self.failed + more.failed,
            self.filtered + more.filtered,
            self.retried + more.retried,
        )


@dataclass(frozen=True)
class VendorDay:
    """What a counter said of one UTC day, summed over the buckets of one grain."""

    counter: str
    kind: str  # a counters.Kind
    day: date
    grain: str
    call_type: str
    event: str
    dims: str
    count: int
    exactness: str
    clock: str


@dataclass(frozen=True)
class OtherSide:
    """What is to know of a counter before its numbers are compared."""

    key: str
    title: str
    app: str
    what: str  # "track, page and screen calls": what is compared; "" where nothing can be
    covers: frozenset[str]  # these call types; empty for every one
    expected: tuple[float, float]  # vendor less Segment, in shares
    settles: timedelta


@dataclass(frozen=True)
class Rows:
    """Everything that was counted in some days. Outer keys are primary keys of connections."""

    now: datetime
    places: Mapping[int, Place]
    workspace: Days
    billed: Mapping[int, Days]
    live: Mapping[int, Mapping[tuple[str, str], Days]]  # by call type and event, or EVERY
    live_days: frozenset[date]  # read for all sources at once: no row is no call
    ingest: Mapping[int, Mapping[str, Days]]  # by outcome: received, failed, filtered
    sent: Mapping[int, Mapping[str, Mapping[date, Sent]]]  # by call type
    warehouse: Mapping[int, Days]  # rows of each source that were loaded
    synced: Mapping[int, Days]  # rows of Segment's syncs by source and UTC day of the load
    loaded_to: Mapping[int, datetime]  # begin of the last good sync of each source
    loads_every: Mapping[int, timedelta]  # between two good syncs of a source, on average
    read: Mapping[str, datetime]  # last good reading of each poller and counter
    vendors: tuple[VendorDay, ...]
    counters: Mapping[str, OtherSide]
