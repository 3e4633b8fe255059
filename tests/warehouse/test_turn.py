"""A turn of BigQuery as the watch has it: rows, the book of jobs, and what a second turn adds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pytest_django import Settings

from cdpwatch import counting, health, watch
from cdpwatch.counters.bigquery import BIGQUERY
from cdpwatch.http import ApiError, RateLimited
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


def test_it_reads_a_source_again_from_the_day_where_it_was_left(
    connected: Workspace, google: Google
) -> None:
    """The others go on, and so does the poller: its own last good turn is no use."""
    make_connection(connected, "src2", slug="prod-backend")
    google.datasets["prod_backend"] = google.datasets["prod_application"]
    watch.poll("bigquery", connected, NOW)
    google.faults = [Fault("/datasets/prod_backend", 403, "accessDenied", times=99)]
    for day in range(1, 6):
        watch.poll("bigquery", connected, NOW + timedelta(days=day))
    google.faults = []
    google.jobs.clear()
    watch.poll("bigquery", connected, NOW + timedelta(days=6))
    assert first_days(google) == {"prod_application": "2026-11-21", "prod_backend": "2026-11-16"}
    google.jobs.clear()
    watch.poll("bigquery", connected, NOW + timedelta(days=6, hours=8))
    assert set(first_days(google).values()) == {"2026-11-22"}, "it has caught up"


def first_days(google: Google) -> dict[str, str]:
    """The first day that was scanned, by dataset."""
    found: dict[str, str] = {}
    for job in google.jobs.values():
        query = job["configuration"]["query"]
        if job["configuration"]["labels"]["shape"] != "scan":
            continue
        [dataset] = {name for name in google.datasets if f".{name}." in query["query"]}
        sent = {each["name"]: each["parameterValue"] for each in query["queryParameters"]}
        start = sent["start"]["value"][:10]
        found[dataset] = min(start, found.get(dataset, start))
    return found


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


def test_it_rests_where_the_quota_is_used_up_halfway(connected: Workspace, google: Google) -> None:
    for slug in ("prod-backend", "prod-census"):
        make_connection(connected, slug, slug=slug)
        google.datasets[slug.replace("-", "_")] = google.datasets["prod_application"]
    google.faults = [Fault("/datasets/prod_backend", 403, "quotaExceeded")]
    watch.poll("bigquery", connected, NOW)
    run = PollRun.objects.get()
    left_out = run.rejections.filter(where__startswith="dataset")
    assert (run.state, left_out.count()) == ("good", 2), "what was read before is kept"
    assert TrafficDay.objects.exists()
    assert not [line for line in google.asked if "prod_census" in line], "its quota is the same"
    row = next(r for r in health.poller_rows(connected, NOW) if r.name == "bigquery")
    assert row.throttled_until and abs(row.throttled_until - at(19, 8)) < timedelta(minutes=1)
    reasons = set(left_out.values_list("reason", flat=True))
    assert all("used up until 2026-11-19 08:00 UTC" in reason for reason in reasons)
    assert watch.poll("bigquery", connected, at(19, 7)) is None
    assert watch.poll("bigquery", connected, at(19, 9))


# --- one row on Health for each thing that goes wrong ------------------------------------------
HTML, JSON = b"<html>sign in</html>", b'{"location": "EU", '
FAULTS = {
    "no role": (Fault("", 403, "accessDenied", 9), "Data Viewer"),
    "missing dataset": (Fault("/datasets/", 404, "notFound", 9), "BIGQUERY_DATASETS says which"),
    "missing table": (Fault("/tables/", 404, "notFound", 9), "none of Segment's tables"),
    "bad request": (Fault("", 400, "invalidQuery", 9), "refused a request"),
    "web page": (Fault("", 200, "", 99, HTML), "not JSON"),
    "truncated": (Fault("", 200, "", 99, JSON), "not JSON"),
    "null": (Fault("", 200, "", 99, b"null"), "cannot read"),
    "list": (Fault("", 200, "", 99, b"[]"), "cannot read"),
    "redirect": (Fault("", 302, "", 99), "which is not followed"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_it_says_what_failed_writes_nothing_and_heals(
    connected: Workspace, google: Google, kind: str
) -> None:
    watch.poll("bigquery", connected, NOW)
    before = rows()
    google.jobs.clear()
    fault, sentence = FAULTS[kind]
    google.faults = [replace(fault)]
    with pytest.raises(ApiError, match=sentence) as error:
        watch.poll("bigquery", connected, NOW + timedelta(hours=1))
    said = str(error.value)
    state = PollerState.objects.get(poller="bigquery")
    assert (state.error, state.failures) == (said, 1)
    assert said.endswith(".") and said.isprintable() and "127.0.0.1" not in said
    assert rows() == before
    google.faults = []
    watch.poll("bigquery", connected, NOW + timedelta(hours=2))
    assert PollRun.objects.latest("pk").state == "good"


def test_it_says_that_a_key_file_is_none(connected: Workspace, settings: Settings) -> None:
    settings.VENDOR_VARIABLES = {
        "BIGQUERY_PROJECT": "demo-project",
        "BIGQUERY_CREDENTIALS": '{"type": "authorized_user"}',
    }
    with pytest.raises(ApiError, match="no key file of a service account"):
        watch.poll("bigquery", connected, NOW)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in PollerState.objects.get(poller="bigquery").error


@pytest.mark.parametrize("value", [None, "-1", "1.5", "many", "9" * 30])
def test_it_takes_no_value_that_no_count_has(
    connected: Workspace, google: Google, value: str | None
) -> None:
    google.answers["scan"] = [CALL, {**CALL, "host": "other.example", "n": value}]
    watch.poll("bigquery", connected, NOW)
    assert PollRun.objects.get().rejected
    assert not TrafficDay.objects.filter(host="other.example").exists()
