"""Turns of counters: connected or not, what is asked and kept, what goes wrong, and who goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pytest_django import Settings

from cdpwatch import health, roster, vault, watch
from cdpwatch.counters import (
    COUNTERS,
    Caps,
    Clock,
    Counter,
    CountRow,
    Exactness,
    Key,
    Keys,
    Kind,
)
from cdpwatch.http import ApiError, Fields, JsonApi, iso_utc
from cdpwatch.models import (
    Credential,
    CredentialKind,
    PollerState,
    PollRun,
    RequestKind,
    VendorCount,
    WorkRequest,
    Workspace,
)
from cdpwatch.readings import Window
from cdpwatch.watch import turns
from cdpwatch.watch.others import window_of
from tests.conftest import DemoWorkspace
from tests.factories import NOW
from tests.loopback import serve

SECRET = "an-acme-key-of-ours-1234"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def fetch(api: JsonApi, keys: Keys, window: Window) -> Iterator[CountRow]:
    sent = api.get("/counts", {"from": iso_utc(window.start)})
    rows = Fields(sent, "GET /counts").items("rows")
    yield from api.taken(rows, "GET /counts: rows", a_row)


def a_row(row: Fields) -> CountRow:
    return CountRow(
        row.instant("day"),
        "day",
        Kind.RECEIVED,
        row.whole("count"),
        Exactness.EXACT,
        Clock.RECEIVE,
        dims={"status": "ok", "area": "eu"},
    )


def check(api: JsonApi, keys: Keys) -> str:
    return f"Project “{api.get('/me')['name']}”."


ACME = Counter(
    key="acme",
    title="Acme: events counted",
    app="acme",
    keys=(
        Key("token", "ACME_TOKEN", "Token"),
        Key("zone", "ACME_ZONE", "Time zone", secret=False, optional=True),
    ),
    url="https://acme.example",
    url_variable="ACME_API_URL",
    headers=lambda keys: {"Authorization": f"Bearer {keys['token']}"},
    check=check,
    fetch=fetch,
    caps=Caps(every=HOUR, settles=DAY, reread=2 * DAY, reach=90 * DAY, covers="track calls"),
)


class Acme:
    """A vendor on loopback: what it answers next, and what it was asked."""

    def __init__(self) -> None:
        self.rows: list[Any] = [{"day": "2026-11-17", "count": 41}]
        self.fault: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.asked: list[str] = []

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(handler.path)
        if self.fault:
            self.fault(handler)
        elif handler.headers["Authorization"] != f"Bearer {SECRET}":
            reply(handler, 401, json.dumps({"error": f"no such key: {SECRET}"}))
        else:
            reply(handler, 200, json.dumps({"rows": self.rows, "name": "Ours"}))


def reply(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: str,
    kind: str = "application/json",
    cut: int = 0,
    **headers: str,
) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body) + cut))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body.encode())
    handler.close_connection = bool(cut)


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch, settings: Settings, no_waiting: None) -> Iterator[Acme]:
    """The only counter there is, connected."""
    for name in list(COUNTERS):
        monkeypatch.delitem(COUNTERS, name)
    monkeypatch.setitem(COUNTERS, "acme", ACME)
    answering = Acme()
    with serve(answering) as url:
        settings.ALLOW_LOOPBACK = True
        settings.VENDOR_VARIABLES = {"ACME_API_URL": url, "ACME_TOKEN": SECRET}
        yield answering


def poll(workspace: Workspace, now: datetime = NOW) -> tuple[PollRun, str]:
    try:
        watch.poll("acme", workspace, now, slot=now)
        said = ""
    except ApiError as error:
        said = str(error)
    return PollRun.objects.latest("pk"), said


def counts() -> list[tuple[int, str]]:
    return list(VendorCount.objects.order_by("bucket").values_list("count", "dims"))


def state() -> PollerState:
    return PollerState.objects.get(poller="acme")


# --- a turn -----------------------------------------------------------------------------------
def test_it_keeps_what_the_vendor_counted(workspace: Workspace, acme: Acme) -> None:
    run, said = poll(workspace)
    assert (said, run.state, run.rows) == ("", "good", 1)
    assert counts() == [(41, "area=eu, status=ok")]
    assert state().last_good == NOW


def test_it_asks_from_midnight_a_month_back_and_then_for_what_may_change(
    workspace: Workspace, acme: Acme
) -> None:
    poll(workspace)
    poll(workspace, NOW + HOUR)
    first, second = (re.findall(r"from=([0-9-]+)T00", asked)[0] for asked in acme.asked)
    assert first == f"{NOW - 31 * DAY:%Y-%m-%d}"
    assert second == f"{NOW - 2 * DAY:%Y-%m-%d}"


def test_it_reads_again_what_a_pause_left_out() -> None:
    window = window_of(ACME.caps, NOW - 10 * DAY, NOW, None)
    assert (NOW - window.start) // DAY == 12


def test_it_asks_for_nothing_older_than_the_vendor_keeps() -> None:
    caps = replace(ACME.caps, reach=DAY)
    assert window_of(caps, None, NOW, None) == Window(NOW - DAY, NOW)
    past = NOW.date() - 5 * DAY
    asked = window_of(caps, None, NOW, (past, past))
    assert asked.start >= asked.end  # nothing


def test_it_leaves_the_same_rows_when_it_reads_the_same_twice(
    workspace: Workspace, acme: Acme
) -> None:
    poll(workspace)
    poll(workspace, NOW + HOUR)
    assert counts() == [(41, "area=eu, status=ok")]


def test_it_follows_a_number_that_changed_and_drops_one_that_went(
    workspace: Workspace, acme: Acme
) -> None:
    acme.rows.append({"day": "2026-11-16", "count": 7})
    poll(workspace)
    acme.rows = [{"day": "2026-11-17", "count": 43}]
    poll(workspace, NOW + HOUR)
    assert [count for count, _ in counts()] == [43]


def test_it_keeps_what_is_older_than_what_it_asked_for(workspace: Workspace, acme: Acme) -> None:
    acme.rows = [{"day": "2026-10-25", "count": 7}]
    poll(workspace)
    acme.rows = [{"day": "2026-11-17", "count": 43}]
    poll(workspace, NOW + HOUR)
    assert [count for count, _ in counts()] == [7, 43]


def test_it_drops_nothing_for_want_of_a_row_it_could_not_read(
    workspace: Workspace, acme: Acme
) -> None:
    acme.rows.append({"day": "2026-11-16", "count": 7})
    poll(workspace)
    acme.rows[1] = {"day": "2026-11-16", "count": -1}
    run, said = poll(workspace, NOW + HOUR)
    assert (said, run.state, run.rejected) == ("", "good", 1)
    assert sorted(count for count, _ in counts()) == [7, 41]


# --- what goes wrong --------------------------------------------------------------------------
def hang(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.close_connection = True  # nothing of the body comes


FAULTS: dict[str, tuple[Callable[[BaseHTTPRequestHandler], None], str]] = {
    "html": (lambda h: reply(h, 200, "<html>", "text/html"), "instead of JSON"),
    "truncated": (lambda h: reply(h, 200, '{"rows": [', cut=9), "broke off its answer"),
    "not json": (lambda h: reply(h, 200, '{"rows": ['), "something that is not JSON"),
    "wrong key": (lambda h: reply(h, 401, "{}"), r"refused \(401\)"),
    "gone": (lambda h: reply(h, 404, "{}"), r"not found \(404\)"),
    "rate limited": (lambda h: reply(h, 429, "{}", Retry_After="60"), r"rate limited \(429\)"),
    "broken": (lambda h: reply(h, 502, "<html>", "text/html"), r"server's side \(502\)"),
    "no body": (hang, "broke off its answer"),
    "other shape": (lambda h: reply(h, 200, '{"series": []}'), "rows is missing"),
    "redirect": (lambda h: reply(h, 302, "", Location="https://a.example/"), "not followed"),
    "refused": (lambda h: reply(h, 400, '{"message": "bad zone"}'), r"\(400\): bad zone"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_it_says_what_failed_writes_nothing_and_heals(
    workspace: Workspace, acme: Acme, kind: str
) -> None:
    poll(workspace)
    acme.fault, sentence = FAULTS[kind]
    run, said = poll(workspace, NOW + HOUR)
    assert (run.state, run.error) == ("failed", said)
    assert re.search(sentence, said) and SECRET not in said
    assert [count for count, _ in counts()] == [41]
    assert (state().failures, state().error) == (1, said)
    acme.fault = None
    run, said = poll(workspace, NOW + 2 * HOUR)
    assert (said, run.state, state().failures) == ("", "good", 0)


def test_it_cuts_the_key_out_of_what_the_vendor_says(workspace: Workspace, acme: Acme) -> None:
    acme.fault = lambda h: reply(h, 400, json.dumps({"error": f"{SECRET} is no good"}))
    assert "[token] is no good" in poll(workspace)[1]


def test_it_pauses_the_counter_that_was_throttled_and_no_other(
    workspace: Workspace, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COUNTERS, "other", replace(ACME, key="other"))
    acme.fault = FAULTS["rate limited"][0]
    poll(workspace)
    acme.fault = None
    assert watch.poll("acme", workspace, NOW + HOUR / 120) is None
    assert watch.poll("other", workspace, NOW + HOUR / 120)
    assert turns.pause_of(workspace, NOW) == 0.0  # Segment's token
    row = next(row for row in health.poller_rows(workspace, NOW) if row.name == "acme")
    assert row.throttled_until and row.throttled_until > NOW


def test_it_goes_on_with_the_other_counters(
    workspace: Workspace, acme: Acme, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(ACME, key="broken", url_variable="BROKEN_API_URL")
    monkeypatch.delitem(COUNTERS, "acme")
    monkeypatch.setitem(COUNTERS, "broken", broken)
    monkeypatch.setitem(COUNTERS, "acme", ACME)
    settings.VENDOR_VARIABLES["BROKEN_API_URL"] = "http://127.0.0.1:9"
    for _ in COUNTERS:  # one a sweep
        watch.sweep(workspace, datetime.now(UTC))
    states = dict(PollRun.objects.values_list("poller", "state"))
    assert states == {"broken": "failed", "acme": "good"}


# --- connected or not -------------------------------------------------------------------------
def test_it_has_no_turn_without_keys_and_is_not_late(
    workspace: Workspace, acme: Acme, settings: Settings
) -> None:
    poll(workspace)
    settings.VENDOR_VARIABLES = {}
    with pytest.raises(watch.NotConnected, match="Set ACME_TOKEN, or paste"):
        watch.poll("acme", workspace, NOW + 30 * DAY)
    row = next(row for row in health.poller_rows(workspace, NOW + 30 * DAY) if row.name == "acme")
    assert (row.connected, row.late) == (False, False)
    assert PollRun.objects.count() == 1


def test_it_is_late_when_it_is_connected_and_silent(workspace: Workspace, acme: Acme) -> None:
    poll(workspace)
    rows = {row.name: row for row in health.poller_rows(workspace, NOW + DAY)}
    assert rows["acme"].late


def test_it_takes_the_environment_before_the_page(
    workspace: Workspace, acme: Acme, settings: Settings
) -> None:
    kind = CredentialKind.VENDOR_KEY
    vault.keep(workspace, kind, "pasted", "ada", variable="ACME_TOKEN")
    vault.keep(workspace, kind, "UTC", "ada", variable="ACME_ZONE")
    assert vault.keys_of(workspace, ACME) == {"token": SECRET, "zone": "UTC"}
    settings.VENDOR_VARIABLES = {}
    assert vault.keys_of(workspace, ACME) == {"token": "pasted", "zone": "UTC"}
    assert roster.connected_counters(workspace) == {"acme"}


def test_it_keeps_a_key_that_the_vendor_put_in_place_of_another(workspace: Workspace) -> None:
    vault.keep(workspace, CredentialKind.VENDOR_KEY, "old", "ada", variable="ACME_TOKEN")
    vault.keep_key(workspace, ACME, "token", "fresh")
    assert vault.keys_of(workspace, ACME) == {"token": "fresh"}
    assert b"fresh" not in bytes(Credential.objects.get().ciphertext)


# --- pasted keys ------------------------------------------------------------------------------
def paste(workspace: Workspace, token: str) -> WorkRequest:
    vault.keep(
        workspace,
        CredentialKind.VENDOR_KEY,
        token,
        "ada",
        variable="ACME_TOKEN",
        candidate=True,
    )
    asked = WorkRequest.objects.create(
        workspace=workspace, kind=RequestKind.CHECK_KEYS, subject="acme", asked_by="ada"
    )
    watch.sweep(workspace, datetime.now(UTC))
    asked.refresh_from_db()
    return asked


def test_it_uses_pasted_keys_once_the_vendor_took_them(
    workspace: Workspace, acme: Acme, settings: Settings
) -> None:
    del settings.VENDOR_VARIABLES["ACME_TOKEN"]
    asked = paste(workspace, SECRET)
    assert (asked.state, asked.result) == ("done", {"said": "Project “Ours”."})
    assert vault.keys_of(workspace, ACME) == {"token": SECRET}
    assert [count for count, _ in counts()] == [41]  # the same sweep went on to its first turn


def test_it_forgets_pasted_keys_that_the_vendor_refused_and_keeps_the_ones_in_use(
    workspace: Workspace, acme: Acme, settings: Settings
) -> None:
    del settings.VENDOR_VARIABLES["ACME_TOKEN"]
    paste(workspace, SECRET)
    asked = paste(workspace, "wrong")
    assert asked.state == "failed" and "(401)" in asked.result["said"]
    assert vault.keys_of(workspace, ACME) == {"token": SECRET}
    assert not Credential.objects.filter(candidate=True)


def test_it_tells_of_each_counter_on_the_command_line(
    workspace: Workspace, acme: Acme, settings: Settings
) -> None:
    assert watch.check(workspace)[2:] == [("Acme: events counted", True, "Project “Ours”.")]
    settings.VENDOR_VARIABLES = {}
    ((_, works, said),) = watch.check(workspace)[2:]
    assert works is None and "ACME_TOKEN" in said


# --- the demo's vendors -----------------------------------------------------------------------
def test_it_counts_at_every_vendor_of_the_demo(
    workspace: Workspace, demo: DemoWorkspace, vendors: dict[str, str]
) -> None:
    assert roster.connected_counters(workspace) == {*COUNTERS}
    for name in ("catalog", *roster.connected_counters(workspace)):
        assert watch.poll(name, workspace, demo.now)
    runs = PollRun.objects.values_list("poller", "state", "error", "rejected")
    left_out = {"bigquery": 1}  # one source has a dataset of another name
    assert all(run == (run[0], "good", "", left_out.get(run[0], 0)) for run in runs)
    counted = set(VendorCount.objects.values_list("counter", flat=True))
    assert counted == roster.connected_counters(workspace)
