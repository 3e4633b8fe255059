"""Reads live traffic: calls by source, call type and event name, minutes after they were made.

`GET /events/volume` counts calls that passed validation. It takes 60 requests a minute and gives
the 5000 largest series of a window and no more, so a full answer is asked for again in parts.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from cdpwatch.http import Api, BadPayload, Fields, iso_utc
from cdpwatch.readings import LONGEST_CALL_TYPE, LONGEST_ID, Grain, VolumeReading, Window

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
    Series that cannot be read are in `api.rejections`.
    Raises ApiError; BadPayload when even sources and call types are too many for one answer.
    """
    series, length = _series(api, grain, window, names=True)
    middle = _middle(window, BUCKET[grain])
    if length >= most_series and middle:
        first = read(api, grain, Window(window.start, middle), most_series=most_series)
        second = read(api, grain, Window(middle, window.end), most_series=most_series)
        return first + second
    if length >= most_series:
        series, length = _series(api, grain, window, names=False)
    if length >= most_series:
        raise BadPayload(f"GET {PATH} has more sources than fit into one answer.")
    return _latest(series)


def _series(
    api: Api, grain: Grain, window: Window, *, names: bool
) -> tuple[list[list[VolumeReading]], int]:
    """The series of one answer, and how many there were with those that could not be read.

    Live traffic moves while it is read, so the list need not be steady; the next turn reads its
    newest buckets again.
    """
    params = {
        "granularity": grain.value.upper(),
        "startTime": iso_utc(window.start),
        "endTime": iso_utc(window.end),
        "groupBy.0": "source",
        "groupBy.1": "eventType",
    }
    if names:
        params["groupBy.2"] = "eventName"
    rejected = len(api.rejections)
    parse = partial(_buckets, grain, window)
    series = api.rows(PATH, params, key="result", parse=parse, steady=False)
    return series, len(series) + len(api.rejections) - rejected


def _middle(window: Window, bucket: timedelta) -> datetime | None:
    """The edge of a bucket near the middle of the window; None when no edge lies inside it."""
    half = window.start + window.length / 2
    middle = half - (half - EPOCH) % bucket
    return middle if middle > window.start else None


def _latest(series: list[list[VolumeReading]]) -> tuple[VolumeReading, ...]:
    """A series that moved to a later page while we read it is there twice: the later one counts."""
    latest = {
        (each.source_id, each.bucket, each.call_type, each.event): each
        for buckets in series
        for each in buckets
    }
    return tuple(latest.values())


def _buckets(grain: Grain, window: Window, row: Fields) -> list[VolumeReading]:
    """The buckets of one series that hold calls."""
    source_id = _source_id(row)
    call_type = row.text("eventType", longest=LONGEST_CALL_TYPE)
    event = row.text("eventName", "")
    buckets = []
    for point in row.parts("series"):
        bucket, count = point.instant("time"), point.whole("count")
        if not window.start - BUCKET[grain] < bucket < window.end:
            raise point.wrong("time", "is outside of the time that was asked for")
        if count:
            buckets.append(VolumeReading(grain, source_id, bucket, call_type, event, count))
    return buckets


def _source_id(row: Fields) -> str:
    """Documented as an object; some clients have met the bare id."""
    if isinstance(row.row.get("source"), str):
        return row.text("source", longest=LONGEST_ID)
    return row.part("source").text("id", longest=LONGEST_ID)
