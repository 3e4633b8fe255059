"""The client of a vendor's API: any JSON, keys in headers, and never a word to another address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cdpwatch.http import BadPayload, JsonApi, RateLimited, Refused, Unauthorized, vendor

KEY = "acme-key-of-ours"
Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, **options: Any) -> JsonApi:
    return vendor(
        options.pop("url", "https://api.acme.example/v1"),
        {"X-Key": options.pop("key", KEY)},
        peer="Acme",
        secrets=[KEY],
        transport=httpx.MockTransport(answer),
        **options,
    )


def said(value: object, status: int = 200, **headers: str) -> Answer:
    return lambda request: httpx.Response(status, json=value, headers=headers)


@pytest.mark.parametrize("value", [{"a": 1}, [1, 2], []])
def test_it_gives_the_json_as_it_is(value: object) -> None:
    assert client(said(value)).get("/rows") == value


def test_it_sends_its_keys_below_the_base_url_and_keeps_the_last_headers() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={}, headers={"X-Left": "3"})

    api = client(answer)
    api.get("/rows", {"page": 2})
    assert str(asked[0].url) == "https://api.acme.example/v1/rows?page=2"
    assert asked[0].headers["x-key"] == KEY
    assert api.last_headers["x-left"] == "3"


def test_it_posts_json_or_a_form() -> None:
    echo = client(lambda request: httpx.Response(200, json=request.content.decode()))
    assert echo.post("/query", {"a": 1}) == '{"a":1}'
    assert echo.post("/token", form={"grant_type": "x"}) == "grant_type=x"


def test_it_sends_only_once_what_may_be_used_up_by_it(no_waiting: None) -> None:
    asked: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(1)
        return httpx.Response(503)

    with pytest.raises(Exception, match="503"):
        client(answer).post("/token", once=True)
    assert len(asked) == 1


@pytest.mark.parametrize("page", ["https://evil.example/rows", "http://api.acme.example/rows"])
def test_it_follows_no_next_page_to_another_address(page: str) -> None:
    with pytest.raises(Refused, match="another address"):
        client(said({})).get(page)


def test_it_follows_a_full_url_of_its_own() -> None:
    assert client(said([1])).get("https://api.acme.example/v1/rows?page=2") == [1]


def test_it_asks_another_address_with_other_headers_and_the_same_hooks() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=[{}])

    api = client(answer)
    turns: list[str] = []
    with api.beside("https://token.acme.example", {"Authorization": "Bearer t"}) as other:
        api.before_each = lambda: turns.append("asked")
        other.get("/token")
        other.reject("GET /token", "is odd.", {"a": 1})
    assert "x-key" not in asked[0].headers and asked[0].headers["authorization"] == "Bearer t"
    assert turns == ["asked"] and len(api.rejections) == 1


def test_it_cuts_a_token_that_was_fetched_out_of_what_the_vendor_says() -> None:
    said = {"error": "the Bearer token fetched-a-minute-ago of x-1234 is no good"}
    api = client(lambda request: httpx.Response(400, json=said))
    other = api.beside("", {"Authorization": "Bearer fetched-a-minute-ago"})
    with api, pytest.raises(Refused, match=r"the Bearer token \[token\] of") as error:
        other.get("/rows")
    assert "fetched-a-minute-ago" not in str(error.value)


@pytest.mark.parametrize("key", ["a\nb", "schlüssel", "a\0b"])
def test_it_refuses_a_key_that_no_header_can_hold(key: str) -> None:
    with pytest.raises(Unauthorized, match="A key of Acme holds characters") as error:
        client(said({}), key=key)
    assert key not in str(error.value)


@pytest.mark.parametrize("url", ["http://api.acme.example", "ftp://x", "https://a:b@acme.example"])
def test_it_calls_no_address_that_is_not_https(url: str) -> None:
    with pytest.raises(Refused, match="the Acme API"):
        client(said({}), url=url)


@pytest.mark.parametrize(
    "envelope",
    [
        {"error": f"bad {KEY}"},
        {"message": f"bad {KEY}"},
        {"errors": [f"bad {KEY}"]},
        {"error": {"message": f"bad {KEY}"}},
        {"errors": [{"message": f"bad {KEY}"}]},
    ],
)
def test_it_repeats_what_the_vendor_says_without_the_key(envelope: object) -> None:
    with pytest.raises(Refused, match=r"GET /rows was refused \(400\): bad \[token\]\."):
        client(said(envelope, 400)).get("/rows?secret=1")


def test_it_waits_as_long_as_help_scouts_own_header_asks(no_waiting: None) -> None:
    waits: list[float] = []
    api = client(said({}, 429, **{"X-RateLimit-Retry-After": "45"}))
    api.on_throttled = waits.append
    with pytest.raises(RateLimited):
        api.get("/rows")
    assert set(waits) == {45.0}


@pytest.mark.parametrize("body", ["", '{"a": NaN}', '{"a": [', "[" * 100_000])
def test_it_takes_nothing_that_is_not_whole_json(body: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=body, headers={"Content-Type": "application/json"})

    with pytest.raises(BadPayload):
        client(answer).get("/rows")
