"""The values that pass between stages: what pollers read, what decisions are made of.

Frozen dataclasses, nothing else: no Django, no I/O, no clock. Days are UTC days, instants are
aware UTC datetimes, counts are whole calls unless a field says otherwise.

    pollers -> WorkspaceReading, ConnectionReading, FunctionReading,
               UsageReading, VolumeReading, DeliveryReading,
               Rejection                                      -> counting, catalog
    snapshot -> DayCount, TrafficSlice, PollerHealth, ...      -> detectors, pages
    detectors -> Finding                                      -> alerts
    alerts -> Message                                         -> channels
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum


class Direction(StrEnum):
    """What a connection is in Segment."""

    SOURCE = "source"
    DESTINATION = "destination"
    WAREHOUSE = "warehouse"


class Grain(StrEnum):
    """Width of a volume bucket, as Segment's `granularity` names it."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


# Traffic of this window says that something goes on right now. Segment's volume lags a minute
# and is read every two, so a turn may fail before it looks quiet.
RECENT = timedelta(minutes=4)

LONGEST_ID = 100  # characters of an id of Segment's; real ones have 27 at most
CALL_TYPES = ("track", "identify", "page", "screen", "group", "alias")
LONGEST_CALL_TYPE = 10  # characters that the tables have room for


@dataclass(frozen=True)
class Window:
    """A half-open span of time, `start` inclusive, `end` exclusive."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True)
class WorkspaceReading:
    """What `GET /` says: the workspace that the token belongs to."""

    segment_id: str
    slug: str
    name: str


@dataclass(frozen=True)
class ConnectionReading:
    """One source, destination or warehouse. Write keys and settings are dropped at the door."""

    segment_id: str
    direction: Direction
    name: str
    slug: str
    enabled: bool
    metadata_id: str
    metadata_name: str
    metadata_slug: str
    labels: Mapping[str, str] = field(default_factory=dict)
    fed_by: tuple[str, ...] = ()  # segment ids of the sources that feed it


@dataclass(frozen=True)
class FunctionReading:
    """One Segment function; `kind` is Segment's resourceType, e.g. "SOURCE"."""

    segment_id: str
    kind: str
    name: str
    description: str
    catalog_id: str
    deployed_at: datetime | None


@dataclass(frozen=True)
class UsageReading:
    """Cumulative billed calls since `period_start`, up to the end of `day`.

    `source_id` is a Segment id, or None for the workspace's own total.
    """

    source_id: str | None
    period_start: date
    day: date
    cumulative: int


@dataclass(frozen=True)
class VolumeReading:
    """Live calls of one source, call type and event in the bucket that starts at `bucket`."""

    grain: Grain
    source_id: str
    bucket: datetime
    call_type: str
    event: str  # "" for calls that carry no name
    count: int


@dataclass(frozen=True)
class DeliveryReading:
    """What one destination was sent on one day, by call type."""

    destination_id: str
    day: date
    call_type: str
    delivered: int
    failed: int
    filtered: int
    retried: int


class NotRecorded(Exception):
    """An answer of the right shape that must not be written; `str` is a sentence for people."""


class NoData(NotRecorded):
    """Segment had nothing to say where it had something before: that is not zero."""


@dataclass(frozen=True)
class Rejection:
    """One row of an answer that was not taken. `sample` is the row, without secret values."""

    where: str  # the list, e.g. "GET /sources: sources"
    reason: str  # e.g. "enabled is not true or false"
    sample: str = ""


@dataclass(frozen=True)
class DayCount:
    """Calls of one UTC day. `calls` None is a hole, and `reason` says why.

    A hole can still have a known joint sum: the last day of the gap then carries the calls of
    all days since `joint_since`, both ends included.
    """

    day: date
    calls: int | None
    reason: str = ""
    joint_since: date | None = None
    joint_calls: int | None = None


@dataclass(frozen=True)
class TrafficSlice:
    """Live traffic of one source, call type and event, with what the judge needs to know of it."""

    source_id: int  # primary key of the Connection
    source_name: str
    app: str  # the app's slug, "" when unmatched
    environment: str  # "" when unknown
    call_type: str
    event: str
    recent: int = 0  # calls in the last RECENT
    last_hour: int = 0
    total: int = 0  # calls in the running period
    by_day: Mapping[date, int] = field(default_factory=dict)
    first_seen: datetime | None = None  # first bucket of the run of traffic that still goes on


@dataclass(frozen=True)
class PollerHealth:
    """What a poller last did. `last_good` None means that it never worked."""

    name: str
    every: timedelta
    started: datetime  # when it was first due
    last_good: datetime | None
    failures: int  # in a row
    error: str
    resumed: datetime | None = None  # when the worker last came up


@dataclass(frozen=True)
class Finding:
    """Something a detector saw that people should know, in words and numbers.

    The same `fingerprint` is the same incident: at most one open alert carries it.
    """

    fingerprint: str
    kind: str
    severity: str  # "critical" or "warning"
    title: str
    consequence: str
    facts: tuple[tuple[str, str], ...] = ()  # label, value; in the order they are shown
    data: Mapping[str, object] = field(default_factory=dict)  # plain JSON, kept as evidence


@dataclass(frozen=True)
class Message:
    """One step of one alert in plain text; each channel escapes it for its own markup."""

    state: str  # "OPEN" or "RESOLVED after 3 h": the first word people read
    kind: str
    severity: str
    title: str
    consequence: str
    facts: tuple[tuple[str, str], ...]
    footer: str  # clock, age and the alert's id
    url: str
    demo: bool
