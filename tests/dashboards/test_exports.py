"""Tables as files: who gets them, which days they hold, and how they are named."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from cdpwatch import counting
from cdpwatch.exports import EXPORTS
from cdpwatch.models import Workspace
from tests.dashboards.conftest import text
from tests.factories import NOW, at, make_connection, make_reading, make_sources

DAY = timedelta(days=1)


def address(name: str = "usage", form: str = "csv") -> str:
    return reverse("export", args=[name, form])


def days_of(content: str) -> list[str]:
    return sorted({row["day"] for row in csv.DictReader(io.StringIO(content))})


@pytest.mark.parametrize("name", EXPORTS)
def test_it_gives_every_table_as_csv_and_as_json(
    workspace: Workspace, viewer: Client, name: str
) -> None:
    make_sources(workspace, 1, datetime.now(UTC))
    table = viewer.get(address(name))
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
    listed = viewer.get(address(name, "json"))
    assert listed.headers["Content-Type"] == "application/json"
    rows = list(csv.DictReader(io.StringIO(table.content.decode())))
    assert len(rows) == len(json.loads(listed.content))


def test_it_names_the_file_after_the_table_and_its_last_day(viewer: Client) -> None:
    reply = viewer.get(address("alerts"), {"to": "2026-11-18"})
    said = 'attachment; filename="cdpwatch-alerts-2026-11-18.csv"'
    assert reply.headers["Content-Disposition"] == said


def test_it_gives_the_days_that_are_asked_for(workspace: Workspace, viewer: Client) -> None:
    make_sources(workspace, 2, NOW)
    told = text(viewer, address(), **{"from": "2026-10-30", "to": "2026-11-02"})
    assert days_of(told) == ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02"]


def test_it_begins_with_the_month_of_the_last_day(workspace: Workspace, viewer: Client) -> None:
    make_sources(workspace, 2, NOW)
    days = days_of(text(viewer, address(), to="2026-10-03"))
    assert days == ["2026-10-01", "2026-10-02", "2026-10-03"]


def test_it_gives_the_running_month_by_default(workspace: Workspace, viewer: Client) -> None:
    today = datetime.now(UTC).date()
    make_sources(workspace, 1, datetime.now(UTC))
    days = days_of(text(viewer, address()))
    assert (days[0], days[-1]) == (today.replace(day=1).isoformat(), today.isoformat())


@pytest.mark.parametrize(
    "span",
    [
        {"from": "2026-11-18", "to": "2026-11-01"},
        {"from": "0001-01-01", "to": "0001-01-02"},
        {"to": "9999-12-31"},
    ],
)
@pytest.mark.parametrize("name", EXPORTS)
def test_it_gives_an_empty_table_for_days_that_hold_nothing(
    viewer: Client, name: str, span: dict[str, str]
) -> None:
    assert text(viewer, address(name, "json"), **span) == "[]\n"


@pytest.mark.parametrize(
    "span", [{"to": "18.11.2026"}, {"from": "2026-02-30"}, {"to": ""}, {"to": "\0"}]
)
def test_it_refuses_what_is_no_day(viewer: Client, span: dict[str, str]) -> None:
    reply = viewer.get(address(), span)
    assert (reply.status_code, b"2026-11-23" in reply.content) == (400, True)


def test_it_gives_what_was_known_at_a_moment(workspace: Workspace, viewer: Client) -> None:
    make_connection(workspace)
    for calls, read in ((10, at(5)), (30, at(9))):
        counting.record_usage(workspace, [make_reading(calls, 1, "src1")], read)
    query = {"from": "2026-11-01", "to": "2026-11-01"}
    reply = viewer.get(address(), {**query, "as_of": "2026-11-07T12:00:00 01:00"})
    assert reply.content.decode().splitlines()[1] == "2026-11-01,src1,Prod - Application,,10,"
    named = 'filename="cdpwatch-usage-as-of-20261107T1100Z-2026-11-01.csv"'
    assert named in reply.headers["Content-Disposition"]
    assert ",30," in text(viewer, address(), **query)


def test_it_begins_with_the_month_of_the_moment(workspace: Workspace, viewer: Client) -> None:
    make_connection(workspace)
    counting.record_usage(workspace, [make_reading(10, 3, "src1", month=10)], at(5))
    assert days_of(text(viewer, address(), as_of="2026-10-05")) == ["2026-10-03", "2026-10-04"]


@pytest.mark.parametrize(
    ("name", "moment", "said"),
    [
        ("usage", "soon", "A moment is written 2026-11-18"),
        ("usage", "9999-12-31", "Nothing is known of a moment outside"),
        ("catalog", "2026-11-18", "catalog is kept as it is now"),
    ],
)
def test_it_refuses_a_moment_in_a_sentence(
    viewer: Client, name: str, moment: str, said: str
) -> None:
    reply = viewer.get(address(name), {"as_of": moment})
    assert (reply.status_code, reply.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert reply.content.decode().startswith(said)


def test_it_refuses_a_moment_to_come(viewer: Client) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=5)
    if moment.year == datetime.now(UTC).year:
        reply = viewer.get(address(), {"as_of": moment.isoformat()})
        assert reply.content == b"This moment is still to come."


@pytest.mark.parametrize(("name", "form"), [("secrets", "csv"), ("usage", "xlsx")])
def test_it_has_no_other_tables(viewer: Client, name: str, form: str) -> None:
    assert viewer.get(address(name, form)).status_code == 404


def test_it_leaves_a_hole_empty(workspace: Workspace, viewer: Client) -> None:
    [source] = make_sources(workspace, 1, NOW)
    source.days.filter(day=date(2026, 11, 5)).update(calls=None, reason="Lost.")
    told = text(viewer, address(), **{"from": "2026-11-05", "to": "2026-11-05"})
    assert told.splitlines()[1] == "2026-11-05,s0,Prod - App 0,Prod,,"
