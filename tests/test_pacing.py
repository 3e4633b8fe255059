"""The rate budget of a token: what may go out when, whoever asks and however many."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import redis
from pytest_django import Settings

from cdpwatch.http import RateLimited, vendor
from cdpwatch.models import Workspace
from cdpwatch.pacing import (
    LATENESS,
    Bucket,
    Budget,
    Limit,
    Shelf,
    govern,
    heed,
    pace,
    reset_in,
    rule_for,
    take,
)
from cdpwatch.watch.asks import segment_api
from tests.answering import TOKEN, Script, client, failure, ok
from tests.bench.pacing import BUDGET, above, arrivals_of
from tests.servers import broker, redis_programs

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
SHUT_AT_NOON = {"x-ratelimit-reset": "Wed, 18 Nov 2026 12:00:40 GMT"}
NOWHERE = "unix:///nowhere/redis.sock"


@pytest.fixture(scope="module")
def broker_url() -> Iterator[str]:
    """A real Redis, or the Valkey that comes with cdpwatch."""
    with broker(next(iter(redis_programs().values()))) as url:
        yield url


def nothing() -> None:
    pass


def greedy(limit: Limit, share: float, seconds: float) -> list[float]:
    """When the requests go out of somebody who always wants one more."""
    bucket, now, sent = Bucket(), 1_000.0, list[float]()
    while now < 1_000 + seconds:
        bucket, wait = take(bucket, limit, share, now)
        if wait:
            now += wait
        else:
            sent.append(now)
    return sent


def most_in_a_window(sent: list[float], seconds: float) -> int:
    moments = sorted(sent)
    return max(sum(start <= each < start + seconds for each in moments) for start in moments)


# How many, and when


@pytest.mark.parametrize("share", [0.5, 1.0, 0.3])
@pytest.mark.parametrize("limit", [Limit(60), Limit(2), Limit(200), Limit(10, 1.0), Limit(1000)])
def test_it_never_sends_more_than_its_share_in_any_span(limit: Limit, share: float) -> None:
    late = random.Random(1)
    arrived = [sent + late.random() * LATENESS for sent in greedy(limit, share, 5 * limit.seconds)]
    assert most_in_a_window(arrived, limit.seconds) <= max(1, int(limit.calls * share))


def test_it_sends_some_at_once_and_the_rest_evenly() -> None:
    sent = greedy(Limit(60), 0.5, 30)
    assert sent[:6] == [1_000.0] * 6
    assert {
        round(after - before, 3) for before, after in zip(sent[5:], sent[6:], strict=False)
    } == {2.44}


def test_it_uses_four_fifths_of_its_share_in_the_long_run() -> None:
    assert len(greedy(Limit(200), 0.5, 3600)) >= 0.78 * 100 * 60


def test_it_gathers_no_more_than_one_burst_while_nobody_asks() -> None:
    bucket, _ = take(Bucket(), Limit(60), 0.5, 1_000.0)
    waits = []
    for _ in range(8):
        bucket, wait = take(bucket, Limit(60), 0.5, 100_000.0)
        waits.append(wait)
    assert waits.count(0.0) == 6


# What a server says of its limit


def test_it_takes_an_assumed_limit_from_the_headers() -> None:
    headers = {"x-ratelimit-consumed": "4", "x-ratelimit-remaining": "596"}
    bucket = heed(Bucket(), headers, 0.5, 1_000.0, NOON)
    assert bucket == Bucket(told=600)
    assert pace(Limit(200, assumed=True), bucket.told, 0.5)[0] == 60


def test_it_does_not_raise_a_stated_limit_because_of_the_headers() -> None:
    assert pace(Limit(2), 600, 0.5) == pace(Limit(2), 0, 0.5)
    assert pace(Limit(60), 30, 0.5) == pace(Limit(30), 0, 0.5)


@pytest.mark.parametrize(
    "named",
    [
        {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "30"},
        {"x-ratelimit-consumed": "30", "x-ratelimit-remaining": "30"},
        {"x-ratelimit-limit-minute": "60", "x-ratelimit-remaining-minute": "30"},
    ],
)
def test_it_rests_until_the_reset_once_half_is_used_up(named: dict[str, str]) -> None:
    bucket = heed(Bucket(), {**named, **SHUT_AT_NOON}, 0.5, 1_000.0, NOON)
    assert take(bucket, Limit(60), 0.5, 1_010.0) == (bucket, 30.0)
    assert take(bucket, Limit(60), 0.5, 1_040.0)[1] == 0.0


def test_it_goes_on_while_less_than_half_is_used_up() -> None:
    headers = {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "31", **SHUT_AT_NOON}
    assert take(heed(Bucket(), headers, 0.5, 1_000.0, NOON), Limit(60), 0.5, 1_000.0)[1] == 0.0


def test_it_rests_where_the_limit_is_unknown_and_nothing_is_left() -> None:
    bucket = heed(Bucket(), {"x-ratelimit-remaining": "0"}, 0.5, 1_000.0, NOON)
    assert bucket.shut == 1_060.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (SHUT_AT_NOON, 40.0),
        ({**SHUT_AT_NOON, "date": "Wed, 18 Nov 2026 12:00:10 GMT"}, 30.0),
        ({"x-ratelimit-reset": "25"}, 25.0),
        ({"x-ratelimit-reset": "1795003230"}, 30.0),
        ({"x-ratelimit-reset": "Wed, 18 Nov 2026 11:00:00 GMT"}, 1.0),
        ({"x-ratelimit-reset": "Fri, 31 Dec 9999 23:59:59 GMT"}, 900.0),
        ({"x-ratelimit-reset": "soon"}, 60.0),
        ({}, 60.0),
    ],
)
def test_it_reads_when_a_limit_is_full_again(headers: dict[str, str], seconds: float) -> None:
    assert reset_in(headers, NOON) == seconds


@pytest.mark.parametrize("odd", ["", "-1", "1e3", "many", "9" * 30])
def test_it_ignores_headers_that_are_no_numbers(odd: str) -> None:
    headers = {"x-ratelimit-remaining": odd, "x-ratelimit-limit": odd, **SHUT_AT_NOON}
    assert heed(Bucket(), headers, 0.5, 1_000.0, NOON) == Bucket()


@pytest.mark.parametrize(
    ("api", "path", "name", "calls"),
    [
        ("SEGMENT_API_URL", "/events/volume", "volume", 60),
        ("SEGMENT_API_URL", "/warehouses/w1/syncs", "syncs", 2),
        ("SEGMENT_API_URL", "/warehouses/w1/connected-sources/s1/syncs", "syncs", 2),
        ("SEGMENT_API_URL", "/warehouses/w1/connected-sources", "", 200),
        ("SEGMENT_API_URL", "/", "", 200),
        ("LIVESTORM_API_URL", "/v1/sessions?page=2", "", 10_000),
        ("OTHER_API_URL", "/", "", 60),
    ],
)
def test_it_knows_the_limit_of_each_endpoint(api: str, path: str, name: str, calls: int) -> None:
    rule = rule_for(api, path)
    assert (rule.name, rule.limit.calls) == (name, calls)


# Shared by whoever asks


def taken(shelf: Shelf, tries: int = 1, token: str = TOKEN) -> int:
    """How many of `tries` requests may go out at once."""
    waited: list[float] = []

    class Impatient(Exception):
        pass

    def stop(seconds: float) -> None:
        waited.append(seconds)
        raise Impatient

    budget = Budget("SEGMENT_API_URL", token, shelf, 0.5, sleep=stop)
    for _ in range(tries):
        try:
            budget.wait("/events/volume", nothing)
        except Impatient:
            continue
    return tries - len(waited)


def test_it_shares_one_budget_between_workers(broker_url: str) -> None:
    counts: list[int] = []

    def work() -> None:
        counts.append(taken(Shelf(broker_url), 20, "shared"))

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(counts) == 6


@pytest.mark.system
def test_it_makes_no_call_above_the_budget_in_several_processes() -> None:
    """By the server's clock: processes that ask as fast as they may, and a real Redis."""
    arrivals = arrivals_of(processes=3, seconds=5.0)
    assert above(arrivals) == 0
    assert len(arrivals) >= BUDGET  # and they did come to the limit


