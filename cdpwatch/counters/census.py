"""What Census (Fivetran Activations) sent to Segment: the records of each sync run.

One record sent is one call. Version 1 of its API ends on 15 January 2027; version 2 has the same
runs below /api/v2, calls destinations "activations", gives ids as text, and wants a personal
access token. Names of fields drifted over the years, so each count is looked for under all.
"""

from __future__ import annotations

import re
from collections import Counter as Sums
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from cdpwatch.days import DAY, start_of
from cdpwatch.http import BadPayload, Fields, JsonApi, Refused
from cdpwatch.http.payload import fields_of
from cdpwatch.readings import NoData, Window
from cdpwatch.wording import plural

from .base import Caps, Clock, Counter, CountRow, Exactness, Key, Keys, Kind
from .reading import days_of, told

Row = TypeVar("Row")

PER_PAGE, MOST_PAGES = 100, 1_000
LONGEST_RUN = DAY  # runs come in the order in which they began; one ends at most so much later
CALL_TYPES = {"user": "identify", "group": "group", "track": "track", "event": "track"}
SENT = ("records_updated", "records_succeeded")
FAILED = ("records_failed",)
REFUSALS = {
    401: (
        "Census refused the key: version 1 wants a workspace's API key, version 2"
        " (CENSUS_API_VERSION=2) a personal access token. A workspace in the EU is asked at"
        " CENSUS_API_URL=https://app-eu.getcensus.com"
    ),
    403: "Census knows the key, but it may not read syncs",
    404: (
        "Census knows no such address. Version 1 of its API ends on 15 January 2027: use"
        " CENSUS_API_VERSION=2 with a personal access token"
    ),
}


@dataclass(frozen=True)
class Version:
    """Where one version of the API has things."""

    root: str
    destinations: str
    advice: str = ""


VERSIONS = {
    "1": Version(
        "/api/v1",
        "/destinations",
        " Version 1 of its API ends on 15 January 2027: CENSUS_API_VERSION=2 wants a personal"
        " access token.",
    ),
    "2": Version("/api/v2", "/activations"),
}


class Sync(NamedTuple):
    id: str
    destination: str
    call_type: str


class Run(NamedTuple):
    id: str
    began: datetime
    ended: datetime | None  # None while it runs
    full: bool  # it sent every record again
    sent: int
    failed: int


def headers(keys: Keys) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {keys['api_key']}"}


def check(api: JsonApi, keys: Keys) -> str:
    version = version_of(keys)
    syncs = _to_segment(api, version)
    return f"Census answers: {plural(len(syncs), 'sync')} to Segment.{version.advice}"


def fetch(api: JsonApi, keys: Keys, window: Window) -> Iterator[CountRow]:
    """Rows of the runs that ended on the window's UTC days, and their sums by day and call type.

    Sums are a lower bound where a run could not be read. Raises ApiError, and NoData when
    no sync goes to Segment.
    """
    version, days = version_of(keys), days_of(window)
    whole = Window(start_of(days[0]), start_of(days[-1]) + DAY)
    syncs = _to_segment(api, version)
    if not syncs:
        raise NoData("Census lists no sync to a Segment destination.")
    sums: Sums[tuple[datetime, str, Kind]] = Sums()
    for sync in syncs:
        for run in _runs(api, version, sync, whole):
            for row in _rows_of(sync, run):
                sums[start_of(row.bucket.date()), row.call_type, row.kind] += row.count
                yield row
    exactness = Exactness.LOWER_BOUND if api.rejections else Exactness.EXACT
    for (day, call_type, kind), count in sums.items():
        yield CountRow(day, "day", kind, count, exactness, Clock.DELIVER, call_type)


def version_of(keys: Keys) -> Version:
    """Raises Refused for a version that there is not."""
    number = (keys.get("api_version") or "1").lstrip("v")
    if number not in VERSIONS:
        raise Refused("CENSUS_API_VERSION is neither 1 nor 2.")
    return VERSIONS[number]


