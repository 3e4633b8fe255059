"""Every counter of the registry against every bad answer: one row on Health says what is wrong,
nothing of the turn is kept, the next good answer heals it.

BigQuery is asked by Google's own client: the same is held against it in tests/warehouse.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from cdpwatch import health, vault, watch
from cdpwatch.counters import COUNTERS
from cdpwatch.counters.bigquery import BIGQUERY
from cdpwatch.demo.server import running
from cdpwatch.demo.state import Demo
from cdpwatch.http import ApiError
from cdpwatch.models import PollRun, VendorCount, Workspace
from cdpwatch.readings import NotRecorded
from tests.conftest import DemoWorkspace
from tests.contract.subjects import Subject, a_demo
from tests.factories import NOW, make_workspace

pytestmark = pytest.mark.usefixtures("no_waiting")
NAMES = [name for name in COUNTERS if name != BIGQUERY.key]
HOUR = timedelta(hours=1)
SAYS = {  # what a person reads of each; "" where vendors differ in what they say of it
    "401": "",
    "403": "",
    "404": "",
    "422": "refused",
    "429": "",
    "429-day": "",
    "500": "failed on the server's side (500)",
    "502": "failed on the server's side (502)",
    "html": "answered with text/html instead of JSON",
    "html-json": "something that is not JSON",
    "empty": "answered 200 with nothing in it",
    "redirect": "redirect (302), which is not followed",
    "list": "",
    "null-data": "",
    "bomb": "sent more than 32 MiB",
    "digits": "something that is not JSON",
    "nesting": "something that is not JSON",
    "hang": "broke off its answer",
    "truncate": "broke off its answer",
    "too-short": "something that is not JSON",
    "reset": "broke off its answer",
}
HARMLESS = ("slow", "drip")
WRONG = (1.5, -1, "many", "1e3", [True], 2.0**53, 2**63, None)  # in the place of a count

# Numbers that we read as absent where they are null: rows that they made before then go.
ABSENT = {
    ("hubspot", "currentUsage"): "HubSpot could not fetch its own usage (fetchStatus)",
    ("livestorm", "ended_at"): "the session is still on",
    ("customerio", "sent_at"): "a newsletter that is not sent yet; our reading, not documented",
    ("livestorm", "started_at"): "the session has not begun",
}
ABSENT |= {
    ("refiner", f"{quota}_{part}"): "a quota that a plan may lack; our reading, not documented"
    for quota in ("mpv", "msr", "mte", "mtu")
    for part in ("count", "limit")
}


@pytest.fixture(scope="module")
def polled(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[DemoWorkspace]:
    """A demo workspace at whose vendors every counter has counted once; each test starts there."""
    demo = DemoWorkspace(NOW, httpx.Client())
    with (
        running(clock=lambda: demo.now) as url,
        httpx.Client(base_url=url, trust_env=False, verify=False) as demo.http,
        django_db_blocker.unblock(),
        transaction.atomic(),
    ):
        workspace = make_workspace()
        with override_settings(**pointing_at(demo)):
            for name in NAMES:
                watch.poll(name, workspace, NOW)
        yield demo
        transaction.set_rollback(True)


@pytest.fixture
def demo(polled: DemoWorkspace, db: None) -> Iterator[DemoWorkspace]:
    polled.now = NOW
    with override_settings(**pointing_at(polled)):
        yield polled
    polled.http.delete("/_demo/faults").raise_for_status()


def pointing_at(demo: DemoWorkspace) -> dict[str, Any]:
    return {"VENDOR_VARIABLES": demo.http.get("/vendors").json(), "ALLOW_LOOPBACK": True}


def strike(demo: DemoWorkspace, name: str, kind: str) -> None:
    url = demo.http.get("/vendors").json()[COUNTERS[name].url_variable]
    seconds = 60 if kind.startswith("429") else 0.01
    demo.fault(urlsplit(url).path, kind, times=1000, seconds=seconds)


def poll(name: str, now: datetime) -> tuple[PollRun, str]:
    """The counter's next turn, and what it said where it failed."""
    said = ""
    try:
        watch.poll(name, Workspace.objects.get(), now, slot=now)
    except ApiError as error:
        said = str(error)
    return PollRun.objects.filter(poller=name).latest("slot"), said


