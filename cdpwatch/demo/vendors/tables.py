"""What the demo's warehouse holds of each source: rows by day of receipt, and by day of load.

An hour's calls are there at half past the next one, as the syncs of the Public API say; three in a
hundred come up to six hours late. Two in a thousand are a message that was sent twice: a row each,
and one call. A table or column exists from its first value on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from cdpwatch.demo import world
from cdpwatch.demo.ledger import Ledger, Stream, at, epoch_minute
from cdpwatch.demo.traffic import Slice
from cdpwatch.demo.volumes import DAY, HOUR, Counts, split, uniforms

ON_TIME, LATE = timedelta(minutes=30), timedelta(hours=6, minutes=30)
LATE_PERCENT = 3
TWICE_PPM = 2_000
ONE_DAY = timedelta(days=1)
TABLES = {
    "track": "tracks",
    "identify": "identifies",
    "page": "pages",
    "screen": "screens",
    "group": "groups",
    "alias": "aliases",
}
COLUMNS = ("id", "received_at", "timestamp", "uuid_ts", "anonymous_id", "user_id")
MORE_COLUMNS = {
    "track": ("event", "event_text"),
    "identify": ("email",),
    "page": ("name", "url"),
    "screen": ("name",),
    "group": ("group_id",),
}
OTHERWISE_NAMED = {"prod-manual": "backfills"}  # so that one source has no dataset of its name
DATASETS = {
    OTHERWISE_NAMED.get(source.slug, source.slug.replace("-", "_")): source
    for source in world.WAREHOUSE_SOURCES
}


class Place(NamedTuple):
    """Where calls of a flow are made. `{page}` in a path is the page's name."""

    host: str
    path: str
    library: str
    anonymous: bool = False
    weight: float = 1


_JS = "analytics.js"
_APP = (
    Place("app.gitbook.com", "/o", _JS, weight=84),
    Place("app.gitbook.com", "/s", _JS, weight=9),
    Place("app.gitbook.com", "/home", _JS, weight=5),
    Place("app.gitbook.com", "/join", _JS, anonymous=True, weight=2),
)
PLACES = {
    "application": _APP,
    "identify-loop": _APP,
    "public-pages": (
        Place("www.gitbook.com", "/{page}", _JS, anonymous=True, weight=93),
        Place("www.gitbook.com", "/{page}", _JS, weight=7),
    ),
    "public-docs": (
        Place("docs.gitbook.com", "/getting-started", _JS, anonymous=True, weight=55),
        Place("docs.gitbook.com", "/api", _JS, anonymous=True, weight=30),
        Place("help.acme.example", "/", _JS, anonymous=True, weight=15),
    ),
}
LIBRARIES = {"javascript": _JS, "node": "@segment/analytics-node", "python": "analytics-python"}


