"""A Segment that answers from a table, and our client pointed at it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cdpwatch.http import Api, segment

PAYLOADS = Path(__file__).parent.parent / "payloads"

Reply = dict[str, Any] | int | Callable[[httpx.QueryParams], "Reply"]


class FakeSegment:
    """`replies` maps a path to an answer, a status, or a function of the query giving either."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: list[httpx.URL] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        reply = self.replies.get(request.url.path, 404)
        if callable(reply):
            reply = reply(request.url.params)
        if isinstance(reply, int):
            return httpx.Response(reply, json={"errors": [{"type": "RequestError"}]})
        return httpx.Response(200, content=json.dumps(reply))


def load(name: str) -> dict[str, Any]:
    return dict(json.loads((PAYLOADS / f"{name}.json").read_text()))


@pytest.fixture
def payload() -> Callable[[str], dict[str, Any]]:
    return load


@pytest.fixture
def fake() -> FakeSegment:
    return FakeSegment()


@pytest.fixture
def api(fake: FakeSegment) -> Iterator[Api]:
    transport = httpx.MockTransport(fake)
    with segment("https://api.segment.test", "sgp_test", transport=transport, attempts=1) as api:
        yield api
