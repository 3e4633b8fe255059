"""What the contract is held against: every poller and every counter, alone with the demo workspace.

A subject's turn is what `watch` does of it: ask, then record in one transaction. Its requests reach
the demo's own code with no network between, and what comes back may be tampered with on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

import httpx
from django.apps import apps
from django.db import transaction

from cdpwatch.counters import COUNTERS
from cdpwatch.counters.bigquery import BIGQUERY
from cdpwatch.demo.limits import Limits
from cdpwatch.demo.server import answer
from cdpwatch.demo.state import Demo
from cdpwatch.demo.store import Store
from cdpwatch.demo.vendors import connects
from cdpwatch.demo.web import Reply, Request
from cdpwatch.http import Api, JsonApi, segment, vendor
from cdpwatch.models import PollerState, Workspace
from cdpwatch.readings import Rejection
from cdpwatch.timetable import POLLERS
from cdpwatch.watch.asks import READ
from cdpwatch.watch.others import ask_counter, window_of
from tests.factories import NOW

# BigQuery is asked by Google's own client, which no tampered JSON of the demo reaches: the same is
# held against it in tests/warehouse.
NAMES = [*POLLERS, *(name for name in COUNTERS if name != BIGQUERY.key)]
URL, TOKEN = "http://demo.test", "demo-token"
PLENTY = {"": 100_000, "/events/volume": 100_000}
SERVED = {"Content-Type": "application/json", "Date": format_datetime(NOW, usegmt=True)}
Tamper = Callable[[int, httpx.Response], httpx.Response]  # by the number of the request
Rows = dict[str, list[tuple[Any, ...]]]


def untouched(number: int, response: httpx.Response) -> httpx.Response:
    return response


@dataclass
class Standing:
    """A demo workspace whose clock stands: each answer is worked out once, for that is slow."""

    demo: Demo
    answers: dict[tuple[str, str], Reply] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        if request.method != "GET":
            return answer(self.demo, request)
        asked = request.path, request.query
        if asked not in self.answers:
            self.answers[asked] = answer(self.demo, request)
        return self.answers[asked]


@dataclass
class Subject:
    """One poller or counter, by its name. `keys` are what it asks with."""

    name: str
    workspace: Workspace
    demo: Standing
    tamper: Tamper = untouched
    asked: list[str] = field(default_factory=list)  # paths, of the last turn
    told: list[bytes] = field(default_factory=list)  # whole bodies, of the last turn
    keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        told = connects(f"{URL}/vendors")
        counter = COUNTERS.get(self.name)
        wanted = counter.keys if counter else ()
        self.keys = {key.name: told[key.variable] for key in wanted if key.variable in told}
        self.url = told[counter.url_variable] if counter else URL
        self.token = TOKEN

    def turn(self, tamper: Tamper = untouched) -> list[Rejection]:
        """Ask and record; the rows that were not taken. Raises as the poller or counter does."""
        self.asked, self.told, self.tamper = [], [], tamper
        with self._client() as api:
            if isinstance(api, Api):
                record = READ[self.name](api, self.workspace, NOW, None)
            else:
                counter = COUNTERS[self.name]
                window = window_of(counter.caps, None, NOW, None)
                record = ask_counter(api, counter, self.keys, self.workspace, window)
        with transaction.atomic():
            record()
        return api.rejections

    def _client(self) -> Api | JsonApi:
        usual: dict[str, Any] = {
            "transport": httpx.MockTransport(self._answer),
            "attempts": 1,
            "allow_loopback": True,
        }
        if self.name not in COUNTERS:
            return segment(self.url, self.token, **usual)
        headers = COUNTERS[self.name].headers(self.keys)
        api = vendor(self.url, headers, peer=self.name, **usual)
        api.rotated = self.keys.__setitem__
        return api

    def _answer(self, sent: httpx.Request) -> httpx.Response:
        self.asked.append(sent.url.path)
        request = Request(
            method=sent.method,
            path=sent.url.path.rstrip("/") or "/",
            query=sent.url.query.decode(),
            headers=dict(sent.headers),
            body=sent.content,
        )
        reply = self.demo.answer(request)
        headers = {**SERVED, "Content-Type": reply.content_type, **reply.headers}
        whole = httpx.Response(reply.status, content=reply.body, headers=headers)
        self.told.append(reply.body)
        return self.tamper(len(self.asked) - 1, whole)


@contextmanager
def a_demo() -> Iterator[Standing]:
    """A demo workspace at NOW whose limits nobody meets."""
    store = Store(None, NOW)
    try:
        yield Standing(Demo(store, lambda: NOW, TOKEN, Limits(PLENTY)))
    finally:
        store.close()


def rows() -> Rows:
    """Everything that is stored, by table; but not the state of the work itself."""
    return {
        model.__name__: sorted(map(tuple, model.objects.values_list()), key=repr)
        for model in apps.get_app_config("cdpwatch").get_models()
        if model is not PollerState
    }
