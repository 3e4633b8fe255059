"""The cohorts that Amplitude sends to Segment: how large they are, and when each was last sent.

Amplitude tells no number of calls anywhere. One membership that changed is one identify call, so
the change of a cohort's size is the least that must have been sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from cdpwatch.http import Fields, JsonApi
from cdpwatch.http.payload import fields_of
from cdpwatch.readings import Window
from cdpwatch.wording import plural

from .amplitude import AMPLITUDE, KEYS, REFUSALS
from .base import Caps, Clock, Counter, CountRow, Exactness, Keys, Kind
from .reading import HOUR, TICK, told

COHORTS = "/api/3/cohorts"
MINUTE = timedelta(minutes=1)
SIZE, SINCE_SYNC = "members", "minutes since sync"  # dims["state"]: what the number is


def check(api: JsonApi, keys: Keys) -> str:
    cohorts = _cohorts(api)
    sent = sum(bool(_syncs(row)) for row in api.taken(cohorts, _where(), lambda row: row))
    return f"Amplitude answers: {plural(len(cohorts), 'cohort')}, of which {sent} to Segment."


def fetch(api: JsonApi, keys: Keys, window: Window) -> Iterator[CountRow]:
    """Two rows for each cohort that goes to Segment, in the window's last hour. Raises ApiError.

    There is no past to ask for: the answer is how things stand now.
    """
    for rows in api.taken(_cohorts(api), _where(), partial(_rows, window.end)):
        yield from rows


def _cohorts(api: JsonApi) -> list[object]:
    with told(REFUSALS):
        answer = api.get(COHORTS, {"includeSyncInfo": "true"})
    return fields_of(answer, f"GET {COHORTS}").items("cohorts")


def _where() -> str:
    return f"GET {COHORTS}: cohorts"


def _syncs(row: Fields) -> list[Fields]:
    """Its syncs to Segment; one-time and disabled ones are not listed."""
    syncs = row.parts("syncMetadata") if row.has("syncMetadata") else ()
    return [sync for sync in syncs if "segment" in sync.text("target").lower()]


def _rows(now: datetime, row: Fields) -> list[CountRow]:
    name, dims = row.text("name", longest=300), {"cohort": row.text("id", longest=60)}
    ages: dict[str, timedelta] = {}  # of the last success, by frequency
    syncs = _syncs(row)
    for sync in syncs:
        if sync.has("last_successful"):
            every = sync.text("frequency", "", longest=20)
            age = max(now - sync.instant("last_successful"), timedelta())
            ages[every] = min(age, ages.get(every, age))
    size = [_state(now, name, row.whole("size"), {**dims, "state": SIZE})] if syncs else []
    return size + [
        _state(now, name, age // MINUTE, {**dims, "every": every, "state": SINCE_SYNC})
        for every, age in ages.items()
    ]


def _state(now: datetime, name: str, count: int, dims: dict[str, str]) -> CountRow:
    hour = (now - TICK).replace(minute=0, second=0, microsecond=0)
    return CountRow(
        hour, "hour", Kind.STATE, count, Exactness.STATE, Clock.EVENT, "identify", name, dims
    )


AMPLITUDE_COHORTS = Counter(
    key="amplitude_cohorts",
    title="Amplitude: cohorts sent to Segment",
    app="amplitude-cohort",
    keys=KEYS,
    url=AMPLITUDE.url,
    url_variable=AMPLITUDE.url_variable,
    headers=AMPLITUDE.headers,
    check=check,
    fetch=fetch,
    caps=Caps(every=HOUR, settles=timedelta(), reread=HOUR, reach=HOUR, covers=""),
    blind=(
        "Amplitude tells how large a cohort is and when it was last sent, not how many calls it"
        " sent."
    ),
)
