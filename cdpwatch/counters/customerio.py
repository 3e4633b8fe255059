"""Customer.io's own count of the messages that its Segment integration tells of, by UTC day.

App API. Campaigns and broadcasts are asked with `version=2`, in UTC days; without it the answer
is in days of US Eastern time. Newsletters and transactional messages know nothing else than such
days, counted back from today, so theirs are approximate. An open counts on the day of its message's
step, not of the open, so a day goes on growing for a week.
Source: docs.customer.io, App API, "Get campaign metrics", "Get newsletter metrics".
"""

from __future__ import annotations

from collections import Counter as Sums
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cdpwatch.days import DAY, start_of
from cdpwatch.http import BadPayload, Fields, JsonApi, NotFound, whole
from cdpwatch.http.payload import fields_of
from cdpwatch.readings import Window
from cdpwatch.wording import plural

from .base import Caps, Clock, Counter, CountRow, Exactness, Key, Keys, Kind
from .reading import days_of, told

EASTERN = ZoneInfo("America/New_York")
MOST_STEPS = 45  # days that the metrics of newsletters reach back, today included
PER_PAGE, MOST_PAGES = 100, 100
EPOCH, LATEST = datetime(1970, 1, 1, tzinfo=UTC), 2**33  # seconds: the year 2242
ECHO = timedelta(days=30)  # for so long after a newsletter somebody may still open it
# Metric: the event as Segment receives it.
EVENTS = {
    "sent": "Email Sent",
    "delivered": "Email Delivered",
    "opened": "Email Opened",
    "clicked": "Email Link Clicked",
    "bounced": "Email Bounced",
    "unsubscribed": "Email Unsubscribed",
    "spammed": "Email Marked as Spam",
    "converted": "Email Converted",
}
REFUSALS = {
    401: (
        "Customer.io refused the key. It must be an App API key, not a Track API key; a workspace"
        " in the EU is asked at CUSTOMERIO_API_URL=https://api-eu.customer.io"
    ),
    403: "Customer.io knows the key, but it lacks the scope to read campaigns and messages",
    429: "Customer.io answers 10 questions a second for the whole account, and those were used up",
}
KEYS = (Key("api_key", "CUSTOMERIO_API_KEY", "App API key"),)
URL, URL_VARIABLE = "https://api.customer.io", "CUSTOMERIO_API_URL"
Counts = Mapping[tuple[date, str], int]  # by UTC day and event


class Kindred(NamedTuple):
    """One kind of message: its list, and how its metrics are asked for."""

    path: str  # of its list
    key: str  # of the list in the answer
    ask: Callable[[JsonApi, str, list[date]], Counts]
    exactness: Exactness


def headers(keys: Keys) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {keys['api_key']}"}


def check(api: JsonApi, keys: Keys) -> str:
    with told(REFUSALS):
        answer = api.get("/v1/workspaces")
    workspaces = fields_of(answer, "GET /v1/workspaces").items("workspaces")
    return f"Customer.io answers: the key opens {plural(len(workspaces), 'workspace')}."


def fetch(api: JsonApi, keys: Keys, window: Window) -> Iterator[CountRow]:
    """A row for each UTC day, event and kind of message. Raises ApiError."""
    asked = days_of(window)
    for name, kind in KINDS.items():
        sums: Sums[tuple[date, str]] = Sums()
        with told(REFUSALS):
            for message in _messages(api, kind, asked[0]):
                sums.update(_counts(api, kind, message, asked))
        for (day, event), count in sums.items():
            yield CountRow(
                start_of(day),
                "day",
                Kind.EMITTED,
                count,
                kind.exactness,
                Clock.DELIVER,
                "track",
                event,
                {"of": name},
            )


def _messages(api: JsonApi, kind: Kindred, first: date) -> Iterator[str]:
    """Ids of those that can have counted something since `first`, all pages of the list."""
    path, cursor, seen = kind.path, "", set[str]()
    for _ in range(MOST_PAGES):
        params = {"limit": str(PER_PAGE)} | ({"start": cursor} if cursor else {})
        answer = fields_of(api.get(path, params), f"GET {path}")
        rows = api.taken(answer.items(kind.key), f"GET {path}: {kind.key}", _message)
        for message, over in rows:
            if message not in seen and not over < first:
                yield message
            seen.add(message)
        cursor, last = answer.text("next", ""), cursor
        if not cursor:
            return
        if cursor == last:
            break
    raise BadPayload(f"GET {path} names a next page without end.")


