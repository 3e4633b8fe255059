"""A large Segment workspace: what cdpwatch plans to ask of it, and a server that counts.

The server gives lists of the size that is wanted, in pages, and hardly a call in them: how many
requests a turn makes does not follow from those.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from cdpwatch.days import DAY
from cdpwatch.http.api import LARGEST_COUNT
from cdpwatch.models import Workspace
from cdpwatch.pollers import segment_catalog, segment_delivery, segment_ingest, segment_volume
from cdpwatch.readings import Grain
from cdpwatch.timetable import Poller
from cdpwatch.watch import poll
from cdpwatch.watch.rounds import MOST
from tests.loopback import send, serve

HOUR = timedelta(hours=1)
# The turns counted end on the 31st, after a month of 31 days: usage is never longer.
BEGAN = datetime.fromisoformat("2026-08-31T12:00:00Z")
DAYS, PERIODS = 31, 2  # of a usage period; periods that a turn reads
WORKSPACE = 1  # the request by which each turn makes sure whose token it is
KIND = {"id": "meta", "slug": "kind", "name": "Kind"}
Listing = tuple[str, int, Callable[[int], object]]  # key, length, and a row by its number


@dataclass(frozen=True)
class Size:
    """A pair is a source and a destination that it feeds; `series` of live volume a question."""

    sources: int
    pairs: int
    warehouses: int
    functions: int
    series: int = segment_volume.MOST_SERIES - 1  # with one more, spans are asked for in halves


LARGE = Size(sources=1_000, pairs=2_000, warehouses=5, functions=10)


def pages(rows: int) -> int:
    return max(1, math.ceil(rows / LARGEST_COUNT))


def planned(size: Size) -> dict[str, int]:
    """Requests of one turn, after the first, by poller: from the code's own constants."""
    listed = pages(size.sources) + pages(size.pairs) + pages(size.warehouses)
    functions = len(segment_catalog.FUNCTION_KINDS) + size.functions
    return {
        "catalog": WORKSPACE + 1 + listed + size.warehouses + functions,
        "usage": WORKSPACE + PERIODS * (1 + pages(size.sources * DAYS)),
        "volume": WORKSPACE + len(Grain) * pages(size.series),
        "ingest": WORKSPACE + min(size.sources, MOST["ingest"]) * len(segment_ingest.STEPS),
        "delivery": WORKSPACE + min(size.pairs, MOST["delivery"]) * len(segment_delivery.STEPS),
        "syncs": WORKSPACE + min(size.warehouses, MOST["syncs"]),
        "audit": WORKSPACE + 1,
        "schema": WORKSPACE + min(size.sources, MOST["schema"]),
        "period": WORKSPACE + PERIODS,
    }


def in_an_hour(requests: float, every: timedelta, turns: int = 1) -> int:
    """Requests an hour, rounded up, of a poller that made `requests` in so many turns."""
    return math.ceil(requests * HOUR / (turns * every))


def count(
    asked: list[str], workspace: Workspace, pollers: dict[str, Poller], span: timedelta = HOUR
) -> dict[str, int]:
    """Requests an hour by poller, counted: after a first turn of each, `span` of turns is run.

    `asked` holds what the server was asked. A poller that rests longer than `span` has one turn,
    shared out over its interval.
    """
    for name in pollers:
        poll(name, workspace, BEGAN)
    turns = sorted(
        (BEGAN + number * poller.every, name)
        for name, poller in pollers.items()
        for number in range(1, turns_in(span, poller) + 1)
    )
    met = dict.fromkeys(pollers, 0)
    for now, name in turns:
        asked.clear()
        assert poll(name, workspace, now), f"{name} had no turn at {now}"
        met[name] += len(asked)
    return {
        name: in_an_hour(met[name], poller.every, turns_in(span, poller))
        for name, poller in pollers.items()
    }


def turns_in(span: timedelta, poller: Poller) -> int:
    return max(1, span // poller.every)


@contextmanager
def segment_of(size: Size) -> Iterator[tuple[str, list[str]]]:
    """A Segment of this size: its URL, and the paths it was asked for."""
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        url = urlsplit(handler.path)
        asked.append(url.path)
        data = _data(size, url.path, dict(parse_qsl(url.query)))
        send(handler, msgspec.json.encode({"data": data}))

    with serve(answer) as url:
        yield url, asked


def _data(size: Size, path: str, query: dict[str, str]) -> dict[str, object]:
    if path == "/":
        return {"workspace": {"id": "ws", "slug": "large", "name": "Large"}}
    if path.endswith("/settings"):
        return {"settings": {}}
    if path.startswith("/functions/"):
        return {"function": None}
    key, length, row = _listing(size, path, query)
    start, most = int(query.get("pagination.cursor", 0)), int(query["pagination.count"])
    end = min(start + most, length)
    page = {"current": str(start), **({"next": str(end)} if end < length else {})}
    return {key: [row(number) for number in range(start, end)], "pagination": page}


def _listing(size: Size, path: str, query: dict[str, str]) -> Listing:
    lists: dict[str, Listing] = {
        "/sources": ("sources", size.sources, lambda n: _connection(f"s{n}")),
        "/destinations": (
            "destinations",
            size.pairs,
            lambda n: _connection(f"d{n}", f"s{n % size.sources}"),
        ),
        "/warehouses": ("warehouses", size.warehouses, lambda n: _connection(f"w{n}")),
        "/functions": (
            "functions",
            size.functions if query.get("resourceType") == "SOURCE" else 0,
            lambda n: {"id": f"f{n}", "displayName": "F"},
        ),
        "/usage/api-calls/daily": ("dailyWorkspaceAPICallsUsage", 0, str),
        "/usage/api-calls/sources/daily": (
            "dailyPerSourceAPICallsUsage",
            size.sources * DAYS,
            lambda n: _usage(size, date.fromisoformat(query["period"]), n),
        ),
        "/events/volume": (
            "result",
            size.series,
            lambda n: {"source": f"s{n % size.sources}", "eventType": "track", "series": []},
        ),
        "/audit-events": ("events", 0, str),
        "/usage/mtu/daily": ("dailyWorkspaceMTUUsage", 0, str),
    }
    key = {"syncs": "reports", "connected-sources": "sources"}.get(path.rpartition("/")[2])
    return lists.get(path, (key or "dataset", 0, str))


def _connection(segment_id: str, fed_by: str = "") -> dict[str, Any]:
    named = dict.fromkeys(("id", "name", "slug"), segment_id)
    return {**named, "enabled": True, "sourceId": fed_by, "metadata": KIND, "settings": {}}


def _usage(size: Size, period: date, number: int) -> dict[str, str]:
    day = period + number // size.sources * DAY
    return {"sourceId": f"s{number % size.sources}", "apiCalls": "1", "timestamp": f"{day}"}
