"""Amplitude's own count of events, by the time of the event in the project's time zone.

Event segmentation of the Dashboard REST API: `_all` is any event, `m=totals` must be said, for
"uniques" is its default. A question costs one for each day, a project has 1,000 in 5 minutes.
Identify and group calls are no events there, so they are in no number.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter as Sums
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from cdpwatch.days import DAY, start_of
from cdpwatch.http import Fields, JsonApi, Refused, whole
from cdpwatch.http.payload import fields_of
from cdpwatch.readings import Window
from cdpwatch.wording import plural

from .base import Caps, Clock, Counter, CountRow, Exactness, Key, Keys, Kind
from .reading import HOUR, days_of, told

SEGMENTATION = "/api/2/events/segmentation"
HOURLY, DAILY = -3_600_000, 1
LONGEST_HOURLY = 7  # days that one hourly question may span
REFUSALS = {
    401: (
        "Amplitude refused the keys: it wants API key and secret key of one project. A project in"
        " the EU is asked at AMPLITUDE_API_URL=https://analytics.eu.amplitude.com"
    ),
    403: "Amplitude knows the keys, but they may not read this project's charts",
    429: (
        "Amplitude's limit by cost is used up: a project may spend 1,000 in 5 minutes, one for"
        " each day asked, and other readers of the project spend it too"
    ),
}
KEYS = (
    Key("api_key", "AMPLITUDE_API_KEY", "API key of the project"),
    Key("secret_key", "AMPLITUDE_SECRET_KEY", "Secret key of the project"),
)
ZONE = Key(
    "time_zone",
    "AMPLITUDE_TIME_ZONE",
    "Time zone of the project, such as Europe/Paris; UTC if left empty",
    secret=False,
    optional=True,
)


def headers(keys: Keys) -> Mapping[str, str]:
    pair = f"{keys['api_key']}:{keys['secret_key']}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def check(api: JsonApi, keys: Keys) -> str:
    zone = zone_of(keys)
    with told(REFUSALS):
        types = fields_of(api.get("/api/2/events/list"), "GET /api/2/events/list").items("data")
    return f"Amplitude answers: {plural(len(types), 'event type')}, days in {zone}."


def fetch(api: JsonApi, keys: Keys, window: Window) -> Iterator[CountRow]:
    """A row for each UTC day of `window`, which ends at midnight or now. Raises ApiError.

    The days of another zone are put together from hours where one question can span them, else
    they stand for the UTC days of the same date and are approximate.
    """
    zone, days = zone_of(keys), days_of(window)
    start, end = start_of(days[0]), start_of(days[-1]) + DAY
    latest = min(end - HOUR, window.end)  # the day in which it lies there may be tomorrow here
    first, last = (moment.astimezone(zone).date() for moment in (start, latest))
    totals: Mapping[date, int]
    if zone is UTC:
        totals, exactness = _by_day(api, first, last), Exactness.EXACT
    elif (last - first).days < LONGEST_HOURLY:
        totals, exactness = _by_hour(api, first, last, zone), _exactness(start, zone)
    else:
        totals, exactness = _by_day(api, days[0], days[-1]), Exactness.APPROXIMATE
    for day in (day for day in days if day in totals):
        bucket = start_of(day)
        yield CountRow(bucket, "day", Kind.RECEIVED, totals[day], exactness, Clock.EVENT)


def zone_of(keys: Keys) -> tzinfo:
    """The project's time zone. Raises Refused for a name that no zone has."""
    name = keys.get("time_zone") or "UTC"
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (OSError, KeyError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        raise Refused("AMPLITUDE_TIME_ZONE is no time zone; one is Europe/Paris.") from None


def _exactness(moment: datetime, zone: tzinfo) -> Exactness:
    """Hours of a zone that is half an hour off lie in two UTC days at midnight."""
    offset = zone.utcoffset(moment.replace(tzinfo=None)) or timedelta()
    return Exactness.APPROXIMATE if offset % HOUR else Exactness.EXACT


def _by_day(api: JsonApi, first: date, last: date) -> dict[date, int]:
    data = _ask(api, DAILY, first, last)
    days = [moment.date() for moment in _times(data)]
    if days != [first + n * DAY for n in range((last - first).days + 1)]:
        raise data.wrong("xValues", "is not each day that was asked for, once")
    return dict(zip(days, _counts(data, len(days)), strict=True))


def _by_hour(api: JsonApi, first: date, last: date, zone: tzinfo) -> Mapping[date, int]:
    data = _ask(api, HOURLY, first, last)
    moments: list[datetime] = []
    for time in _times(data):
        moment = time.replace(tzinfo=zone).astimezone(UTC)
        again = bool(moments) and moment <= moments[-1]  # the hour that comes twice in autumn
        moments.append(time.replace(tzinfo=zone, fold=1).astimezone(UTC) if again else moment)
    start = datetime.combine(first, datetime.min.time(), zone).astimezone(UTC)
    if moments != [start + n * HOUR for n in range(len(moments))]:
        raise data.wrong("xValues", "is not each hour since the first day asked for, once")
    sums: Sums[date] = Sums()
    for moment, count in zip(moments, _counts(data, len(moments)), strict=True):
        sums[moment.date()] += count
    return sums


def _ask(api: JsonApi, interval: int, first: date, last: date) -> Fields:
    span = {"start": f"{first:%Y%m%d}", "end": f"{last:%Y%m%d}", "i": str(interval)}
    with told(REFUSALS):
        answer = api.get(SEGMENTATION, {"e": '{"event_type":"_all"}', "m": "totals", **span})
    return fields_of(answer, f"GET {SEGMENTATION}").part("data")


def _times(data: Fields) -> list[datetime]:
    """The times of the project's clock, which name no zone."""
    try:
        return [datetime.fromisoformat(x).replace(tzinfo=None) for x in data.items("xValues")]
    except (TypeError, ValueError):
        raise data.wrong("xValues", "holds something else than times") from None


def _counts(data: Fields, length: int) -> list[int]:
    series = data.items("series")
    if len(series) != 1 or not isinstance(series[0], list) or len(series[0]) != length:
        raise data.wrong("series", "is not one number for each of xValues")
    return [whole(count, f"{data.where}.series[0][{n}]") for n, count in enumerate(series[0])]


AMPLITUDE = Counter(
    key="amplitude",
    title="Amplitude: events counted",
    app="amplitude",
    keys=(*KEYS, ZONE),
    url="https://amplitude.com",
    url_variable="AMPLITUDE_API_URL",
    headers=headers,
    check=check,
    fetch=fetch,
    caps=Caps(
        every=HOUR,
        settles=timedelta(hours=48),
        reread=timedelta(days=2),
        reach=timedelta(days=365),
        covers="track, page and screen calls",
        tolerance=(-0.03, 0.01),
    ),
    blind=(
        "Identify and group calls are no events in Amplitude; events of blocked types and of ids"
        " under 5 characters are dropped after it said yes."
    ),
)
