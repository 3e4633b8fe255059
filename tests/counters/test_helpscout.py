from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from cdpwatch.counters import Exactness, Kind
from cdpwatch.counters.helpscout import CUSTOMERS, HELPSCOUT, ME, TOKEN
from cdpwatch.http import BadPayload, ServerError, Unauthorized
from cdpwatch.readings import Window
from tests.counters.fake_vendor import FakeVendor, payload

APP = {"app_id": "our-app", "app_secret": "secret-of-app"}
SIGNED_IN = {**APP, "refresh_token": "refresh-1"}
TUESDAY = datetime(2026, 3, 3, tzinfo=UTC)
WINDOW = Window(datetime(2026, 3, 3, 0, 10, tzinfo=UTC), datetime(2026, 3, 4, 0, 10, tzinfo=UTC))


@pytest.fixture
def fake() -> FakeVendor:
    return FakeVendor(
        {
            TOKEN: payload("helpscout_token"),
            ME: {"id": 501, "email": "somebody@example.test"},
            CUSTOMERS: customers({"2026-03-03T00:00:00Z": 214, "2026-03-04T00:00:00Z": 3}),
        }
    )


def customers(totals: dict[str, int]) -> Any:
    def reply(request: httpx.Request) -> Any:
        answer = payload("helpscout_customers")
        answer["page"]["totalElements"] = totals[request.url.params["modifiedSince"]]
        return answer

    return reply


def rotations(fake: FakeVendor, keys: dict[str, str]) -> list[tuple[str, str, int]]:
    """What the counter handed over to be kept, and after how many requests."""
    kept: list[tuple[str, str, int]] = []
    with fake.api(HELPSCOUT, keys) as api:
        api.rotated = lambda name, value: kept.append((name, value, len(fake.asked)))
        list(HELPSCOUT.fetch(api, keys, WINDOW))
    return kept


def test_it_gives_the_day_that_is_over_as_a_difference(fake: FakeVendor) -> None:
    [row] = fake.fetch(HELPSCOUT, APP, WINDOW)
    assert (row.bucket, row.grain, row.count) == (TUESDAY, "day", 211)
    assert (row.kind, row.exactness) == (Kind.RECEIVED, Exactness.LOWER_BOUND)


def test_it_gives_no_day_less_than_nothing(fake: FakeVendor) -> None:
    fake.replies[CUSTOMERS] = customers({"2026-03-03T00:00:00Z": 2, "2026-03-04T00:00:00Z": 3})
    [row] = fake.fetch(HELPSCOUT, APP, WINDOW)
    assert row.count == 0


def test_it_signs_in_with_the_app_alone(fake: FakeVendor) -> None:
    assert rotations(fake, APP) == []
    assert fake.sent_to(TOKEN) == [
        {
            "client_id": "our-app",
            "client_secret": "secret-of-app",
            "grant_type": "client_credentials",
        }
    ]
    assert fake.asked[-1].headers["authorization"] == "Bearer access-2"


def test_it_hands_over_the_new_refresh_token_before_it_asks_anything_else(
    fake: FakeVendor,
) -> None:
    assert rotations(fake, SIGNED_IN) == [("refresh_token", "refresh-2", 1)]
    [sent] = fake.sent_to(TOKEN)
    assert (sent["grant_type"], sent["refresh_token"]) == ("refresh_token", "refresh-1")


def test_it_hands_it_over_even_where_no_access_token_came(fake: FakeVendor) -> None:
    kept: list[str] = []
    del fake.replies[TOKEN]["access_token"]
    with fake.api(HELPSCOUT, SIGNED_IN) as api:
        api.rotated = lambda name, value: kept.append(value)
        with pytest.raises(BadPayload, match="access_token is missing"):
            list(HELPSCOUT.fetch(api, SIGNED_IN, WINDOW))
    assert kept == ["refresh-2"]


@pytest.mark.usefixtures("no_waiting")
def test_it_never_sends_a_refresh_token_twice(fake: FakeVendor) -> None:
    fake.replies[TOKEN] = 500
    with fake.api(HELPSCOUT, SIGNED_IN, attempts=4) as api, pytest.raises(ServerError):
        list(HELPSCOUT.fetch(api, SIGNED_IN, WINDOW))
    assert len(fake.asked) == 1


def test_it_says_that_a_refresh_token_was_used_up(fake: FakeVendor) -> None:
    fake.replies[TOKEN] = 400
    with pytest.raises(Unauthorized, match="each works once"):
        fake.fetch(HELPSCOUT, SIGNED_IN, WINDOW)


def test_it_says_where_the_app_is_found(fake: FakeVendor) -> None:
    fake.replies[TOKEN] = 401
    with pytest.raises(Unauthorized, match="Your profile > My apps"):
        fake.check(HELPSCOUT, APP)


def test_it_says_that_the_user_is_gone(fake: FakeVendor) -> None:
    fake.replies[CUSTOMERS] = 401
    with pytest.raises(Unauthorized, match="no longer active"):
        fake.fetch(HELPSCOUT, APP, WINDOW)


@pytest.mark.parametrize(
    ("keys", "how"), [(APP, "the app's own credentials"), (SIGNED_IN, "a refresh token")]
)
def test_it_says_how_it_signed_in_and_not_as_whom(
    fake: FakeVendor, keys: dict[str, str], how: str
) -> None:
    assert fake.check(HELPSCOUT, keys) == f"Help Scout answers, signed in with {how}."
