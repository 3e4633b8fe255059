from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cdpwatch.counters import Exactness, Kind
from cdpwatch.counters.hubspot import DETAILS, HUBSPOT, USAGE
from cdpwatch.http import Unauthorized
from cdpwatch.readings import Window
from tests.counters.fake_vendor import FakeVendor, payload

KEYS = {"token": "token-of-hubspot"}
TUESDAY, WEDNESDAY = datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC)
WINDOW = Window(datetime(2026, 3, 3, 12, tzinfo=UTC), datetime(2026, 3, 4, 12, tzinfo=UTC))
CONTACTS, COMPANIES = (f"/crm/v3/objects/{kind}/search" for kind in ("contacts", "companies"))


@pytest.fixture
def fake() -> FakeVendor:
    return FakeVendor(
        {
            DETAILS: payload("hubspot_details"),
            USAGE: payload("hubspot_usage"),
            CONTACTS: payload("hubspot_search"),
            COMPANIES: {**payload("hubspot_search"), "total": 350},
        }
    )


def test_it_gives_the_least_that_came_and_the_usage_as_a_state(fake: FakeVendor) -> None:
    rows = fake.fetch(HUBSPOT, KEYS, WINDOW)
    bounds = [row.exactness for row in rows if row.kind == Kind.RECEIVED]
    assert bounds == [Exactness.LOWER_BOUND] * 4
    assert {row.kind for row in rows[4:]} == {Kind.STATE}
    assert [(row.bucket, row.call_type, row.event, row.count) for row in rows] == [
        (TUESDAY, "identify", "contacts changed", 8421),
        (TUESDAY, "group", "companies changed", 350),
        (WEDNESDAY, "identify", "contacts changed", 8421),
        (WEDNESDAY, "group", "companies changed", 350),
        (WEDNESDAY, "*", "private-apps-api-calls-daily", 61033),
        (WEDNESDAY, "*", "private-apps-api-calls-daily, allowed", 650000),
    ]


def test_it_searches_one_utc_day_in_milliseconds(fake: FakeVendor) -> None:
    fake.fetch(HUBSPOT, KEYS, WINDOW)
    midnight = round(TUESDAY.timestamp()) * 1000
    filtered = {
        "propertyName": "lastmodifieddate",
        "operator": "BETWEEN",
        "value": str(midnight),
        "highValue": str(midnight + 86_400_000 - 1),
    }
    assert fake.sent_to(CONTACTS)[0] == {"filterGroups": [{"filters": [filtered]}], "limit": 1}
    [companies] = fake.sent_to(COMPANIES)[0]["filterGroups"][0]["filters"]
    assert companies["propertyName"] == "hs_lastmodifieddate"


def test_it_leaves_out_a_usage_that_hubspot_could_not_fetch(fake: FakeVendor) -> None:
    failed = {"name": "private-apps-api-calls-daily", "fetchStatus": "FAILED", "currentUsage": None}
    fake.replies[USAGE] = {"results": [failed]}
    assert len(fake.fetch(HUBSPOT, KEYS, WINDOW)) == 4


def test_it_says_which_account_answers(fake: FakeVendor) -> None:
    assert fake.check(HUBSPOT, KEYS) == "HubSpot answers: account 5550100."


def test_it_names_the_scopes_where_one_is_missing(fake: FakeVendor) -> None:
    fake.replies[COMPANIES] = 403
    with pytest.raises(Unauthorized, match=r"crm\.objects\.companies\.read"):
        fake.check(HUBSPOT, KEYS)


def test_it_says_where_a_token_comes_from(fake: FakeVendor) -> None:
    fake.replies[DETAILS] = 401
    with pytest.raises(Unauthorized, match="private app"):
        fake.check(HUBSPOT, KEYS)
