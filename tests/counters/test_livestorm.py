from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from cdpwatch.counters import CountRow, Kind
from cdpwatch.counters.livestorm import LIVESTORM, MOST_PAGES
from cdpwatch.http import BadPayload, RateLimited, Unauthorized
from cdpwatch.readings import Window
from tests.counters.fake_vendor import FakeVendor, payload

KEYS = {"token": "token-of-livestorm"}
START, END = datetime(2026, 3, 3, 14, tzinfo=UTC), datetime(2026, 3, 3, 15, 1, tzinfo=UTC)
WINDOW = Window(datetime(2026, 2, 18, 12, tzinfo=UTC), datetime(2026, 3, 4, 12, 30, tzinfo=UTC))
NOTHING: dict[str, Any] = {"data": []}


@pytest.fixture
def fake() -> FakeVendor:
    return FakeVendor(
        {
            "/v1/sessions": pages(payload("livestorm_sessions")),
            "/v1/webhooks": payload("livestorm_webhooks"),
        }
    )


def pages(*listed: Any, first: int = 0) -> Any:
    """Pages that are numbered from `first`; empty ones after the last."""

    def reply(request: httpx.Request) -> Any:
        number = int(request.url.params["page[number]"]) - first
        if number < 0:
            return 422
        return listed[number] if number < len(listed) else NOTHING

    return reply


def people(rows: list[CountRow]) -> dict[tuple[str, str], int]:
    found = [row for row in rows if row.kind is Kind.EMITTED]
    return {(row.dims["session"], row.event): row.count for row in found}


def test_it_gives_the_people_of_each_session_that_has_started(fake: FakeVendor) -> None:
    rows = fake.fetch(LIVESTORM, KEYS, WINDOW)
    assert people(rows) == {
        ("7c83", "Webinar Registered"): 184,
        ("7c83", "Webinar Attended"): 77,
        ("7c83", "Webinar Missed"): 107,
        ("7c84", "Webinar Registered"): 90,  # still on
    }
    assert {row.bucket for row in rows if row.dims.get("session") == "7c83"} == {START}


def test_it_knows_who_attended_an_hour_after_the_end(fake: FakeVendor) -> None:
    rows = fake.fetch(LIVESTORM, KEYS, Window(WINDOW.start, END + timedelta(minutes=59)))
    assert people(rows) == {("7c83", "Webinar Registered"): 184}
    rows = fake.fetch(LIVESTORM, KEYS, Window(WINDOW.start, END + timedelta(minutes=60)))
    assert ("7c83", "Webinar Attended") in people(rows)


def test_it_leaves_out_sessions_before_the_window(fake: FakeVendor) -> None:
    rows = fake.fetch(LIVESTORM, KEYS, Window(END, WINDOW.end))
    assert {session for session, _ in people(rows)} == {"7c84"}


@pytest.mark.parametrize("first", [0, 1])
def test_it_reads_all_pages_wherever_they_begin(fake: FakeVendor, first: int) -> None:
    whole = payload("livestorm_sessions")["data"]
    fake.replies["/v1/sessions"] = pages({"data": whole[:1]}, {"data": whole[1:]}, first=first)
    assert len(people(fake.fetch(LIVESTORM, KEYS, WINDOW))) == 4


def test_it_counts_a_session_once_that_is_on_two_pages(fake: FakeVendor) -> None:
    listed = payload("livestorm_sessions")
    again = deepcopy(listed)
    again["data"][0]["attributes"]["registrants_count"] = 1
    fake.replies["/v1/sessions"] = pages(listed, again)
    assert people(fake.fetch(LIVESTORM, KEYS, WINDOW))["7c83", "Webinar Registered"] == 184


def test_it_stops_at_its_share_of_the_calls_that_livestorm_allows(fake: FakeVendor) -> None:
    fake.replies["/v1/sessions"] = payload("livestorm_sessions")
    with pytest.raises(BadPayload, match="more than 4,000 sessions"):
        fake.fetch(LIVESTORM, KEYS, WINDOW)
    assert len(fake.asked) == MOST_PAGES
    turns = timedelta(days=30) / LIVESTORM.caps.every
    assert turns * (MOST_PAGES + 1) < 10_000 / 2


def test_it_says_which_webhook_livestorm_has_disabled(fake: FakeVendor) -> None:
    fake.replies["/v1/webhooks"]["data"].pop(1)
    with fake.api(LIVESTORM, KEYS) as api:
        rows = list(LIVESTORM.fetch(api, KEYS, WINDOW))
    [told] = api.rejections
    assert "no webhook for people.attended any more" in told.reason
    live = {row.event: row.count for row in rows if row.kind is Kind.STATE}
    assert (live["webhook people.attended"], live["webhook people.registered"]) == (0, 1)
    assert "has no webhook for people.attended" in fake.check(LIVESTORM, KEYS)


def test_it_sends_the_token_without_bearer(fake: FakeVendor) -> None:
    assert fake.check(LIVESTORM, KEYS) == "Livestorm answers: its webhooks are subscribed."
    [request] = fake.asked
    assert request.headers["authorization"] == "token-of-livestorm"
    assert request.headers["accept"] == "application/vnd.api+json"


def test_it_says_what_is_wrong_with_the_token(fake: FakeVendor) -> None:
    fake.replies["/v1/webhooks"] = 401
    with pytest.raises(Unauthorized, match="without Bearer"):
        fake.check(LIVESTORM, KEYS)


def test_it_says_that_the_calls_of_the_month_are_used_up(fake: FakeVendor) -> None:
    fake.replies["/v1/sessions"] = 429
    with pytest.raises(RateLimited, match="10,000 API calls in 30 days"):
        fake.fetch(LIVESTORM, KEYS, WINDOW)


def test_it_takes_the_other_sessions_when_one_cannot_be_read(fake: FakeVendor) -> None:
    listed = payload("livestorm_sessions")
    listed["data"][1]["attributes"]["started_at"] = 10**17
    fake.replies["/v1/sessions"] = pages(listed)
    with fake.api(LIVESTORM, KEYS) as api:
        rows = list(LIVESTORM.fetch(api, KEYS, WINDOW))
    assert {session for session, _ in people(rows)} == {"7c83"}
    assert [told.reason for told in api.rejections] == [
        "attributes.started_at is not a time in seconds."
    ]