def test_it_gives_each_token_a_budget_of_its_own(broker_url: str) -> None:
    assert taken(Shelf(broker_url), 9, "one") == taken(Shelf(broker_url), 9, "two") == 6


def test_it_tells_the_other_workers_what_a_server_said(broker_url: str) -> None:
    headers = {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "3", "x-ratelimit-reset": "9"}
    Budget("SEGMENT_API_URL", "told", Shelf(broker_url), 0.5).heed("/events/volume", headers)
    assert taken(Shelf(broker_url), 1, "told") == 0


def test_it_keeps_no_token_in_redis(broker_url: str) -> None:
    taken(Shelf(broker_url))
    client = redis.Redis.from_url(broker_url)
    stored = b"".join([key + (client.get(key) or b"") for key in client.keys("*")])  # type: ignore
    assert b"cdpwatch:pace:" in stored
    assert TOKEN.encode() not in stored
    client.close()


def test_it_begins_anew_with_what_it_cannot_read(broker_url: str) -> None:
    taken(Shelf(broker_url), 6, "odd")
    with redis.Redis.from_url(broker_url) as client:
        for key in client.keys("*"):  # type: ignore[union-attr]
            client.set(key, b'{"paid": "x"}')
    assert taken(Shelf(broker_url), 1, "odd") == 1


