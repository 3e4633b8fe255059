"""Livestorm behind our source function: the people of each session, and whether it calls us still.

Livestorm allows an account 10,000 API calls in 30 days and disables a webhook after five failed
retries (developers.livestorm.co/docs/webhooks-1). So a turn comes every six hours and asks for at
most 40 pages of sessions and one list of webhooks: 164 calls a day, half of what is allowed.
Public clients disagree whether pages begin at 0 or at 1: both are asked for, a session counts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial

from cdpwatch.days import start_of
from cdpwatch.http import BadPayload, Fields, JsonApi, Refused
from cdpwatch.http.payload import fields_of
from cdpwatch.readings import Window

from .base import Caps, Clock, Counter, CountRow, Exactness, Key, Keys, Kind
from .reading import HOUR, days_of, told

SESSIONS, WEBHOOKS = "/v1/sessions", "/v1/webhooks"
PAGE_SIZE, MOST_PAGES = 100, 40
LATEST = 2**33  # seconds since 1970: the year 2242
NEEDED = ("people.registered", "people.attended", "people.not_attended")
WATCHED = (*NEEDED, "people.watched_replay", "session.ended")
REFUSALS = {
    401: (
        "Livestorm refused the token: make one under Account settings > Integrations > Public API"
        " and paste it as it is, without Bearer"
    ),
    403: "Livestorm knows the token, but it may not read sessions and webhooks",
    429: (
        "Livestorm's limit of 10,000 API calls in 30 days is used up; cdpwatch asks 164 times a"
        " day at most, other readers of the account use it too"
    ),
}


def check(api: JsonApi, keys: Keys) -> str:
    with told(REFUSALS):
        gone = _gone(_webhooks(api))
    if gone:
        return f"Livestorm answers, but has no webhook for {', '.join(gone)}: subscribe it again."
    return "Livestorm answers: its webhooks are subscribed."


def fetch(api: JsonApi, keys: Keys, window: Window) -> Iterator[CountRow]:
    """People by session that started in `window`; which webhooks are live now. Raises ApiError.

    A webhook that is gone is told in `api.rejections` too: counts would show it days later.
    """
    with told(REFUSALS):
        parse = partial(_people, window.end)
        for rows in api.taken(_sessions(api), f"GET {SESSIONS}: data", parse):
            yield from (row for row in rows if window.start <= row.bucket < window.end)
        live = _webhooks(api)
    for event in _gone(live):
        why = f"Livestorm has no webhook for {event} any more: subscribe it again"
        api.reject(f"GET {WEBHOOKS}: data", why, {"event": event})
    yield from (_webhook(days_of(window)[-1], event, event in live) for event in WATCHED)


def _sessions(api: JsonApi) -> Iterator[object]:
    """Every listed session, once. A row without an id is passed on, to be rejected."""
    seen: set[str] = set()
    for number in range(MOST_PAGES):
        page = _page(api, number)
        if number and not page:
            return
        for row in page:
            found = row.get("id") if isinstance(row, dict) else None
            if not isinstance(found, str) or found not in seen:
                yield row
            seen.add(str(found))
    raise BadPayload(f"Livestorm lists more than {MOST_PAGES * PAGE_SIZE:,} sessions.")


def _page(api: JsonApi, number: int) -> list[object]:
    try:
        answer = api.get(SESSIONS, {"page[number]": number, "page[size]": PAGE_SIZE})
    except Refused as error:
        if number or error.status not in (400, 422):
            raise
        return []  # where pages begin at 1
    return fields_of(answer, f"GET {SESSIONS}").items("data")


def _people(now: datetime, session: Fields) -> list[CountRow]:
    """What Segment should have got for one session; nothing before it starts.

    Who attended is known an hour after its end. People registered for it on the days before.
    """
    facts = session.part("attributes")
    if not facts.has("started_at"):
        return []
    start, registered = _instant(facts, "started_at"), facts.whole("registrants_count")
    dims = {"session": session.text("id", longest=100)}
    rows = [_row(start, "Webinar Registered", registered, Exactness.APPROXIMATE, dims)]
    if facts.has("ended_at") and _instant(facts, "ended_at") + HOUR <= now:
        attended = facts.whole("attendees_count")
        missed = max(registered - attended, 0)
        rows.append(_row(start, "Webinar Attended", attended, Exactness.EXACT, dims))
        rows.append(_row(start, "Webinar Missed", missed, Exactness.EXACT, dims))
    return rows


def _row(
    start: datetime, event: str, count: int, exactness: Exactness, dims: dict[str, str]
) -> CountRow:
    return CountRow(start, "run", Kind.EMITTED, count, exactness, Clock.EVENT, "track", event, dims)


def _instant(facts: Fields, key: str) -> datetime:
    seconds = facts.whole(key)
    if seconds > LATEST:
        raise facts.wrong(key, "is not a time in seconds")
    return datetime.fromtimestamp(seconds, UTC)


def _webhooks(api: JsonApi) -> set[str]:
    """The events with a subscription; one that Livestorm disabled is not among them."""
    rows = fields_of(api.get(WEBHOOKS), f"GET {WEBHOOKS}").items("data")
    where = f"GET {WEBHOOKS}: data"
    return set(api.taken(rows, where, lambda row: row.part("attributes").text("event")))


def _gone(live: set[str]) -> list[str]:
    return [event for event in NEEDED if event not in live]


def _webhook(day: date, event: str, live: bool) -> CountRow:
    at, name = start_of(day), f"webhook {event}"
    return CountRow(at, "day", Kind.STATE, int(live), Exactness.STATE, Clock.EVENT, event=name)


LIVESTORM = Counter(
    key="livestorm",
    title="Livestorm: people of each session",
    app="livestorm",
    keys=(Key("token", "LIVESTORM_API_TOKEN", "API token, without Bearer"),),
    url="https://api.livestorm.co",
    url_variable="LIVESTORM_API_URL",
    headers=lambda keys: {
        "Authorization": keys["token"],
        "Accept": "application/vnd.api+json",
    },
    check=check,
    fetch=fetch,
    caps=Caps(
        every=6 * HOUR,
        settles=HOUR,
        reread=timedelta(days=14),
        reach=timedelta(days=365),
        covers="track calls Webinar Registered, Attended and Missed",
        tolerance=(-0.05, 0.05),
    ),
    blind=(
        "Livestorm counts people by session, not calls by day: people register days before,"
        " and replays and team members are in no number."
    ),
)