def _rows_of(sync: Sync, run: Run) -> list[CountRow]:
    if run.ended is None:
        return []
    dims = {"full_sync": str(run.full).lower(), "run": run.id, "sync": sync.id}
    counts = {Kind.EMITTED: run.sent, Kind.FAILED: run.failed}
    return [
        CountRow(
            run.ended, "run", kind, count, Exactness.EXACT, Clock.DELIVER, sync.call_type, dims=dims
        )
        for kind, count in counts.items()
    ]


def _to_segment(api: JsonApi, version: Version) -> list[Sync]:
    where = version.root + version.destinations
    kinds = dict(row for page in _pages(api, where, _destination) for row in page)
    path = f"{version.root}/syncs"
    found = {sync.id: sync for page in _pages(api, path, _sync) for sync in page}
    return [s for s in found.values() if "segment" in kinds.get(s.destination, "").lower()]


def _runs(api: JsonApi, version: Version, sync: Sync, window: Window) -> list[Run]:
    """Those that ended in the window, once each: a run that begins meanwhile moves the pages."""
    path = f"{version.root}/syncs/{sync.id}/sync_runs"
    found: dict[str, Run] = {}
    for page in _pages(api, path, _run, order="desc"):
        found.update((run.id, run) for run in page)
        if page and page[-1].began < window.start - LONGEST_RUN:
            break
    return [r for r in found.values() if r.ended and window.start <= r.ended < window.end]


def _pages(
    api: JsonApi, path: str, parse: Callable[[Fields], Row], **params: str
) -> Iterator[list[Row]]:
    page = 1
    while page <= MOST_PAGES:
        with told(REFUSALS):
            answer = api.get(path, {"page": page, "per_page": PER_PAGE, **params})
        fields = fields_of(answer, f"GET {path}")
        yield api.taken(fields.items("data"), f"GET {path}: data", parse)
        pagination = fields.part("pagination")
        if not pagination.has("next_page"):
            return
        if pagination.whole("next_page") <= page:
            break
        page = pagination.whole("next_page")
    raise BadPayload(f"GET {path} names a next page without end.")


def _destination(row: Fields) -> tuple[str, str]:
    return _id(row, "id"), row.text("type", "")


def _sync(row: Fields) -> Sync:
    target = row.part("destination_attributes")
    link = "activation_id" if target.has("activation_id") else "connection_id"
    call_type = CALL_TYPES.get(target.text("object", "").lower(), "*")
    return Sync(_id(row, "id"), _id(target, link), call_type)


def _run(row: Fields) -> Run:
    ended = row.instant("completed_at") if row.has("completed_at") else None
    running = ended is None
    return Run(
        _id(row, "id"),
        row.instant("created_at"),
        ended,
        row.has("full_sync") and row.flag("full_sync"),
        0 if running else _count(row, SENT),
        0 if running else _count(row, FAILED),
    )


def _count(row: Fields, names: tuple[str, ...]) -> int:
    """The count under the first of its names that is there."""
    return row.whole(next((name for name in names if row.has(name)), names[0]))


def _id(row: Fields, key: str) -> str:
    """Version 1 gives ids as numbers, version 2 as text. They go into a path: nothing else may."""
    text = str(row.row.get(key))
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", text):
        raise row.wrong(key, "is not an id")
    return text


CENSUS = Counter(
    key="census",
    title="Census: records sent to Segment",
    app="census",
    keys=(
        Key("api_key", "CENSUS_API_KEY", "API key (version 1) or personal access token (2)"),
        Key(
            "api_version",
            "CENSUS_API_VERSION",
            "Version of the API: 1, which ends on 15 January 2027, or 2",
            secret=False,
            optional=True,
        ),
    ),
    url="https://app.getcensus.com",
    url_variable="CENSUS_API_URL",
    headers=headers,
    check=check,
    fetch=fetch,
    caps=Caps(
        every=timedelta(minutes=15),
        settles=timedelta(hours=1),
        reread=timedelta(days=2),
        reach=timedelta(days=30),
        covers="identify, group and track calls",
        tolerance=(-0.005, 0.005),
    ),
    blind="Records whose keys collide within a day count here, and Segment drops them as repeated.",
)
