"""A vendor that answers from a table, and a counter's client pointed at it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cdpwatch.counters import Counter, CountRow
from cdpwatch.http import JsonApi, vendor
from cdpwatch.readings import Window

PAYLOADS = Path(__file__).parent.parent / "payloads"

Reply = dict[str, Any] | list[Any] | int | Callable[[httpx.QueryParams], "Reply"]


class FakeVendor:
    """`replies` maps a path to an answer, a status, or a function of the query giving either."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: list[httpx.URL] = []
        self.headers = {"Date": "Wed, 18 Nov 2026 12:05:30 GMT"}  # of every answer

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        reply = self.replies.get(request.url.path, 404)
        if callable(reply):
            reply = reply(request.url.params)
        if isinstance(reply, int):
            return httpx.Response(reply, json={}, headers=self.headers)
        return httpx.Response(200, content=json.dumps(reply), headers=self.headers)


@pytest.fixture
def payload() -> Callable[[str], Any]:
    return lambda name: json.loads((PAYLOADS / f"{name}.json").read_text())


@pytest.fixture
def fake() -> FakeVendor:
    return FakeVendor()


@pytest.fixture
def api(fake: FakeVendor) -> Iterator[JsonApi]:
    """Asks `fake`, each question once."""
    transport = httpx.MockTransport(fake)
    with vendor(
        "https://vendor.test", {}, peer="the vendor", transport=transport, attempts=1
    ) as api:
        yield api


@pytest.fixture
def count(api: JsonApi) -> Callable[..., list[CountRow]]:
    """The rows of a counter: `count(COUNTER, window, key="value")`."""

    def rows(counter: Counter, window: Window, **keys: str) -> list[CountRow]:
        return list(counter.fetch(api, keys, window))

    return rows