def test_it_paces_alone_and_slower_while_redis_is_away() -> None:
    shelf = Shelf(NOWHERE)
    assert taken(shelf, 20) == 1  # a fifth of a quarter of 30 calls
    assert taken(shelf, 20) == 0


# Waiting


def test_it_gives_a_sign_of_life_while_it_waits() -> None:
    slept: list[float] = []
    signs: list[str] = []
    shelf = Shelf(NOWHERE)
    budget = Budget("SEGMENT_API_URL", TOKEN, shelf, 4.0, sleep=slept.append)
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "60"}
    Budget("SEGMENT_API_URL", TOKEN, shelf, 0.5).heed("/sources", headers)

    def sign() -> None:
        signs.append("alive")
        if len(signs) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        budget.wait("/sources", sign)
    assert slept == [5.0] * 3


def test_it_says_until_when_it_rests() -> None:
    budget = Budget("SEGMENT_API_URL", TOKEN, Shelf(NOWHERE), 0.5)
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "600"}
    budget.heed("/sources", headers)
    with pytest.raises(RateLimited, match=r"^GET /sources rests until .+ UTC: our share") as e:
        budget.wait("/sources", nothing)
    assert e.value.retry_after == pytest.approx(600, abs=5)


class Noted:
    """A pace that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def wait(self, path: str, meanwhile: object) -> None:
        self.told.append(path)

    def heed(self, path: str, headers: Any) -> None:
        self.told.append(headers.get("x-ratelimit-remaining"))


@pytest.mark.usefixtures("no_waiting")
def test_it_is_asked_before_each_try_and_told_each_answer() -> None:
    with client(Script(failure(503), failure(500), ok())) as api:
        api.pace = noted = Noted()  # type: ignore[assignment]
        api.get("/sources")
    assert noted.told == ["/sources", None] * 3


def test_it_is_shared_with_the_client_beside() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={}))
    with vendor("https://v.test", {}, peer="V", transport=transport) as api:
        api.pace = noted = Noted()  # type: ignore[assignment]
        api.beside("https://v.test", {}).get("/token")
    assert noted.told == ["/token", None]


def test_it_governs_the_client_of_a_workspace(workspace: Workspace, settings: Settings) -> None:
    settings.SEGMENT_API_TOKEN = TOKEN
    with segment_api(workspace) as api, client(ok()) as other:
        govern(other, "SEGMENT_API_URL", TOKEN)
        assert isinstance(api.pace, Budget)
        assert vars(api.pace) == vars(other.pace)
