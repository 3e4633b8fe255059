"""Reads live traffic: calls by source, call type and event name, minutes after they were made.

`GET /events/volume` counts calls that passed validation. It takes 60 requests a minute and gives
the 5000 largest series of a window and no more, so a full answer is asked for again in parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cdpwatch.http import Api, BadPayload, Fields, iso_utc
from cdpwatch.readings import Grain, VolumeReading, Window

PATH = "/events/volume"
MOST_SERIES = 5000
BUCKET = {
    Grain.MINUTE: timedelta(minutes=1),
    Grain.HOUR: timedelta(hours=1),
    Grain.DAY: timedelta(days=1),
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(
    api: Api, grain: Grain, window: Window, *, most_series: int = MOST_SERIES
) -> tuple[VolumeReading, ...]:
    """Calls of each bucket in `window`, one reading for each source, bucket, call type and event.

    The window should lag the clock by a minute or more. Buckets without calls are left out. Where
    one bucket alone has `most_series` event names or more, its calls come without names.
    Raises ApiError; BadPayload when even sources and call types are too many for one answer.
    """
    series = _series(api, grain, window, names=True)
    middle = _middle(window, BUCKET[grain])
    if len(series) >= most_series and middle:
        first = read(api, grain, Window(window.start, middle), most_series=most_series)
        second = read(api, grain, Window(middle, window.end), most_series=most_series)
        return first + second
    if len(series) >= most_series:
        series = _series(api, grain, window, names=False)
    if len(series) >= most_series:
        raise BadPayload(f"GET {PATH} has more sources than fit into one answer.")
    return _readings(series, grain)


def _series(api: Api, grain: Grain, window: Window, *, names: bool) -> list[Fields]:
    params = {
        "granularity": grain.value.upper(),
        "startTime": iso_utc(window.start),
        "endTime": iso_utc(window.end),
        "groupBy.0": "source",
        "groupBy.1": "eventType",
    }
    if names:
        params["groupBy.2"] = "eventName"
    return list(api.rows(PATH, params, key="result"))


def _middle(window: Window, bucket: timedelta) -> datetime | None:
    """The edge of a bucket near the middle of the window; None when no edge lies inside it."""
    half = window.start + window.length / 2
    middle = half - (half - EPOCH) % bucket
    return middle if middle > window.start else None


def _readings(series: list[Fields], grain: Grain) -> tuple[VolumeReading, ...]:
    """A series that moved to a later page while we read it is there twice: the later one counts."""
    latest = {
        (each.source_id, each.bucket, each.call_type, each.event): each
        for row in series
        for each in _buckets(row, grain)
    }
    return tuple(latest.values())


def _buckets(row: Fields, grain: Grain) -> Iterator[VolumeReading]:
    source_id = _source_id(row)
    call_type, event = row.text("eventType"), row.text("eventName", "")
    for point in row.parts("series"):
        bucket, count = point.instant("time"), point.whole("count")
        if count:
            yield VolumeReading(grain, source_id, bucket, call_type, event, count)


def _source_id(row: Fields) -> str:
    """Documented as an object; some clients have met the bare id."""
    if isinstance(row.row.get("source"), str):
        return row.text("source")
    return row.part("source").text("id")
