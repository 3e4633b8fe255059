"""Refiner: completed survey responses. Segment gets an identify and a group call for each.

A response counts on the UTC day on which its last answer came in, so one that is completed later
moves to a later day. The account's own monthly quota is read with it.
Source: refiner.io/docs/api; fields of /v1/reporting and /v1/account as public clients read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from cdpwatch.days import DAY, start_of
from cdpwatch.http import Fields, JsonApi, iso_utc
from cdpwatch.http.payload import fields_of
from cdpwatch.readings import Window

from .base import Caps, Clock, Counter, CountRow, Exactness, Key, Keys, Kind
from .reading import HOUR, days_of, told

ACCOUNT, RESPONSES, REPORTING = "/v1/account", "/v1/responses", "/v1/reporting"
NO_KEY = "Refiner refused the API key: copy it from Refiner, Integrations > Rest API"
REFUSALS = {401: NO_KEY, 403: NO_KEY}
QUOTAS = {  # by the prefix of Refiner's fields
    "msr": "survey responses this month",
    "mtu": "tracked users this month",
    "mpv": "page views this month",
    "mte": "tracked events this month",
}


def check(api: JsonApi, keys: Keys) -> str:
    with told(REFUSALS):
        responses = _subscription(api).whole("msr_count")
    return f"Refiner answers: {responses} survey responses this month."


def fetch(api: JsonApi, keys: Keys, window: Window) -> Iterator[CountRow]:
    """Responses by UTC day, and how much of its quota the account has used. Raises ApiError."""
    days = days_of(window)
    with told(REFUSALS):
        for day in days:
            yield from _calls(api, day)
            yield from _surveys(api, day)
        yield from _quotas(_subscription(api), days[-1])


def _calls(api: JsonApi, day: date) -> Iterator[CountRow]:
    """A user without an account sends no group call, so responses are the most of those."""
    answer = api.get(RESPONSES, {**_range(day), "include": "completed", "page_length": 1})
    completed = fields_of(answer, f"GET {RESPONSES}").part("pagination").whole("items_count")
    bucket, emitted, event = start_of(day), Kind.EMITTED, Clock.EVENT
    yield CountRow(bucket, "day", emitted, completed, Exactness.EXACT, event, "identify")
    yield CountRow(bucket, "day", emitted, completed, Exactness.UPPER_BOUND, event, "group")


def _surveys(api: JsonApi, day: date) -> Iterator[CountRow]:
    report = fields_of(api.get(REPORTING, {**_range(day), "type": "count"}), f"GET {REPORTING}")
    yield _state(day, "responses, partial ones too", report.whole("count"))
    yield _state(day, "survey views", report.whole("views"))


def _quotas(subscription: Fields, today: date) -> Iterator[CountRow]:
    for prefix, name in QUOTAS.items():
        for field, said in ((f"{prefix}_count", name), (f"{prefix}_limit", f"{name}, allowed")):
            if subscription.has(field):
                yield _state(today, said, subscription.whole(field))


def _subscription(api: JsonApi) -> Fields:
    return fields_of(api.get(ACCOUNT), f"GET {ACCOUNT}").part("subscription")


def _range(day: date) -> dict[str, str | int]:
    """The end is exclusive."""
    start = start_of(day)
    return {"date_range_start": iso_utc(start), "date_range_end": iso_utc(start + DAY)}


def _state(day: date, name: str, count: int) -> CountRow:
    at = start_of(day)
    return CountRow(at, "day", Kind.STATE, count, Exactness.STATE, Clock.EVENT, event=name)


REFINER = Counter(
    key="refiner",
    title="Refiner: completed responses",
    app="refiner",
    keys=(Key("api_key", "REFINER_API_KEY", "API key (Integrations > Rest API)"),),
    url="https://api.refiner.io",
    url_variable="REFINER_API_URL",
    headers=lambda keys: {"Authorization": f"Bearer {keys['api_key']}"},
    check=check,
    fetch=fetch,
    caps=Caps(
        every=HOUR,
        settles=HOUR,
        reread=2 * DAY,
        reach=timedelta(days=365),
        covers="identify and group calls",
        tolerance=(-0.01, 0.01),
    ),
    blind="Refiner counts responses, not calls: a user without an account sends no group call.",
)