def secrets(name: str) -> list[str]:
    keys = vault.keys_of(Workspace.objects.get(), COUNTERS[name])
    return [keys[key.name] for key in COUNTERS[name].keys if key.secret and key.name in keys]


def line(name: str, now: datetime) -> health.PollerRow:
    rows = health.poller_rows(Workspace.objects.get(), now)
    return next(row for row in rows if row.name == name)


def counts(name: str) -> list[tuple[Any, ...]]:
    return sorted(VendorCount.objects.filter(counter=name).values_list(), key=repr)


@pytest.mark.parametrize("kind", SAYS)
@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_failed_writes_nothing_and_heals(
    demo: DemoWorkspace, name: str, kind: str
) -> None:
    before = counts(name)
    strike(demo, name, kind)
    run, said = poll(name, demo.forward(hours=1))
    assert (run.state, run.error) == ("failed", said)
    assert SAYS[kind] in said and said.endswith(".") and said.isprintable() and len(said) < 400
    assert not any(word in said for word in (*secrets(name), "Traceback", "<", "{", "http://"))
    assert counts(name) == before
    state = line(name, demo.now).state
    assert state and (state.error, state.failures) == (said, 1)
    assert bool(state.throttled_until) == kind.startswith("429")
    demo.http.delete("/_demo/faults").raise_for_status()
    run, said = poll(name, demo.forward(hours=1))
    assert (said, run.state, run.rejected) == ("", "good", 0)


@pytest.mark.parametrize("kind", HARMLESS)
@pytest.mark.parametrize("name", NAMES)
def test_it_is_not_put_off_by(demo: DemoWorkspace, name: str, kind: str) -> None:
    strike(demo, name, kind)
    run, said = poll(name, demo.forward(hours=1))
    assert (said, run.state, run.rejected) == ("", "good", 0)


@pytest.mark.parametrize("name", NAMES)
def test_it_stops_no_other_counter(demo: DemoWorkspace, name: str) -> None:
    strike(demo, name, "html")
    now = demo.forward(hours=1)
    shared = COUNTERS[name].url_variable
    states = {each: poll(each, now)[0].state for each in NAMES}
    failed = {each for each in NAMES if COUNTERS[each].url_variable == shared}
    assert {each for each, state in states.items() if state != "good"} == failed


# --- values that no count has -------------------------------------------------------------------
@pytest.fixture(scope="module")
def vendor_demo() -> Iterator[Demo]:
    with a_demo() as demo:
        yield demo


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_no_value_that_no_count_has(
    workspace: Workspace, vendor_demo: Demo, name: str
) -> None:
    """Each number of the answers in turn: refused, told as left out, or none that is counted."""
    subject = Subject(name, workspace, vendor_demo)
    keys = set[str]()
    subject.turn(lambda _, response: spoiled(response, lambda key: keys.add(key) or False, None))
    before = counts(name)
    keys.discard("next")  # a cursor: the demo takes none but its own
    assert before and keys
    for key in sorted(keys):
        for value in WRONG:
            if value is None and (name, key) in ABSENT:
                continue
            try:
                told = subject.turn(lambda _, r: spoiled(r, key.__eq__, value))  # noqa: B023
            except (ApiError, NotRecorded):
                continue
            assert told or counts(name) == before, (key, value)


def spoiled(response: httpx.Response, hit: Callable[[str], bool], value: Any) -> httpx.Response:
    """The answer with `value` in the place of each number whose key is hit."""

    def walk(found: Any, key: str) -> Any:
        if isinstance(found, dict):
            return {name: walk(each, name) for name, each in found.items()}
        if isinstance(found, list):
            return [walk(each, key) for each in found]
        number = isinstance(found, int) and not isinstance(found, bool)
        return value if (number or str(found).isdecimal()) and hit(key) else found

    return httpx.Response(
        response.status_code,
        json=walk(json.loads(response.content), ""),
        headers={"Date": response.headers["Date"], "Content-Type": "application/json"},
    )
