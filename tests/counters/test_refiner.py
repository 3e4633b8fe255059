from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cdpwatch.counters import Exactness, Kind
from cdpwatch.counters.refiner import REFINER
from cdpwatch.http import BadPayload, Unauthorized
from cdpwatch.readings import Window
from tests.counters.fake_vendor import FakeVendor, payload

KEYS = {"api_key": "key-of-refiner"}
TODAY = datetime(2026, 3, 4, tzinfo=UTC)
WINDOW = Window(datetime(2026, 3, 3, 7, tzinfo=UTC), datetime(2026, 3, 4, 7, tzinfo=UTC))


@pytest.fixture
def fake() -> FakeVendor:
    return FakeVendor(
        {
            "/v1/responses": payload("refiner_responses"),
            "/v1/reporting": payload("refiner_reporting"),
            "/v1/account": payload("refiner_account"),
        }
    )


def test_it_counts_a_completed_response_as_an_identify_and_at_most_one_group(
    fake: FakeVendor,
) -> None:
    rows = [row for row in fake.fetch(REFINER, KEYS, WINDOW) if row.kind is Kind.EMITTED]
    today = [row for row in rows if row.bucket == TODAY]
    assert [(row.call_type, row.count, row.exactness) for row in today] == [
        ("identify", 41, Exactness.EXACT),
        ("group", 41, Exactness.UPPER_BOUND),
    ]


def test_it_asks_for_completed_responses_of_whole_utc_days(fake: FakeVendor) -> None:
    fake.fetch(REFINER, KEYS, WINDOW)
    first, second = fake.asked_of("/v1/responses")
    assert first == {
        "include": "completed",
        "page_length": "1",
        "date_range_start": "2026-03-03T00:00:00Z",
        "date_range_end": "2026-03-04T00:00:00Z",
    }
    assert second["date_range_start"] == "2026-03-04T00:00:00Z"


def test_it_shows_views_and_the_quota_as_states(fake: FakeVendor) -> None:
    rows = [row for row in fake.fetch(REFINER, KEYS, WINDOW) if row.kind is Kind.STATE]
    assert {row.event: row.count for row in rows if row.bucket == TODAY} == {
        "responses, partial ones too": 46,
        "survey views": 612,
        "survey responses this month": 903,
        "tracked users this month": 18211,
        "tracked users this month, allowed": 25000,
        "page views this month": 51200,
        "tracked events this month": 0,
    }


def test_it_sends_its_key_in_a_header_alone(fake: FakeVendor) -> None:
    fake.check(REFINER, KEYS)
    [request] = fake.asked
    assert request.headers["authorization"] == "Bearer key-of-refiner"
    assert "key-of-refiner" not in str(request.url)


def test_it_says_how_many_responses_there_are(fake: FakeVendor) -> None:
    assert fake.check(REFINER, KEYS) == "Refiner answers: 903 survey responses this month."


def test_it_says_where_to_find_the_key_that_is_refused(fake: FakeVendor) -> None:
    fake.replies["/v1/account"] = 401
    with pytest.raises(Unauthorized, match="Integrations > Rest API"):
        fake.check(REFINER, KEYS)


@pytest.mark.parametrize("count", [None, "many", -1, True, 1.5])
def test_it_takes_no_count_that_is_none(fake: FakeVendor, count: Any) -> None:
    fake.replies["/v1/responses"]["pagination"]["items_count"] = count
    with pytest.raises(BadPayload, match=r"GET /v1/responses\.pagination\.items_count"):
        fake.fetch(REFINER, KEYS, WINDOW)
