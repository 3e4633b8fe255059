"""HubSpot: how many contacts and companies were touched, by anything. A sign of life, no count.

Segment's destination signs in as an OAuth app, and HubSpot's usage endpoint counts private apps
alone; one identify call is one to four requests there. So no number of HubSpot's is Segment's:
what is read is a band, since of many calls at least one changes something, and shows how much of
the API's daily quota is used.
Source: HubSpot's public API specification, accountInfo and CRM search.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from cdpwatch.days import DAY, start_of
from cdpwatch.http import Fields, JsonApi
from cdpwatch.http.payload import fields_of
from cdpwatch.readings import Window

from .base import Caps, Clock, Counter, CountRow, Exactness, Key, Keys, Kind
from .reading import HOUR, days_of, told

DETAILS = "/account-info/v3/details"
USAGE = "/account-info/v3/api-usage/daily/private-apps"
# object, property that moves with each change, call type of Segment's that changes it
OBJECTS = (
    ("contacts", "lastmodifieddate", "identify"),
    ("companies", "hs_lastmodifieddate", "group"),
)
REFUSALS = {
    401: "HubSpot refused the token: make one in a private app of this account",
    403: (
        "HubSpot knows the token, but it lacks a scope: the private app needs"
        " crm.objects.contacts.read and crm.objects.companies.read"
    ),
}


def check(api: JsonApi, keys: Keys) -> str:
    """Also asks one search of each kind: a missing scope shows only there."""
    with told(REFUSALS):
        portal = fields_of(api.get(DETAILS), f"GET {DETAILS}").whole("portalId")
        for kind, _, _ in OBJECTS:
            _total(api, kind, [])
    return f"HubSpot answers: account {portal}."


def fetch(api: JsonApi, keys: Keys, window: Window) -> Iterator[CountRow]:
    """Contacts and companies last changed on each UTC day, and API usage. Raises ApiError.

    What changes again counts on its last day alone, so a day's number falls afterwards.
    """
    days = days_of(window)
    with told(REFUSALS):
        for day in days:
            for kind, changed, call_type in OBJECTS:
                total = _total(api, kind, [_on(day, changed)])
                yield _changed(start_of(day), call_type, f"{kind} changed", total)
        yield from _usage(api, start_of(days[-1]))


def _total(api: JsonApi, kind: str, filters: list[dict[str, str]]) -> int:
    path = f"/crm/v3/objects/{kind}/search"
    asked = {"filterGroups": [{"filters": filters}] if filters else [], "limit": 1}
    return fields_of(api.post(path, json=asked), f"POST {path}").whole("total")


def _on(day: date, changed: str) -> dict[str, str]:
    """A filter for one UTC day, in epoch milliseconds; both ends are inclusive."""
    start = round(start_of(day).timestamp() * 1000)
    end = round((start_of(day) + DAY).timestamp() * 1000) - 1
    return {
        "propertyName": changed,
        "operator": "BETWEEN",
        "value": str(start),
        "highValue": str(end),
    }


def _usage(api: JsonApi, today: datetime) -> Iterator[CountRow]:
    rows = fields_of(api.get(USAGE), f"GET {USAGE}").items("results")
    for row in api.taken(rows, f"GET {USAGE}: results", _used):
        for name, count in row.items():
            yield CountRow(
                today, "day", Kind.STATE, count, Exactness.STATE, Clock.RECEIVE, event=name
            )


def _used(row: Fields) -> dict[str, int]:
    """Nothing where HubSpot could not say how many."""
    if not row.has("currentUsage"):
        return {}
    name = row.text("name", longest=200)
    return {name: row.whole("currentUsage"), f"{name}, allowed": row.whole("usageLimit")}


def _changed(day: datetime, call_type: str, name: str, count: int) -> CountRow:
    """Calls of the same contact are one change, so it is the least that came."""
    least, clock = Exactness.LOWER_BOUND, Clock.RECEIVE
    return CountRow(day, "day", Kind.RECEIVED, count, least, clock, call_type, name)


HUBSPOT = Counter(
    key="hubspot",
    title="HubSpot: contacts and companies changed",
    app="hubspot",
    keys=(Key("token", "HUBSPOT_ACCESS_TOKEN", "Access token of a private app"),),
    url="https://api.hubapi.com",
    url_variable="HUBSPOT_API_URL",
    headers=lambda keys: {"Authorization": f"Bearer {keys['token']}"},
    check=check,
    fetch=fetch,
    # A day that is read again later has lost the contacts that changed since.
    caps=Caps(
        every=6 * HOUR,
        settles=HOUR,
        reread=timedelta(),
        reach=2 * DAY,
        covers="identify and group calls, as a band",
    ),
    blind=(
        "HubSpot counts API calls of private apps alone, and Segment is an OAuth app; changed"
        " contacts are those that anything changed, each once."
    ),
)
