"""A fake vendor for counters whose headers and bodies matter: it keeps whole requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from cdpwatch.counters import Counter, CountRow
from cdpwatch.http import JsonApi, vendor
from cdpwatch.readings import Window

PAYLOADS = Path(__file__).parent.parent / "payloads"


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


class FakeVendor:
    """`replies` maps a path to an answer, a status, or a function of the request giving either."""

    def __init__(self, replies: dict[str, Any]) -> None:
        self.replies = replies
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        reply = self.replies.get(request.url.path, 404)
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, int):
            return httpx.Response(reply, json={"error": "no"})
        return httpx.Response(200, json=reply)

    def asked_of(self, path: str) -> list[dict[str, str]]:
        """The query of each request for that path."""
        return [dict(each.url.params) for each in self.asked if each.url.path == path]

    def sent_to(self, path: str) -> list[Any]:
        """The JSON body of each request for that path."""
        return [json.loads(each.content) for each in self.asked if each.url.path == path]

    def api(self, counter: Counter, keys: dict[str, str], attempts: int = 1) -> JsonApi:
        return vendor(
            counter.url,
            counter.headers(keys),
            peer=counter.title,
            transport=httpx.MockTransport(self),
            attempts=attempts,
        )

    def check(self, counter: Counter, keys: dict[str, str]) -> str:
        with self.api(counter, keys) as api:
            return counter.check(api, keys)

    def fetch(self, counter: Counter, keys: dict[str, str], window: Window) -> list[CountRow]:
        with self.api(counter, keys) as api:
            return list(counter.fetch(api, keys, window))
