"""Help Scout: how many customers were last changed on a day. A band, no count of calls.

`modifiedSince` has no upper end, so a day is the difference of two totals; it is asked for once,
after midnight. Each turn signs in: with the app's own credentials, or with a refresh token, which
Help Scout replaces at each use. The new one is handed to `api.rotated` before anything else; a
worker that dies before that is kept leaves a token used up, and turns go on with the app's own
credentials until somebody pastes a fresh one.
Source: developer.helpscout.com/mailbox-api.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from cdpwatch.days import DAY, start_of
from cdpwatch.http import JsonApi, Refused, Unauthorized, iso_utc
from cdpwatch.http.payload import fields_of
from cdpwatch.readings import Window

from .base import Caps, Clock, Counter, CountRow, Exactness, Key, Keys, Kind
from .reading import days_of, told

TOKEN, CUSTOMERS, ME = "/v2/oauth2/token", "/v2/customers", "/v2/users/me"
REFUSALS = {
    401: "Help Scout refused the token: the user it belongs to is no longer active",
    403: "Help Scout knows the app, but its user may not read customers",
    429: (
        "Help Scout's limit a minute is used up: the whole account shares it, and what Segment"
        " writes there counts double"
    ),
}
NO_APP = (
    "Help Scout refused the app: copy App ID and App Secret from Your profile > My apps, and leave"
    " the refresh token empty."
)
USED_UP = (
    "Help Scout refused the refresh token: each works once, and this one was used. Sign in again"
    " and paste the new one on Connect (the environment cannot keep the next one), or leave it"
    " empty to use the app's own credentials."
)
GOES_ON = (
    "the refresh token is used up; counted with the app's own credentials. Sign in again and paste"
    " the new one on Connect, or leave it empty"
)


def check(api: JsonApi, keys: Keys) -> str:
    inside = _signed_in(api, keys)
    with told(REFUSALS):
        fields_of(inside.get(ME), f"GET {ME}")
    how = "a refresh token" if keys.get("refresh_token") else "the app's own credentials"
    return f"Help Scout answers, signed in with {how}."


def fetch(api: JsonApi, keys: Keys, window: Window) -> Iterator[CountRow]:
    """A row for each UTC day that is over. Raises ApiError.

    A customer that changes again counts on its last day alone.
    """
    inside = _signed_in_somehow(api, keys)
    ends = [start_of(day) for day in days_of(window)]
    with told(REFUSALS):
        totals = [_changed_since(inside, end) for end in ends]
    for start, since_start, since_end in zip(ends, totals, totals[1:], strict=False):
        yield CountRow(
            start,
            "day",
            Kind.RECEIVED,
            max(since_start - since_end, 0),
            Exactness.LOWER_BOUND,  # calls of the same customer are one change
            Clock.RECEIVE,
            "identify",
            "customers changed",
        )


def _changed_since(api: JsonApi, start: datetime) -> int:
    answer = api.get(CUSTOMERS, {"modifiedSince": iso_utc(start), "page": 1})
    return fields_of(answer, f"GET {CUSTOMERS}").part("page").whole("totalElements")


def _signed_in_somehow(api: JsonApi, keys: Keys) -> JsonApi:
    """As `_signed_in`; once a refresh token is used up, by the app's own credentials, told."""
    try:
        return _signed_in(api, keys)
    except Unauthorized as used_up:
        if not keys.get("refresh_token"):
            raise
        try:
            inside = _signed_in(api, {**keys, "refresh_token": ""})
        except Unauthorized:
            raise used_up from None
    api.reject(f"POST {TOKEN}", GOES_ON, None)
    return inside


def _signed_in(api: JsonApi, keys: Keys) -> JsonApi:
    """The API with an access token, good for two days. A refresh token is never sent twice."""
    refresh = keys.get("refresh_token", "")
    asked = {"client_id": keys["app_id"], "client_secret": keys["app_secret"]}
    if refresh:
        asked |= {"grant_type": "refresh_token", "refresh_token": refresh}
    else:
        asked |= {"grant_type": "client_credentials"}
    try:
        answer = fields_of(api.post(TOKEN, json=asked, once=True), f"POST {TOKEN}")
    except (Refused, Unauthorized) as error:
        if error.status not in (400, 401, 403):  # a redirect says nothing of the keys
            raise
        raise Unauthorized(USED_UP if refresh else NO_APP, status=error.status) from None
    if refresh and answer.has("refresh_token"):
        api.rotated("refresh_token", answer.text("refresh_token"))
    return api.beside("", {"Authorization": f"Bearer {answer.text('access_token')}"})


HELPSCOUT = Counter(
    key="helpscout",
    title="Help Scout: customers changed",
    app="helpscout",
    keys=(
        Key("app_id", "HELPSCOUT_APP_ID", "App ID (Your profile > My apps)", secret=False),
        Key("app_secret", "HELPSCOUT_APP_SECRET", "App Secret"),
        Key(
            "refresh_token",
            "HELPSCOUT_REFRESH_TOKEN",
            "Refresh token, where people sign in to the app; empty for the app's own credentials",
            optional=True,
        ),
    ),
    url="https://api.helpscout.net",
    url_variable="HELPSCOUT_API_URL",
    headers=lambda keys: {},
    check=check,
    fetch=fetch,
    # A day that is read again later has lost the customers that changed since.
    caps=Caps(
        every=DAY,
        settles=timedelta(),
        reread=timedelta(),
        reach=2 * DAY,
        covers="identify calls, as a band",
    ),
    blind=(
        "Help Scout counts customers that anything changed, each once; Segment's failed and"
        " repeated identify calls are in no number."
    ),
)