def _message(row: Fields) -> tuple[str, date]:
    """Its id, and the day after which it counts nothing any more."""
    message = str(row.whole("id"))
    if row.text("state", "") == "draft" or ("sent_at" in row.row and not row.has("sent_at")):
        return message, date.min
    if not row.has("sent_at"):
        return message, date.max
    return message, (EPOCH + timedelta(seconds=min(row.whole("sent_at"), LATEST))).date() + ECHO


def _counts(api: JsonApi, kind: Kindred, message: str, asked: list[date]) -> Counts:
    try:
        return kind.ask(api, f"{kind.path}/{message}/metrics", asked)
    except NotFound:  # deleted since it was listed
        return {}


def _in_utc(api: JsonApi, path: str, asked: list[date]) -> Counts:
    """Version 2. Its `end` is the last second: so it may be inclusive or not."""
    start, end = start_of(asked[0]), start_of(asked[-1]) + DAY
    span = {"start": f"{start.timestamp():.0f}", "end": f"{end.timestamp() - 1:.0f}"}
    params = {"version": "2", "res": "daily", "tz": "UTC", "type": "email"}
    return _by_day(_series(api.get(path, {**params, **span}), path), asked)


def _in_eastern(api: JsonApi, path: str, asked: list[date]) -> Counts:
    """The last `steps` days of US Eastern time, today included, by the server's own clock."""
    params = {"period": "days", "steps": str(MOST_STEPS), "type": "email"}
    series = _series(api.get(path, params), path)
    today = _server_clock(api, path).astimezone(EASTERN).date()
    days = [today - n * DAY for n in range(MOST_STEPS)][::-1]
    return {key: n for key, n in _by_day(series, days).items() if key[0] in asked}


def _server_clock(api: JsonApi, path: str) -> datetime:
    try:
        return parsedate_to_datetime(api.last_headers.get("date", "")).replace(tzinfo=UTC)
    except ValueError:
        raise BadPayload(f"GET {path} does not say its date, from which its days count.") from None


def _series(answer: object, path: str) -> Fields:
    """The arrays by metric, in whichever of the known envelopes they come."""
    fields = fields_of(answer, f"GET {path}")
    for key in ("metric", "series", "series"):
        fields = fields.part(key) if fields.has(key) else fields
    if not any(fields.has(metric) for metric in EVENTS):
        raise BadPayload(f"GET {path} holds none of the metrics of mail.")
    return fields


def _by_day(series: Fields, days: list[date]) -> dict[tuple[date, str], int]:
    """Refuses an answer of another length: without version 2 it would be in other days."""
    counts: dict[tuple[date, str], int] = {}
    for metric, event in EVENTS.items():
        values = series.items(metric) if series.has(metric) else [0] * len(days)
        if len(values) != len(days):
            raise series.wrong(metric, "is not one number for each day: it may be in other days")
        for day, value in zip(days, values, strict=True):
            counts[day, event] = whole(value, f"{series.where}.{metric}")
    return counts


KINDS = {
    "campaigns": Kindred("/v1/campaigns", "campaigns", _in_utc, Exactness.EXACT),
    "broadcasts": Kindred("/v1/broadcasts", "broadcasts", _in_utc, Exactness.EXACT),
    "newsletters": Kindred("/v1/newsletters", "newsletters", _in_eastern, Exactness.APPROXIMATE),
    "transactional": Kindred("/v1/transactional", "messages", _in_eastern, Exactness.APPROXIMATE),
}

CUSTOMERIO = Counter(
    key="customerio",
    title="Customer.io: messages sent and their reactions",
    app="customer-io",
    keys=KEYS,
    url=URL,
    url_variable=URL_VARIABLE,
    headers=headers,
    check=check,
    fetch=fetch,
    caps=Caps(
        every=timedelta(hours=6),
        settles=timedelta(days=7),
        reread=timedelta(days=7),
        reach=timedelta(days=MOST_STEPS - 1),
        covers="track calls about email",
        tolerance=(-0.02, 0.02),
    ),
    blind=(
        "An event that is not ticked in Customer.io's Segment integration is counted here and"
        " never sent; opens count on the day of the message, in Segment on the day of the open."
    ),
)
