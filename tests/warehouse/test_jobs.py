"""One query, paid once: limits, adoption, paging, and Google's errors by their reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cdpwatch.counters.bigquery import GIB
from cdpwatch.http import (
    ApiError,
    BadPayload,
    NotFound,
    RateLimited,
    ServerError,
    Unauthorized,
    Unreachable,
)
from cdpwatch.warehouse import OverCap
from cdpwatch.warehouse.jobs import MOST_ATTEMPTS, SMALLEST, Query, Warehouse
from tests.factories import NOW
from tests.warehouse.conftest import Book, Opened
from tests.warehouse.google import CALL, MIB, Fault, Google

SCAN = Query("scan", "demo-project.prod_application", "SELECT 1", {"start": NOW}, "v1")


def ask(warehouse: Warehouse, query: Query = SCAN) -> list[dict[str, Any]]:
    return list(warehouse.ask(query, "EU"))


def test_it_reads_the_rows_of_a_query(opened: Opened) -> None:
    assert ask(opened()) == [{**CALL, "n": 9211, "anonymous": False}]


def test_it_reads_every_page(opened: Opened, google: Google) -> None:
    google.page = 7
    google.answers["scan"] = [{**CALL, "n": str(n)} for n in range(20)]
    assert [row["n"] for row in ask(opened())] == list(range(20))


def test_it_estimates_a_query_before_it_is_run(opened: Opened, google: Google, book: Book) -> None:
    ask(opened())
    posts = [line for line in google.asked if line.startswith("POST")]
    assert posts == ["POST /jobs", "POST /jobs"]  # the dry run, and the job
    assert google.inserted == ["scan"]


def test_it_caps_and_labels_every_job(opened: Opened, google: Google, book: Book) -> None:
    book.used = 1023 * GIB
    ask(opened())
    [job] = google.jobs.values()
    assert job["configuration"]["labels"] == {"app": "cdpwatch", "shape": "scan"}
    assert job["configuration"]["query"]["maximumBytesBilled"] == str(GIB)
    assert job["jobReference"]["location"] == "EU"


def test_it_notes_what_a_job_was_billed(opened: Opened, google: Google, book: Book) -> None:
    google.billed = 12 * MIB
    ask(opened())
    [note] = book.notes.values()
    assert (note.shape, note.billed) == ("scan", 12 * MIB)


def test_it_notes_a_job_before_it_is_run(opened: Opened, google: Google, book: Book) -> None:
    google.faults = [Fault("/queries/", 500, "backendError", times=9)]
    google.looks = 1
    google.estimate = 30 * MIB

    def stop() -> None:
        if google.jobs:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        ask(opened(before_each=stop))
    [note] = book.notes.values()
    assert (note.estimated, note.billed) == (30 * MIB, None)


@pytest.mark.parametrize(
    ("keys", "used", "estimate"),
    [
        ({"month_gib": "1"}, GIB, SMALLEST),
        ({"month_gib": "10"}, 7 * GIB, 4 * GIB),
        ({"job_gib": "2"}, 0, 3 * GIB),
    ],
)
def test_it_does_not_run_what_would_cost_too_much(
    opened: Opened, google: Google, book: Book, keys: dict[str, str], used: int, estimate: int
) -> None:
    google.estimate, book.used = estimate, used
    with pytest.raises(OverCap, match="Not asked, not paid"):
        ask(opened(**keys))
    assert not google.jobs
    assert not book.notes


def test_it_is_not_billed_above_the_cap_where_the_estimate_was_wrong(
    opened: Opened, google: Google
) -> None:
    google.estimate, google.billed = GIB, 3 * GIB
    with pytest.raises(OverCap, match="above its limit"):
        ask(opened(job_gib="2"))
    assert google.bytes_billed == 0


def test_it_takes_the_answer_of_a_job_from_before(opened: Opened, google: Google) -> None:
    first = ask(opened())
    second = ask(opened(now=NOW + timedelta(hours=2)))
    assert first == second
    assert google.inserted == ["scan"]


def test_it_adopts_the_job_of_a_turn_that_died(opened: Opened, google: Google, book: Book) -> None:
    google.looks = 2

    def die() -> None:
        if google.jobs:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        ask(opened(before_each=die))
    assert ask(opened())
    assert google.bytes_billed == google.billed
    [note] = book.notes.values()
    assert note.billed == google.billed


def test_it_adopts_the_job_where_the_answer_to_its_start_was_lost(
    opened: Opened, google: Google
) -> None:
    """As where two workers start the same job: the second is told that it exists."""
    other = opened()
    started = []

    def meanwhile() -> None:
        if google.asked and google.asked[-1].startswith("POST") and not started:
            started.append(True)
            ask(other)

    assert ask(opened(before_each=meanwhile))
    assert started and google.inserted == ["scan"]


@pytest.mark.parametrize(
    "other",
    [
        {"version": "v2"},
        {"sql": "SELECT 2"},
        {"dataset": "demo-project.prod_backend"},
        {"values": {"start": NOW - timedelta(days=1)}},
    ],
)
def test_it_pays_again_where_the_answer_may_be_another(
    opened: Opened, google: Google, other: dict[str, Any]
) -> None:
    ask(opened())
    ask(opened(), Query(**{**vars(SCAN), **other}))
    assert len(google.jobs) == 2


def test_it_gives_a_job_that_failed_another_number(opened: Opened, google: Google) -> None:
    google.billed = 3 * GIB
    with pytest.raises(OverCap):
        ask(opened(job_gib="2"))
    assert ask(opened(job_gib="4"))
    assert [job_id[-2:] for job_id in google.jobs] == ["_1", "_2"]


def test_it_stops_paying_for_a_query_that_fails_all_day(opened: Opened, google: Google) -> None:
    google.billed = 3 * GIB
    for _ in range(MOST_ATTEMPTS + 2):
        with pytest.raises(OverCap):
            ask(opened(job_gib="2"))
    assert len(google.jobs) == MOST_ATTEMPTS


def test_it_gives_up_on_a_job_that_runs_on_and_on(opened: Opened, google: Google) -> None:
    google.looks = 10_000
    with pytest.raises(Unreachable, match="still runs"):
        ask(opened())


@pytest.mark.parametrize(
    ("status", "reason", "kind", "says"),
    [
        (403, "rateLimitExceeded", RateLimited, "rate limit"),
        (403, "quotaExceeded", RateLimited, "2026-11-19 08:00 UTC"),
        (500, "backendError", ServerError, "failed"),
        (503, "", ServerError, "failed"),
        (403, "accessDenied", Unauthorized, "Data Viewer"),
        (404, "notFound", NotFound, "no such thing"),
        (400, "invalidQuery", ApiError, "as the test wants it"),
    ],
)
def test_it_tells_errors_apart_by_their_reason(
    opened: Opened, google: Google, status: int, reason: str, kind: type[ApiError], says: str
) -> None:
    google.faults = [Fault("/queries/", status, reason, times=99)]
    with pytest.raises(kind, match=says) as e:
        ask(opened())
    assert "127.0.0.1" not in str(e.value)


def test_it_waits_for_the_quota_until_googles_day_begins(opened: Opened, google: Google) -> None:
    google.faults = [Fault("/queries/", 403, "quotaExceeded")]
    with pytest.raises(RateLimited) as e:
        ask(opened())
    assert e.value.retry_after == pytest.approx(timedelta(hours=19.9) / timedelta(seconds=1), 0.01)


def test_it_rests_for_minutes_after_a_limit_of_the_minute(opened: Opened, google: Google) -> None:
    google.faults = [Fault("/queries/", 403, "rateLimitExceeded")]
    with pytest.raises(RateLimited) as e:
        ask(opened())
    assert e.value.retry_after == 600


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"<html>sign in</html>", BadPayload), (b'{"jobComplete": tr', BadPayload)],
)
def test_it_does_not_break_on_what_is_no_json(
    opened: Opened, google: Google, body: bytes, kind: type[ApiError]
) -> None:
    google.faults = [Fault("/queries/", 200, times=99, body=body)]
    with pytest.raises(kind):
        ask(opened())


def test_it_does_not_break_on_a_value_of_another_type(opened: Opened, google: Google) -> None:
    google.answers["scan"] = [{**CALL, "n": "many"}]
    with pytest.raises(BadPayload):
        ask(opened())
