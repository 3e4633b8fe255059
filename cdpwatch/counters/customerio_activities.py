"""Events that Customer.io took in, as a band: the newest ones, walked back one page at a time.

No endpoint sums them up, and the list takes no span of time, so an hour of much traffic is seen
from its end only. What is counted is the least that came: that something does, not how much.
"""

from __future__ import annotations

from collections import Counter as Sums
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile

from cdpwatch.http import Fields, JsonApi
from cdpwatch.http.payload import fields_of
from cdpwatch.readings import Window

from .base import Caps, Clock, Counter, CountRow, Exactness, Keys, Kind
from .customerio import CUSTOMERIO, KEYS, REFUSALS, URL, URL_VARIABLE
from .reading import HOUR, told

PATH = "/v1/activities"
PER_PAGE, MOST_PAGES = 100, 10  # the most that one turn asks for
LATEST = 2**33  # seconds since 1970: the year 2242


def fetch(api: JsonApi, keys: Keys, window: Window) -> Iterator[CountRow]:
    """A row for each hour that was reached, the window's first one counted whole. Raises ApiError.

    Each is the least that came: of a busy hour only the end is seen, and of a day not every hour.
    """
    first = window.start.replace(minute=0, second=0, microsecond=0)
    sums: Sums[datetime] = Sums({first: 0})  # silence is a number too
    for moment in takewhile(lambda moment: moment >= first, _newest_first(api)):
        if moment < window.end:
            sums[moment.replace(minute=0, second=0)] += 1
    least, clock = Exactness.LOWER_BOUND, Clock.EVENT
    for hour, count in sums.items():
        yield CountRow(hour, "hour", Kind.RECEIVED, count, least, clock, "track")


def _newest_first(api: JsonApi) -> Iterator[datetime]:
    seen: set[str] = set()  # what comes in meanwhile moves the pages
    cursor = ""
    for _ in range(MOST_PAGES):
        with told(REFUSALS):
            more = {"start": cursor} if cursor else {}
            answer = api.get(PATH, {"type": "event", "limit": str(PER_PAGE), **more})
        fields = fields_of(answer, f"GET {PATH}")
        for name, moment in api.taken(fields.items("activities"), f"GET {PATH}", _activity):
            if name not in seen:
                yield moment
            seen.add(name)
        cursor = fields.text("next", "")
        if not cursor:
            return


def _activity(row: Fields) -> tuple[str, datetime]:
    seconds = row.whole("timestamp")
    if seconds > LATEST:
        raise row.wrong("timestamp", "is too far away")
    return row.text("id", longest=100), datetime.fromtimestamp(seconds, UTC)


CUSTOMERIO_ACTIVITIES = Counter(
    key="customerio_activities",
    title="Customer.io: events taken in",
    app="customer-io",
    keys=KEYS,
    url=URL,
    url_variable=URL_VARIABLE,
    headers=CUSTOMERIO.headers,
    check=CUSTOMERIO.check,
    fetch=fetch,
    caps=Caps(
        every=HOUR,
        settles=HOUR,
        reread=HOUR,
        reach=HOUR,
        covers="track calls, as a band",
    ),
    blind=(
        "Customer.io has no total of what it took in: the newest 1,000 events of an hour show that"
        " they come, not how many there are."
    ),
)
