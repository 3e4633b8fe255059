"""A turn of BigQuery as the watch has it: rows, the book of jobs, and what a second turn adds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pytest_django import Settings

from cdpwatch import counting, watch
from cdpwatch.counters.bigquery import BIGQUERY
from cdpwatch.http import RateLimited
from cdpwatch.models import PollerState, PollRun, QueryJob, TrafficDay, VendorCount, Workspace
from cdpwatch.readings import Window
from cdpwatch.warehouse import OverCap
from cdpwatch.watch.warehouse import ask_warehouse, check_warehouse
from tests.factories import NOW, at, make_connection
from tests.warehouse.google import CALL, Fault, Google, listening

KEYS = {"project": "demo-project"}
WINDOW = Window(at(18), NOW)


@pytest.fixture
def connected(workspace: Workspace, google: Google, settings: Settings) -> Iterator[Workspace]:
    make_connection(workspace, "src1", slug="prod-application")
    with listening(google) as url:
        settings.VENDOR_VARIABLES = {
            BIGQUERY.url_variable: url,
            "BIGQUERY_PROJECT": "demo-project",
        }
        settings.ALLOW_LOOPBACK = True
        yield workspace


def turn(workspace: Workspace, **keys: str) -> int:
    record, _ = ask_warehouse(workspace, {**KEYS, **keys}, WINDOW, NOW, lambda: None)
    return record()


def rows() -> list[tuple[object, ...]]:
    traffic = TrafficDay.objects.order_by("pk").values_list()
    return [*traffic, *VendorCount.objects.order_by("pk").values_list()]


def test_it_keeps_what_a_turn_read(connected: Workspace) -> None:
    turn(connected)
    call = TrafficDay.objects.get()
    assert (call.host, call.path, call.library, call.count) == (
        "app.gitbook.com",
        "/o",
        "analytics.js",
        9211,
    )
    assert VendorCount.objects.get(call_type="track").count == 9300


def test_it_adds_nothing_where_a_turn_is_done_twice(connected: Workspace) -> None:
    turn(connected)
    before = rows()
    turn(connected)
    assert rows() == before


def test_it_drops_a_group_that_is_no_longer_there(connected: Workspace, google: Google) -> None:
    turn(connected)
    google.answers["scan"] = [{**CALL, "host": "www.gitbook.com"}]
    google.jobs.clear()
    turn(connected)
    assert TrafficDay.objects.get().host == "www.gitbook.com"


def test_it_keeps_the_book_of_jobs_where_a_scan_fails(connected: Workspace, google: Google) -> None:
    google.answers["scan"] = [{**CALL, "n": "many"}]
    ask_warehouse(connected, KEYS, WINDOW, NOW, lambda: None)
    assert counting.bytes_used(connected, NOW) == google.bytes_billed > 0


def test_it_counts_a_job_that_has_not_ended_as_estimated(connected: Workspace) -> None:
    told = {"estimated": 500, "error": ""}
    counting.note_job(connected, "job1", "scan", NOW, billed=None, **told)  # type: ignore[arg-type]
    counting.note_job(connected, "job2", "scan", NOW, billed=0, **told)  # type: ignore[arg-type]
    last_month = NOW - timedelta(days=30)
    counting.note_job(connected, "job3", "scan", last_month, billed=9, **told)  # type: ignore[arg-type]
    assert counting.bytes_used(connected, NOW) == 500


def test_it_stops_at_the_months_cap(connected: Workspace, google: Google) -> None:
    spent = {"estimated": None, "billed": 2**30, "error": ""}
    counting.note_job(connected, "job1", "scan", NOW, **spent)  # type: ignore[arg-type]
    with pytest.raises(OverCap, match=r"1\.00 GiB of this month's"):
        turn(connected, month_gib="1")
    assert not google.jobs
    assert QueryJob.objects.count() == 1


def test_it_checks_the_keys_without_a_query(connected: Workspace, google: Google) -> None:
    said = check_warehouse(connected, KEYS, NOW)
    assert said == "1 of 1 sources have a dataset"
    assert not google.jobs


def test_it_has_turns_like_every_counter(connected: Workspace) -> None:
    watch.poll("bigquery", connected, NOW)
    run = PollRun.objects.get()
    assert (run.poller, run.state, run.error) == ("bigquery", "good", "")
    assert TrafficDay.objects.get().count == 9211


def test_it_asks_nothing_before_the_quota_is_anew(connected: Workspace, google: Google) -> None:
    google.faults = [Fault("/queries/", 403, "quotaExceeded")]
    with pytest.raises(RateLimited, match="used up until 2026-11-19 08:00 UTC"):
        watch.poll("bigquery", connected, NOW)
    until = PollerState.objects.get(poller="bigquery").throttled_until
    assert until and until - at(19, 8) < timedelta(minutes=1)
    asked = len(google.asked)
    assert watch.poll("bigquery", connected, at(19, 7)) is None
    assert len(google.asked) == asked
