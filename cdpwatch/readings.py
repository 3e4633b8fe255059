"""The values that pass between stages: what pollers read, what decisions are made of.

Frozen values, nothing else: no Django, no I/O, no clock. Days are UTC days, instants are
aware UTC datetimes, counts are whole calls unless a field says otherwise.

    pollers -> WorkspaceReading, ConnectionReading, FunctionReading,
               UsageReading, VolumeReading, DeliveryReading, IngestReading,
               SyncReading, AuditReading, SchemaReading, PeriodReading,
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
from typing import NamedTuple


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
LONGEST_REASON = 100


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


OTHER = "(other)"  # in place of an event's name: the folded tail of many
UNNAMED = ("", OTHER)


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
    discards: tuple[Discard, ...] = ()  # what makes up `failed` and `filtered`


@dataclass(frozen=True)
class Discard:
    """Calls that did not reach a destination, and Segment's reason, e.g. "FILTERED_BY_RULES"."""

    outcome: str  # "failed" or "filtered"
    reason: str
    calls: int


@dataclass(frozen=True)
class IngestReading:
    """What became of one source's calls at Segment's door on one day, by call type and reason.

    `outcome` is received, failed (on ingest) or filtered (at the source, and received before it).
    """

    source_id: str
    day: date
    call_type: str
    outcome: str
    reason: str  # Segment's discard reason; "" for received calls
    calls: int


@dataclass(frozen=True)
class SyncReading:
    """One run that loaded a source's rows into a warehouse. `ended_at` None: it still runs."""

    source_id: str
    started_at: datetime
    ended_at: datetime | None
    status: str  # Segment's own word, of no fixed set
    rows: int
    said: str  # its notices, one after the other


@dataclass(frozen=True)
class AuditReading:
    """Something that was done in Segment. Who did it does not leave the poller."""

    segment_id: str
    at: datetime
    kind: str  # Segment's own words, e.g. "Source Disabled"
    resource_type: str
    resource_id: str
    resource_name: str


@dataclass(frozen=True)
class SchemaReading:
    """What one source does with calls that break its schema; a forwarded copy is billed again."""

    source_id: str
    forwards_violations_to: str  # a source's Segment id, "" for nowhere
    forwards_blocked_to: str
    settings: Mapping[str, Mapping[str, bool | str]]  # by call type, as Segment names them


@dataclass(frozen=True)
class PeriodReading:
    """A usage period as Segment counts users in it: first and last UTC day."""

    starts_on: date
    ends_on: date


@dataclass(frozen=True)
class TrafficReading:
    """Calls of one source on one day of receipt in the warehouse; each message counts once.

    `path` is the first segment of a page's path, "/pricing". Texts are "" where a call has none.
    """

    source_id: str
    day: date
    call_type: str
    event: str
    host: str
    path: str
    library: str
    anonymous: bool
    count: int


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


class MonthCount(NamedTuple):  # a thousand of them are made for one answer
    """Calls of one UTC calendar month, the sum of its days.

    `unknown_days` of the month have no number, neither alone nor in a joint sum; of the running
    month the days to come are among them.
    """

    calls: int
    unknown_days: int

    def plus(self, calls: int, days: int) -> MonthCount:
        """With the calls of some of the days that were unknown."""
        return MonthCount(self.calls + calls, self.unknown_days - days)


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