@dataclass(frozen=True)
class Holdings:
    """One source's tables as they were at `now`."""

    ledger: Ledger
    source: world.Source
    now: datetime

    @property
    def loaded_at(self) -> datetime:
        """When the tables were last written."""
        return (self.now - ON_TIME).replace(minute=0, second=0, microsecond=0) + ON_TIME

    @cached_property
    def rows(self) -> dict[str, int]:
        """All rows by table; a table without any is not there."""
        found: dict[str, int] = defaultdict(int)
        for stream, counts in self._ever:
            for part, rows in zip(stream.mix, counts.tolist(), strict=True):
                found[TABLES[part.call_type]] += rows
        return {table: rows for table, rows in found.items() if rows}

    def columns(self) -> dict[str, list[str]]:
        """Columns by table."""
        found: dict[str, set[str]] = defaultdict(set)
        for stream, counts in self._ever:
            for part, rows in zip(stream.mix, counts.tolist(), strict=True):
                if rows:
                    found[TABLES[part.call_type]] |= self._columns_of(stream, part)
        return {table: sorted(names) for table, names in found.items()}

    def partitions(self, first: date, last: date) -> dict[tuple[str, date], int]:
        """Rows by table and day of load, from `first` to `last`, both included."""
        found: dict[tuple[str, date], int] = defaultdict(int)
        for day in self._days(first, last):
            for stream in self._streams:
                for part, rows in zip(stream.mix, self._loaded_on(stream, day), strict=True):
                    found[TABLES[part.call_type], day] += int(rows)
        return {key: rows for key, rows in found.items() if rows}

    def calls(self, first: date, last: date) -> Iterator[dict[str, Any]]:
        """Calls, each once, by day of receipt and by all that tells them apart."""
        for day in self._days(first, last):
            for stream in self._streams:
                rows = self._loaded(stream, day, self.now)
                yield from self._grouped(stream, day, rows - rows * TWICE_PPM // 1_000_000)

    # --- parts ----------------------------------------------------------------------------
    @property
    def _streams(self) -> list[Stream]:
        return [each for each in self.ledger.streams() if each.source == self.source.slug]

    @cached_property
    def _ever(self) -> list[tuple[Stream, Counts]]:
        """Rows of each slice, of all days."""
        days = list(self._days(self.ledger.begin, self.now.date()))
        return [
            (stream, sum((self._loaded(stream, day, self.now) for day in days), _none(stream)))
            for stream in self._streams
        ]

    def _days(self, first: date, last: date) -> Iterator[date]:
        """Those that have come."""
        day, last = max(first, self.ledger.begin), min(last, self.now.date())
        while day <= last:
            yield day
            day += ONE_DAY

    def _loaded(self, stream: Stream, day: date, now: datetime) -> Counts:
        """Rows of each slice that were received on `day` and loaded by `now`."""
        late, on_time = _hours_over(day, now - LATE), _hours_over(day, now - ON_TIME)
        running = self.ledger.running(stream, day, (0, late, on_time))
        rows: Counts = running[:, 2]
        return rows - (rows - running[:, 1]) * LATE_PERCENT // 100

    def _loaded_on(self, stream: Stream, day: date) -> Counts:
        """Rows of each slice that were loaded on `day`, the late ones of the day before too."""
        begin, end = at(day, 0), min(at(day, DAY), self.now)
        before = [each for each in (day - ONE_DAY, day) if each >= self.ledger.begin]
        parts = (
            self._loaded(stream, each, end) - self._loaded(stream, each, begin) for each in before
        )
        return sum(parts, _none(stream))

    def _grouped(self, stream: Stream, day: date, calls: Counts) -> Iterator[dict[str, Any]]:
        places = self._places(stream)
        weights = np.broadcast_to([place.weight for place in places], (len(calls), len(places)))
        phases = uniforms(f"{stream.key}/{day}/places", len(calls))
        for part, counts in zip(stream.mix, split(calls, weights, phases).tolist(), strict=True):
            for place, n in zip(places, counts, strict=True):
                if n:
                    yield {"day": day.isoformat(), **_names(part, place), "n": n}

    def _places(self, stream: Stream) -> tuple[Place, ...]:
        usual = (Place("", "", LIBRARIES.get(self.source.kind, "")),)
        return PLACES.get(stream.key, usual)

    def _columns_of(self, stream: Stream, part: Slice) -> set[str]:
        names = {*COLUMNS, *MORE_COLUMNS.get(part.call_type, ())}
        for place in self._places(stream):
            names |= {"context_page_url", "context_page_path"} if place.host else set()
            names |= {"context_library_name"} if place.library else set()
        return names


def _names(part: Slice, place: Place) -> dict[str, Any]:
    return {
        "call_type": part.call_type,
        "event": part.event,
        "host": place.host,
        "path": place.path.format(page=part.event.lower()),
        "library": place.library,
        "anonymous": place.anonymous,
    }


def _none(stream: Stream) -> Counts:
    return np.zeros(len(stream.mix), dtype=np.int64)


def _hours_over(day: date, moment: datetime) -> int:
    """Minutes of the hours of `day` that were over at `moment`."""
    since = epoch_minute(moment) - epoch_minute(at(day, 0))
    return min(max(since // HOUR * HOUR, 0), DAY)
