"""A turn: every source's dataset, and what could not be read of one beside the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cdpwatch.counters import Clock, CountRow, Exactness, Kind
from cdpwatch.days import start_of
from cdpwatch.http import ApiError, BadPayload, Fields, NotFound, RateLimited, sample_of
from cdpwatch.readings import Rejection, TrafficReading, Window

from . import queries
from .jobs import Query, Warehouse
from .queries import CALL_TYPES, NEEDED, Table

QUARTER = 6  # hours; days that are over are scanned once in so many


@dataclass
class WarehouseReading:
    """What a turn gave. `scanned` are sources (by segment id) with the whole days of which
    `traffic` says everything; `asked` are the slugs of those of which everything could be asked;
    `counts` are raw rows, duplicates among them; `rest` is for how many seconds Google wants to
    hear no more, once a quota was used up on the way."""

    traffic: list[TrafficReading] = field(default_factory=list)
    counts: list[CountRow] = field(default_factory=list)
    scanned: list[tuple[str, Window]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    rest: float = 0.0


def check(warehouse: Warehouse, sources: Mapping[str, str]) -> str:
    """What is there, in a sentence. `sources`: slug by segment id. Raises ApiError.

    Asks for the datasets alone, which is free.
    """
    found = [slug for slug in sources.values() if _is_there(warehouse, slug)]
    if not found:
        raise NotFound(
            f"No dataset in project {warehouse.settings.project} is named after a source, or the"
            " account may not see them: BIGQUERY_DATASETS names others, Data Viewer shows them."
        )
    return f"{len(found)} of {len(sources)} sources have a dataset"


def _is_there(warehouse: Warehouse, slug: str) -> bool:
    try:
        warehouse.location(warehouse.settings.dataset_of(slug))
    except NotFound:
        return False
    return True


def read(
    warehouse: Warehouse,
    sources: Mapping[str, str],
    window: Window,
    now: datetime,
    since: Mapping[str, datetime] | None = None,
) -> WarehouseReading:
    """Rows and calls of the whole UTC days that `window` touches. `sources`: slug by segment id.

    `since`: from when a source, by slug, is to be read, where that is before the window.

    A source whose dataset cannot be read, or would cost too much, is left out and told in
    `rejections`; so are all that follow one for which a quota was used up, which is the project's.
    Raises ApiError where every source was left out like that: the quota's, else the first one's,
    a missing dataset last, since that is usual (a source that the warehouse does not take).
    """
    reading, left_out = WarehouseReading(), list[ApiError]()
    over: RateLimited | None = None
    for source_id, slug in sources.items():
        try:
            if over:
                raise over
            start = min(window.start, (since or {}).get(slug, window.start))
            days = queries.days_of(Window(start, window.end))
            _source(warehouse, reading, (source_id, slug), days, now)
            reading.asked.append(slug)
        except ApiError as error:
            over = error if isinstance(error, RateLimited) else over
            left_out.append(error)
            dataset = warehouse.settings.dataset_of(slug)
            reading.rejections.append(Rejection(f"dataset {dataset}", str(error)))
    reading.rest = over.retry_after or 0.0 if over else 0.0
    if sources and not reading.counts and left_out:
        raise over or min(left_out, key=lambda error: isinstance(error, NotFound))
    return reading


def _source(
    warehouse: Warehouse,
    reading: WarehouseReading,
    source: tuple[str, str],
    days: Window,
    now: datetime,
) -> None:
    """One dataset, the cheapest question first, so that counts are kept when a scan is refused."""
    source_id, slug = source
    dataset = warehouse.settings.dataset_of(slug)
    location = _location(warehouse, dataset)
    described = _tables(warehouse, dataset)
    found = _columns(warehouse, queries.columns(dataset, list(described)), location)
    tables = {table: at for table, at in described.items() if found[table.name] >= NEEDED}
    if not tables:
        raise NotFound(f"{dataset} holds none of Segment's tables yet: not set up, or no calls.")

    def ask(query: Query, parse: Callable[[Fields], Any]) -> list[Any]:
        return _taken(warehouse, query, location, parse, reading.rejections)

    present = list(tables)
    reading.counts.append(_loaded(slug, max(tables.values()), now))
    reading.counts += ask(queries.partitions(dataset, present, days), _partition_of(slug))
    for part, version in _parts(days, now):
        rejected = len(reading.rejections)
        query = queries.scan(dataset, present, found, part, version)
        reading.traffic += ask(query, _traffic_of(source_id, part))
        if len(reading.rejections) == rejected:
            reading.scanned.append((source_id, part))


def _location(warehouse: Warehouse, dataset: str) -> str:
    try:
        return warehouse.location(dataset)
    except NotFound:
        raise NotFound(
            f"BigQuery has no dataset {dataset}, or the account may not see it. If the warehouse"
            " takes this source under another name, BIGQUERY_DATASETS says which."
        ) from None


def _parts(days: Window, now: datetime) -> Iterator[tuple[Window, str]]:
    """Today, again when the tables changed; the days before it, once in six hours."""
    today = start_of(now.date())
    if days.start < today:
        past = Window(days.start, min(days.end, today))
        yield past, f"{now:%Y-%m-%d} {now.hour // QUARTER}"
    if days.end > today:
        yield Window(max(days.start, today), days.end), ""


def _tables(warehouse: Warehouse, dataset: str) -> dict[Table, datetime]:
    """Those of the six that exist, and when each was last written. Free."""
    described = {}
    for name in CALL_TYPES:
        google = warehouse.table(f"{dataset}.{name}")
        if google is not None:
            described[_table(name, google)] = google.modified.astimezone(UTC)
    if not described:
        raise NotFound(f"{dataset} holds none of Segment's tables yet: not set up, or no calls.")
    return described


def _table(name: str, google: Any) -> Table:
    by = google.time_partitioning
    return Table(
        name=name,
        partitioned_by=(by.field or "_PARTITIONTIME") if by else "",
        width=len(google.schema),
        state=f"{google.num_rows} {google.modified.timestamp():.3f}",
    )


def _columns(warehouse: Warehouse, query: Query, location: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in CALL_TYPES}
    for row in warehouse.ask(query, location):
        fields = Fields(row, query.shape)
        found.setdefault(fields.text("name"), set()).add(fields.text("field").lower())
    return found


def _taken(
    warehouse: Warehouse,
    query: Query,
    location: str,
    parse: Callable[[Fields], Any],
    rejections: list[Rejection],
) -> list[Any]:
    """What `parse` makes of each row; a row that it refuses goes to `rejections`."""
    taken, where = [], f"{query.shape} of {query.dataset}"
    for row in warehouse.ask(query, location):
        try:
            taken.append(parse(Fields(row, where)))
        except BadPayload as error:
            said = str(error).removeprefix(f"{where}.")
            rejections.append(Rejection(where, said, sample_of(row)))
    return taken


def _loaded(slug: str, at: datetime, now: datetime) -> CountRow:
    """When Segment last wrote to one of the tables, in seconds since 1970: how fresh it is."""
    return CountRow(
        bucket=start_of(now.date()),
        grain="day",
        kind=Kind.STATE,
        count=int(at.timestamp()),
        exactness=Exactness.STATE,
        clock=Clock.LOAD,
        event="last loaded",
        dims={"source": slug},
    )


def _partition_of(slug: str) -> Callable[[Fields], CountRow]:
    def parse(row: Fields) -> CountRow:
        return CountRow(
            bucket=_day(row, "%Y%m%d"),
            grain="day",
            kind=Kind.RECEIVED,
            count=row.whole("n"),
            exactness=Exactness.UPPER_BOUND,  # duplicates are rows too
            clock=Clock.LOAD,
            call_type=CALL_TYPES.get(row.text("name"), "*"),
            dims={"source": slug},
        )

    return parse


def _traffic_of(source_id: str, days: Window) -> Callable[[Fields], TrafficReading]:
    def parse(row: Fields) -> TrafficReading:
        day = _day(row, "%Y-%m-%d")
        if not days.start <= day < days.end:
            raise row.wrong("day", "is outside of the days that were asked for")
        return TrafficReading(
            source_id=source_id,
            day=day.date(),
            call_type=row.text("call_type"),
            event=row.text("event", ""),
            host=row.text("host", ""),
            path=row.text("path", ""),
            library=row.text("library", ""),
            anonymous=row.flag("anonymous"),
            count=row.whole("n"),
        )

    return parse


def _day(row: Fields, shape: str) -> datetime:
    try:
        return datetime.strptime(row.text("day"), shape).replace(tzinfo=UTC)
    except ValueError:
        raise row.wrong("day", "is not a day") from None
