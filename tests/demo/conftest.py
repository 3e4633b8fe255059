"""A demo workspace that really listens, with a clock that the test holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from cdpwatch.demo.server import running

NOW = datetime(2026, 11, 18, 12, 5, 30, tzinfo=UTC)  # a Wednesday
PLENTY = {"": 100_000, "/events/volume": 100_000}
APPLICATION, BACKEND = "Prod - Application", "Prod - Backend"


class Clock:
    """Stands still until told otherwise."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class World:
    """The listening demo, seen by a client that carries its token."""

    url: str
    http: httpx.Client
    clock: Clock = field(default_factory=Clock)

    def data(self, path: str, **params: Any) -> dict[str, Any]:
        """The `data` object; names are given with __ for the dots: pagination__count=3."""
        reply = self.http.get(path, params=dotted(params))
        assert reply.status_code == 200, reply.text
        return dict(reply.json()["data"])

    def error(self, path: str, **params: Any) -> tuple[int, str]:
        """Status and field of a refusal."""
        reply = self.http.get(path, params=dotted(params))
        [error] = reply.json()["errors"]
        return reply.status_code, error.get("field", "")

    def source_id(self, name: str) -> str:
        rows = self.data("/sources")["sources"]
        return next(str(row["id"]) for row in rows if row["name"] == name)

    def volume(self, grain: str, start: str, end: str, **params: Any) -> list[dict[str, Any]]:
        where = {"granularity": grain, "startTime": start, "endTime": end}
        answer = self.data("/events/volume", pagination__count=1000, **where, **params)
        return list(answer["result"])


def dotted(params: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in params.items()}


@pytest.fixture
def world() -> Iterator[World]:
    clock = Clock()
    with running(clock=clock, per_minute=PLENTY) as url, client(url) as http:
        yield World(url, http, clock)


def client(url: str) -> httpx.Client:
    return httpx.Client(
        base_url=url,
        headers={"Authorization": "Bearer demo-token"},
        timeout=5,
        trust_env=False,
        verify=False,  # plain HTTP: loading certificates would only cost time
    )
