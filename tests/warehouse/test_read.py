"""A turn over every source's dataset, and what one of them cannot do to the others."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cdpwatch.counters import Kind
from cdpwatch.counters.bigquery import GIB
from cdpwatch.http import NotFound, Refused
from cdpwatch.readings import TrafficReading, Window
from cdpwatch.warehouse import OverCap, check, read, settings_of
from tests.factories import NOW, at
from tests.warehouse.conftest import Book, Opened
from tests.warehouse.google import CALL, COLUMNS, Fault, Google

SOURCES = {"src1": "prod-application"}
BOTH = {**SOURCES, "src2": "prod-backend"}
WINDOW = Window(NOW - timedelta(days=2), NOW)


def scans(google: Google) -> list[str]:
    """The texts of the scans that were run."""
    jobs = [job["configuration"] for job in google.jobs.values()]
    return [job["query"]["query"] for job in jobs if job["labels"]["shape"] == "scan"]


def test_it_reads_calls_by_host_path_and_library(opened: Opened) -> None:
    reading = read(opened(), SOURCES, Window(at(18), NOW), NOW)
    call = (date(2026, 11, 18), "track", "page_edited", "app.gitbook.com", "/o", "analytics.js")
    assert reading.traffic == [TrafficReading("src1", *call, False, 9211)]
    assert reading.scanned == [("src1", Window(at(18), at(19)))]


def test_it_counts_rows_of_partitions_and_says_when_they_were_loaded(opened: Opened) -> None:
    loaded, rows = read(opened(), SOURCES, WINDOW, NOW).counts
    assert (loaded.kind, loaded.count) == (Kind.STATE, 1_795_000_000)
    assert (rows.kind, rows.bucket, rows.call_type, rows.count) == (
        Kind.RECEIVED,
        at(18),
        "track",
        9300,
    )


def test_it_names_no_column_that_is_not_there(opened: Opened, google: Google) -> None:
    read(opened(), SOURCES, WINDOW, NOW)
    assert scans(google)
    assert not any("context_page" in text or "_view" in text for text in scans(google))


def test_it_reads_a_column_once_it_exists(opened: Opened, google: Google) -> None:
    google.datasets["prod_application"]["tracks"] = (*COLUMNS, "context_page_url")
    google.answers["columns"].append({"name": "tracks", "field": "context_page_url"})
    read(opened(), SOURCES, WINDOW, NOW)
    assert all("REGEXP_EXTRACT(context_page_url" in text for text in scans(google))


def test_it_pays_nothing_for_a_turn_over_tables_that_did_not_change(
    opened: Opened, google: Google
) -> None:
    first = read(opened(), SOURCES, WINDOW, NOW)
    paid = google.bytes_billed
    again = read(opened(), SOURCES, WINDOW, NOW + timedelta(minutes=40))
    assert (first.traffic, first.counts) == (again.traffic, again.counts)
    assert google.bytes_billed == paid


def test_it_scans_today_alone_when_rows_were_loaded(opened: Opened, google: Google) -> None:
    read(opened(), SOURCES, WINDOW, NOW)
    assert google.inserted == ["columns", "partitions", "scan", "scan"]
    google.rows += 500
    read(opened(), SOURCES, WINDOW, NOW + timedelta(minutes=40))
    assert google.inserted[4:] == ["partitions", "scan"]


def test_it_goes_on_where_one_dataset_is_missing(opened: Opened) -> None:
    reading = read(opened(), BOTH, Window(at(18), NOW), NOW)
    assert {call.source_id for call in reading.traffic} == {"src1"}
    [rejection] = reading.rejections
    assert rejection.where == "dataset demo-project.prod_backend"
    assert "BIGQUERY_DATASETS says which" in rejection.reason


def test_it_goes_on_where_one_dataset_may_not_be_seen(opened: Opened, google: Google) -> None:
    google.datasets["prod_backend"] = google.datasets["prod_application"]
    google.faults = [Fault("/datasets/prod_backend", 403, "accessDenied", times=9)]
    reading = read(opened(), BOTH, Window(at(18), NOW), NOW)
    assert {call.source_id for call in reading.traffic} == {"src1"}
    assert "Data Viewer" in reading.rejections[0].reason


def test_it_keeps_the_counts_where_a_scan_would_cost_too_much(
    opened: Opened, google: Google, book: Book
) -> None:
    """Rows of partitions cost 10 MiB; so they are still there when the month is nearly used up."""
    warehouse = opened()
    read(warehouse, SOURCES, WINDOW, NOW)
    book.used = 1024 * GIB
    reading = read(warehouse, SOURCES, Window(at(10), NOW), NOW + timedelta(hours=8))
    assert not reading.scanned
    assert "Not asked, not paid" in reading.rejections[0].reason


def test_it_says_why_where_nothing_could_be_read(opened: Opened, google: Google) -> None:
    google.estimate = 60 * GIB
    with pytest.raises(OverCap):
        read(opened(), BOTH, WINDOW, NOW)  # the missing dataset is the lesser news
    with pytest.raises(NotFound, match="no dataset"):
        read(opened(), {"src3": "nowhere"}, WINDOW, NOW)


def test_it_leaves_out_a_row_that_cannot_be(opened: Opened, google: Google) -> None:
    wrong = [{**CALL, "n": None}, {**CALL, "day": "2026-11-30"}, {**CALL, "day": "soon"}]
    google.answers["scan"] = [CALL, *wrong]
    reading = read(opened(), SOURCES, Window(at(18), NOW), NOW)
    assert len(reading.traffic) == 1
    assert len(reading.rejections) == 3
    assert not reading.scanned, "rows are missing, so what is stored stays"


def test_it_leaves_out_a_dataset_that_segment_did_not_make(opened: Opened, google: Google) -> None:
    google.answers["columns"] = [{"name": "tracks", "field": "whatever"}]
    with pytest.raises(NotFound, match="not set up"):
        read(opened(), SOURCES, WINDOW, NOW)


def test_it_checks_without_a_query(opened: Opened, google: Google) -> None:
    assert check(opened(), BOTH) == "1 of 2 sources have a dataset"
    assert not google.jobs


def test_it_says_what_a_check_lacks(opened: Opened) -> None:
    with pytest.raises(NotFound, match="BIGQUERY_DATASETS"):
        check(opened(), {"src3": "nowhere"})


# --- keys -------------------------------------------------------------------------------------
def test_it_names_a_dataset_as_segment_does() -> None:
    settings = settings_of(
        {"project": "demo-project", "datasets": "prod-app=old_name, b=other-project.ds"}
    )
    assert settings.dataset_of("prod-application") == "demo-project.prod_application"
    assert settings.dataset_of("prod-app") == "demo-project.old_name"
    assert settings.dataset_of("b") == "other-project.ds"


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"project": "no`quotes"},
        {"project": "demo-project", "datasets": "prod-app"},
        {"project": "demo-project", "datasets": "prod-app=x`; DROP"},
        {"project": "demo-project", "month_gib": "lots"},
    ],
)
def test_it_refuses_keys_that_cannot_be(keys: dict[str, str]) -> None:
    with pytest.raises(Refused, match="BIGQUERY_"):
        settings_of(keys)
