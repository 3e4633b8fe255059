"""The event names on a source's page: their parts add up, and their text is nobody's but a text."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from django.http import QueryDict
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from cdpwatch.models import Connection, EventName, VolumeDay, Workspace
from cdpwatch.readings import OTHER
from dashboards import names
from dashboards.names import Wish
from tests.dashboards.conftest import text
from tests.factories import make_connection

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).date()


def volume(source: Connection, event: str, count: int, day: date = TODAY) -> None:
    bucket = datetime(day.year, day.month, day.day, tzinfo=UTC)
    row = {"call_type": "track" if event else "identify", "event": event, "count": count}
    VolumeDay.objects.create(source=source, bucket=bucket, **row)


def seen(source: Connection, event: str, first: date, last: date = TODAY) -> None:
    days = {"first_seen": first, "last_seen": last}
    EventName.objects.create(source=source, call_type="track", event=event, **days)


def of(source: Connection, **query: str) -> names.Names:
    wish = QueryDict(mutable=True)
    wish.update(query)
    return names.of(source.pk, Wish.of(wish), TODAY)


def listed(found: names.Names) -> list[tuple[str, int]]:
    return [(row.name.event, row.name.calls) for row in found.rows]


@pytest.fixture
def source(workspace: Workspace) -> Connection:
    return make_connection(workspace)


def test_it_lists_the_largest_first_and_adds_up(source: Connection) -> None:
    for event, calls in {"Small": 10, "Large": 60, "": 25, OTHER: 5}.items():
        volume(source, event, calls)
    volume(source, "Large", 1_000, TODAY - 31 * DAY)  # before the window
    found = of(source)
    assert listed(found) == [("Large", 60), ("", 25), ("Small", 10)]
    assert (found.others, found.hidden, found.total) == (5, 0, 100)
    assert [row.percent for row in found.rows] == [60, 25, 10]


def test_it_sums_up_what_it_does_not_list(
    source: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MOST_NAMES", 2)
    for number in range(5):
        volume(source, f"Event {number}", 10 + number)
    found = of(source)
    assert (found.others, found.hidden, found.total) == (33, 3, 60)
    assert listed(of(source, q="event 0 TRACK")) == [("Event 0", 10)]
    assert of(source, q="event 0").others == 50


def test_it_keeps_a_name_that_fell_silent(source: Connection) -> None:
    seen(source, "Gone", TODAY - 90 * DAY, TODAY - 60 * DAY)
    [row] = of(source).rows
    assert (row.name.calls, row.percent, row.name.last_seen) == (0, 0, TODAY - 60 * DAY)


def test_it_knows_the_days_of_a_name_before_they_are_folded(source: Connection) -> None:
    seen(source, "Opened", TODAY - 50 * DAY, TODAY - 3 * DAY)
    volume(source, "Opened", 1)
    [row] = of(source).rows
    assert (row.name.first_seen, row.name.last_seen) == (TODAY - 50 * DAY, TODAY)


@pytest.mark.parametrize(("age", "new"), [(0, True), (6, True), (7, False)])
def test_it_marks_what_is_new_in_the_last_seven_days(
    source: Connection, age: int, new: bool
) -> None:
    seen(source, "Old", TODAY - 300 * DAY)
    seen(source, "Young", TODAY - age * DAY)
    assert {row.name.event: row.new for row in of(source).rows} == {"Old": False, "Young": new}


def test_it_takes_no_name_of_a_new_source_for_new(source: Connection) -> None:
    for event in ("a", "b"):
        seen(source, event, TODAY - 2 * DAY)
    assert not any(row.new for row in of(source).rows)


@pytest.mark.parametrize(
    ("sort", "order"),
    [("calls", "bca"), ("-calls", "acb"), ("event", "abc"), ("first", "acb"), ("nonsense", "bca")],
)
def test_it_sorts_by_any_column_both_ways(source: Connection, sort: str, order: str) -> None:
    for event, calls, age in (("a", 1, 2), ("b", 9, 9), ("c", 5, 4)):
        seen(source, event, TODAY - age * DAY)
        volume(source, event, calls)
    found = of(source, sort=sort)
    assert [row.name.event for row in found.rows] == list(order)
    assert [column.sorted for column in found.columns].count("") == 4


def test_it_shows_a_name_as_the_text_that_it_is(source: Connection, viewer: Client) -> None:
    volume(source, "<script>alert(1)</script>", 7)
    page = text(viewer, f"/catalog/connections/{source.pk}/", q="<b>")
    assert "<script>alert" not in page and "<b>" not in page.split("Search event names")[0][-200:]
    assert "No name has all of these words." in page
    page = text(viewer, f"/catalog/connections/{source.pk}/")
    assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>" in page


def test_it_says_why_there_is_no_name(source: Connection, viewer: Client) -> None:
    assert "No names yet" in text(viewer, f"/catalog/connections/{source.pk}/")


def test_it_gives_every_name_as_a_file_that_runs_nothing(
    source: Connection, viewer: Client, workspace: Workspace
) -> None:
    volume(source, "=cmd()", 30)
    volume(source, OTHER, 10)
    volume(make_connection(workspace, "src2"), "Elsewhere", 5)
    said = text(viewer, f"/catalog/connections/{source.pk}/names.csv")
    rows = list(csv.DictReader(io.StringIO(said)))
    assert [(row["event"], row["calls"], row["share"]) for row in rows] == [
        ("'=cmd()", "30", "0.75"),
        (OTHER, "10", "0.25"),
    ]
    assert (rows[0]["first_seen"], rows[1]["first_seen"]) == (TODAY.isoformat(), "")


def test_it_asks_as_often_for_many_names(
    source: Connection, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(300):
        volume(source, f"Event {number}", 1)
    with django_assert_num_queries(2):
        of(source)
