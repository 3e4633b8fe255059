"""The health page: pollers, heartbeats, the outbox, and "Poll now"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from cdpwatch import asking, counting, health
from cdpwatch.models import (
    AuditLog,
    DeliveryState,
    Heartbeat,
    PollerState,
    PollRun,
    RequestKind,
    RequestState,
    RunState,
    WorkRequest,
    Workspace,
)
from cdpwatch.progress import first_read, how_far
from cdpwatch.timetable import POLLERS
from dashboards.views.health import answer, next_turn, standing
from tests.dashboards.conftest import alive, make_message, text
from tests.factories import NOW

HEALTH, POLL = reverse("health"), reverse("health-poll")
MINUTE = timedelta(minutes=1)


def make_row(
    late: bool = False, throttled_until: datetime | None = None, **fields: object
) -> health.PollerRow:
    filled = {"last_run": NOW - MINUTE, "last_good": NOW - MINUTE, **fields}
    state = PollerState(poller="usage", **filled)
    every = timedelta(hours=1)
    return health.PollerRow("usage", "Billed usage", every, state, late, throttled_until)


def make_request(**fields: object) -> WorkRequest:
    return WorkRequest(**{"kind": RequestKind.POLL, "asked_at": NOW - MINUTE, **fields})


# --- words ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("row", "word", "turn"),
    [
        (make_row(), "Good", "in 59 min"),
        (make_row(failures=2), "Failing", "in 59 min"),
        (
            make_row(throttled_until=NOW + 2 * MINUTE, last_run=NOW - 90 * MINUTE),
            "Throttled",
            "in 2 min",
        ),
        (make_row(throttled_until=NOW - MINUTE, last_run=NOW - 90 * MINUTE), "Good", "due now"),
        (make_row(late=True, failures=3), "Late", "in 59 min"),
        (make_row(last_run=None, last_good=None), "Not started", "once connected"),
    ],
)
def test_it_tells_how_a_poller_stands(row: health.PollerRow, word: str, turn: str) -> None:
    assert standing(row, NOW)[1] == word
    assert next_turn(row, NOW) == turn


@pytest.mark.parametrize(
    ("asked", "word", "waits"),
    [
        (make_request(), "Queued", True),
        (make_request(state=RequestState.RUNNING), "Polling", True),
        (make_request(state=RequestState.RUNNING, asked_at=NOW - 3 * MINUTE), "No answer", False),
        (make_request(state=RequestState.DONE, finished_at=NOW, result={"rows": 7}), "Done", False),
        (make_request(state=RequestState.FAILED, finished_at=NOW), "Failed", False),
    ],
)
def test_it_tells_what_became_of_a_request(asked: WorkRequest, word: str, waits: bool) -> None:
    assert answer(asked, NOW).word == word
    assert answer(asked, NOW).waits is waits
    assert asking.is_over(asked, NOW) is not waits


def test_it_names_the_pollers_that_another_turn_was_reading() -> None:
    result = {"rows": 3, "busy": ["usage"]}
    done = make_request(state=RequestState.DONE, finished_at=NOW, result=result)
    title = POLLERS["usage"].title
    said = f"3 rows recorded. Already being read, or asked to wait: {title}."
    assert answer(done, NOW).text == said


# --- the page ---------------------------------------------------------------------------------
def test_it_opens_before_anything_was_polled(viewer: Client) -> None:
    page = text(viewer, HEALTH)
    for part in ("The worker is not running", "No runs yet", "Not started", "Not connected yet"):
        assert part in page


def test_it_shows_errors_rows_and_runs(workspace: Workspace, viewer: Client) -> None:
    now = datetime.now(UTC)
    PollerState.objects.create(
        workspace=workspace,
        poller="usage",
        last_run=now,
        failures=3,
        rows=785,
        error="Refused (401).",
    )
    PollRun.objects.create(
        workspace=workspace,
        poller="usage",
        slot=now,
        lease_until=now,
        state=RunState.FAILED,
        started_at=now - timedelta(milliseconds=412),
        finished_at=now,
        error="It was refused.",
    )
    page = text(viewer, HEALTH)
    for part in ("Refused (401).", "785", "It was refused.", "Failing", ">412 ms<"):
        assert part in page
    assert "Every row was taken." in page


def test_it_shows_each_pollers_own_last_turn_whatever_else_was_read(
    workspace: Workspace, viewer: Client
) -> None:
    now = datetime.now(UTC)
    PollerState.objects.create(
        workspace=workspace,
        poller="audit",
        last_run=now,
        last_good=now - timedelta(hours=3),
        rows=77,
    )
    for month in range(30):  # the history of another poller fills the list of recent runs
        PollRun.objects.create(
            workspace=workspace,
            poller="usage",
            slot=now - month * timedelta(days=30),
            lease_until=now,
            state=RunState.GOOD,
        )
    page = text(viewer, HEALTH)
    [row] = re.findall(r"<tr>\s*<th scope=.row.>Audit events.*?</tr>", page, re.DOTALL)
    assert "3 h ago" in row and ">77<" in row


def test_it_counts_the_outbox(workspace: Workspace) -> None:
    old = datetime.now(UTC) - timedelta(hours=2)
    first = make_message(workspace, created_at=old)
    for event, state in (("worse", DeliveryState.PENDING), ("resolved", DeliveryState.SENT)):
        first.pk, first.event, first.state, first.created_at = None, event, state, old + MINUTE
        first.save(force_insert=True)
    assert health.outbox(workspace) == health.Outbox(waiting=1, failed=1, oldest=old)


def test_it_shows_what_bigquery_was_billed_this_month_against_the_most(
    workspace: Workspace, viewer: Client, settings: Settings
) -> None:
    now = datetime.now(UTC)
    for job, asked_at in (("job1", now), ("job2", now - timedelta(days=31))):
        counting.note_job(
            workspace, job, "scan", asked_at, estimated=None, billed=96 * 2**30, error=""
        )
    settings.VENDOR_VARIABLES = {"BIGQUERY_PROJECT": "our-project", "BIGQUERY_MONTHLY_GIB": "768"}
    assert "<dd>96 GiB</dd><dd>12.5% of 768 GiB, last query " in text(viewer, HEALTH)


@pytest.mark.parametrize(
    "keys", [{}, {"BIGQUERY_PROJECT": "our-project", "BIGQUERY_MONTHLY_GIB": "plenty"}]
)
def test_it_shows_no_bytes_of_bigquery_without_keys_that_can_be(
    workspace: Workspace, viewer: Client, settings: Settings, keys: dict[str, str]
) -> None:
    settings.VENDOR_VARIABLES = keys
    assert "BigQuery this month" not in text(viewer, HEALTH)


@pytest.mark.parametrize(("age", "answers"), [(50, True), (70, False)])
def test_it_knows_a_silent_worker(db: None, age: int, answers: bool) -> None:
    Heartbeat.objects.create(name="worker", at=NOW - timedelta(seconds=age))
    assert health.worker_answers(NOW) is answers


def test_it_says_nothing_of_a_worker_that_answers(workspace: Workspace, viewer: Client) -> None:
    alive()
    assert "The worker is not running" not in text(viewer, HEALTH)


def test_it_reads_health_with_few_queries(
    workspace: Workspace, viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for poller in POLLERS:
        PollerState.objects.create(workspace=workspace, poller=poller)
    with django_assert_max_num_queries(25):
        text(viewer, HEALTH)


# --- history ----------------------------------------------------------------------------------
def test_it_tells_how_far_the_first_reading_is(workspace: Workspace) -> None:
    for poller in POLLERS:
        PollerState.objects.create(
            workspace=workspace,
            poller=poller,
            last_good=NOW,
            history_from=NOW.date().replace(day=1),
        )
    states = PollerState.objects.filter(workspace=workspace)
    states.filter(poller="usage").update(history_from="2026-05-01")
    states.filter(poller="volume").update(history_from="2026-06-01")
    assert first_read(workspace, NOW) == "Reading the past: 5 of 13 months."
    states.update(history_from="2025-10-01")
    assert first_read(workspace, NOW) == ""
    states.filter(poller="usage").update(last_good=None)
    assert first_read(workspace, NOW) == "Reading this month: waiting for billed usage."


def test_it_does_not_wait_for_what_nobody_has_connected(
    workspace: Workspace, settings: Settings
) -> None:
    assert how_far(workspace, NOW) == "Not connected yet: open the Connect page."
    settings.SEGMENT_API_TOKEN = "token"
    assert how_far(workspace, NOW).startswith("Reading this month: waiting for catalog")


# --- poll now ---------------------------------------------------------------------------------
def test_it_queues_a_poll(workspace: Workspace, editor: Client) -> None:
    assert editor.post(POLL, {"poller": "usage"}).status_code == 302
    asked = WorkRequest.objects.get()
    assert (asked.kind, asked.subject, asked.asked_by) == (RequestKind.POLL, "usage", "editor")
    assert AuditLog.objects.get().subject == "usage"
    page = text(editor, HEALTH)
    assert "Queued" in page
    assert f'data-poll-url="{reverse("health-request", args=[asked.pk])}"' in page


def test_it_queues_the_same_poll_once(workspace: Workspace, editor: Client) -> None:
    for poller in ("usage", "usage", ""):
        editor.post(POLL, {"poller": poller})
    assert sorted(WorkRequest.objects.values_list("subject", flat=True)) == ["", "usage"]


def test_it_refuses_a_poller_that_is_not_there(workspace: Workspace, editor: Client) -> None:
    assert editor.post(POLL, {"poller": "weather"}).status_code == 400
    assert not WorkRequest.objects.exists()


def test_it_tells_the_page_when_to_stop_waiting(workspace: Workspace, viewer: Client) -> None:
    asked = asking.ask(workspace, RequestKind.POLL, "ana")
    url = reverse("health-request", args=[asked.pk])
    assert viewer.get(url).json() == {"done": False}
    WorkRequest.objects.update(state=RequestState.DONE, finished_at=NOW, result={"rows": 31})
    assert viewer.get(url).json() == {"done": True}
    assert "31 rows recorded." in text(viewer, HEALTH)
