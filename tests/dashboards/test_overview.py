"""The first page: will we cross the contract, what changed, is the data fresh; in this order."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from cdpwatch import budget, snapshot
from cdpwatch.models import Connection, Function, PollerState, Workspace
from cdpwatch.readings import Direction
from dashboards.views.overview import (
    TableRow,
    changes,
    freshness,
    movers,
    table_row,
    to_rename,
    verdict,
)
from tests.dashboards.conftest import text
from tests.factories import (
    NOW,
    TERMS,
    TODAY,
    bill,
    make_alert,
    make_connection,
    make_forecast,
    make_live,
    make_situation,
    make_sources,
)

OVERVIEW, DATA = reverse("overview"), reverse("overview-data")
BUDGETED = 32  # queries
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def make_view(**fields: object) -> SimpleNamespace:
    """What sentences are made of: November 18, 25.8M used of 40M and heading for 43.1M."""
    period = budget.period_at(TERMS, TODAY)
    forecast = make_forecast(43_137_000, 3_500_000)
    standing = budget.standing(TERMS, period, 25_812_345, forecast, NOW)
    base = {"standing": standing, "situation": make_situation(), "found": (), "used_by_day": {}}
    return SimpleNamespace(**{**base, **fields})


def make_row(connection: Connection, **fields: object) -> TableRow:
    base = {"used": 100, "settled": 90, "share": 0.25, "before": 60, "leaking": False}
    filled = {**base, "spark": (3,) * 30, **fields}
    return table_row(snapshot.SourceRow(connection=connection, **filled), make_view())


def changed(workspace: Workspace) -> list[tuple[str, str]]:
    found = changes(workspace, snapshot.take(workspace, NOW))
    return [(change.word, change.title) for change in found]


@pytest.fixture
def busy(workspace: Workspace) -> Workspace:
    """Two months of bills and three sources that are live today."""
    now = datetime.now(UTC)
    bill(workspace, now.date(), 1_000_000)
    make_sources(workspace, 3, now)
    return workspace


# --- will we cross it -------------------------------------------------------------------------
def test_it_answers_in_one_sentence_with_the_numbers_behind_it() -> None:
    html = render_to_string("components/_verdict.html", verdict(make_view()))
    said = (
        "25.8M of 40M used, 12 days left; at this pace 43.1M (41.7–44.5M), "
        "crossing 40M on Sat 28 Nov."
    )
    assert said in html
    assert "November ends at 43.1M, 3.1M over the contract; it crosses on Sat 28 Nov." in html
    assert "Chance of going over: over 99%." in html
    assert "■ Over" in html
    assert "Billed to Tue 17 Nov, 24:00 UTC, live to Wed 18 Nov 12:05 UTC." in html
    assert html.index("<h1") < html.index(said)


@pytest.mark.parametrize(
    ("total", "badge"), [(36e6, "✓ On track"), (39.7e6, "▲ Watch"), (43e6, "■ Over")]
)
def test_it_tells_the_state_by_icon_and_word(total: float, badge: str) -> None:
    period = budget.period_at(TERMS, TODAY)
    standing = budget.standing(TERMS, period, 20_000_000, make_forecast(total), NOW)
    html = render_to_string("components/_verdict.html", verdict(make_view(standing=standing)))
    assert badge in html


def test_it_says_what_the_total_would_be_without_the_leak(workspace: Workspace) -> None:
    bill(workspace, TODAY, 1_000_000)
    [source] = make_sources(workspace, 1, NOW)
    for minute in range(2, 62):
        make_live(source, NOW - minute * MINUTE, 1_000, "page", "Home")
    view = snapshot.take(workspace, NOW)
    [leak] = view.found
    facts = verdict(view)
    assert facts["without_leaks"] == view.standing.total - leak.in_period - leak.to_end
    assert "Without the open leak it would be" in render_to_string(
        "components/_verdict.html", facts
    )


# --- what changed -----------------------------------------------------------------------------
def test_it_tells_alerts_before_what_came_and_went(workspace: Workspace) -> None:
    month = NOW - 30 * DAY
    Workspace.objects.update(created_at=month)
    workspace.refresh_from_db()
    make_connection(workspace, "old", name="Old", first_seen=month)
    make_connection(workspace, "new", name="Prod - New", first_seen=NOW - DAY)
    make_connection(workspace, "gone", name="Gone", first_seen=month, retired_at=NOW - DAY)
    make_connection(workspace, "long", name="Long gone", first_seen=month, retired_at=NOW - 9 * DAY)
    make_alert(workspace)
    assert changed(workspace) == [("Blind", "No usage"), ("New", "Prod - New"), ("Gone", "Gone")]


def test_it_does_not_call_new_what_the_first_reading_found(workspace: Workspace) -> None:
    Workspace.objects.update(created_at=NOW - DAY)
    workspace.refresh_from_db()
    make_connection(workspace, first_seen=NOW - DAY + 5 * MINUTE)
    assert changed(workspace) == []


def test_it_names_the_sources_that_moved_most(workspace: Workspace) -> None:
    view = snapshot.take(workspace, NOW)
    rows = [
        make_row(Connection(name=name), settled=settled, before=before).row
        for name, settled, before in (
            ("Grew", 900_000, 400_000),
            ("Shrank", 100_000, 1_900_000),
            ("Steady", 900_000, 890_000),
            ("Unknown", 900_000, None),
        )
    ]
    told = [(change.word, change.title, change.text) for change in movers(rows, view)]
    assert told == [
        (
            "Less",
            "Shrank",
            "1.8M calls fewer than in the same days of October, 100k so far.",
        ),
        ("More", "Grew", "500k calls more than in the same days of October, 900k so far."),
    ]


def test_it_speaks_of_last_year_where_the_contract_is_yearly(workspace: Workspace) -> None:
    contract = workspace.contract
    contract.period, contract.cycle_day, contract.starts_on = "year", 17, date(2026, 6, 1)
    contract.save()
    row = make_row(Connection(name="Grew"), settled=900_000, before=400_000).row
    [change] = movers([row], snapshot.take(workspace, NOW))
    assert "more than in the same days of the year to 16 Jun 2026" in change.text


def test_it_counts_names_to_look_at(workspace: Workspace) -> None:
    for number, naming in enumerate(("follows", "", "rename", "conflict", "rename")):
        gone = NOW if number == 4 else None
        make_connection(workspace, f"src{number}", naming=naming, retired_at=gone)
    assert to_rename(workspace) == 2


# --- is the data fresh ------------------------------------------------------------------------
def test_it_gives_each_poller_its_clock(workspace: Workspace) -> None:
    bill(workspace, TODAY, 1_000)
    for name, age, error in (
        ("catalog", None, ""),
        ("usage", HOUR, ""),
        ("volume", 30 * MINUTE, "Segment said 503."),
    ):
        good = NOW - age if age else None
        PollerState.objects.create(
            workspace=workspace, poller=name, first_due=NOW, last_good=good, error=error
        )
    told = freshness(snapshot.take(workspace, NOW))
    assert [(item.title, item.upto, item.state, item.word) for item in told] == [
        ("Catalog of connections", "no reading yet", "late", "never"),
        ("Billed usage", "to Tue 17 Nov, 24:00 UTC", "ok", "60 min"),
        ("Live volume", "to Wed 18 Nov 11:35 UTC; Segment said 503.", "warn", "30 min"),
    ]


# --- the table --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("connection", "fields", "badge"),
    [
        ({}, {}, ("ok", "In policy")),
        ({"enabled": False, "retired_at": NOW}, {"leaking": True}, ("bad", "Leak")),
        ({"enabled": False, "retired_at": NOW}, {}, ("off", "Gone")),
        ({"enabled": False}, {}, ("off", "Switched off")),
        ({}, {"used": 0, "spark": (0, None)}, ("late", "No calls")),
        ({}, {"used": 0, "spark": (0, 5)}, ("ok", "In policy")),
    ],
)
def test_it_marks_each_source(
    connection: dict[str, object], fields: dict[str, object], badge: tuple[str, str]
) -> None:
    row = make_row(Connection(name="Prod - A", **connection), **fields)
    assert (row.state, row.word) == badge


def test_it_compares_whole_days_only_and_leaves_out_what_it_cannot_compare() -> None:
    assert make_row(Connection(), settled=90, before=60).change == pytest.approx(50)
    assert [make_row(Connection(), before=before).change for before in (None, 0)] == [None, None]


def test_it_leads_from_a_source_to_its_system(workspace: Workspace) -> None:
    app, function = workspace.apps.get(slug="census"), Function.objects.get()
    urls = [
        make_row(connection).url
        for connection in (Connection(app=app), Connection(function=function), Connection())
    ]
    assert urls == [
        reverse("catalog-app", args=["census"]),
        reverse("catalog-function", args=[function.pk]),
        reverse("catalog"),
    ]


# --- the page itself --------------------------------------------------------------------------
def test_it_answers_in_the_order_of_the_questions(busy: Workspace, viewer: Client) -> None:
    html = text(viewer, OVERVIEW)
    landmarks = [
        '<h1 aria-live="polite"',
        ">Burn<",
        ">What changed<",
        ">Is the data fresh?<",
        ">Sources<",
    ]
    places = [html.index(landmark) for landmark in landmarks]
    assert places == sorted(places)


def test_it_adds_up(busy: Workspace, viewer: Client) -> None:
    html = text(viewer, OVERVIEW)
    table = html[html.index("by source</caption>") : html.index("</tfoot>")]
    cells = re.findall(r'data-label="Calls">([^<]+)<', table)
    *parts, total = [int(cell.replace("\u2009", "")) for cell in cells]
    assert len(parts) == 3 + 1  # the sources and the remainder
    assert sum(parts) == total == 1_000_000 * (datetime.now(UTC).day - 1) + 3 * 40
    assert "Other and deleted sources" in table


def test_it_marks_a_leaking_source(busy: Workspace, viewer: Client) -> None:
    now = datetime.now(UTC)
    source = Connection.objects.get(segment_id="s1")
    for minute in range(1, 4):
        make_live(source, now - minute * MINUTE, 900, "page", "Home")
    html = text(viewer, OVERVIEW)
    assert "1 open: Prod - App 1, page calls" in html
    row = html[html.index('">Prod - App 1</a>') :]
    assert "■ Leak" in row[: row.index("</tr>")]
    assert html.count("✓ In policy") == 2


def test_it_refreshes_the_sentences(busy: Workspace, viewer: Client, settings: Settings) -> None:
    settings.SEGMENT_API_TOKEN = "token"
    page = text(viewer, OVERVIEW)
    answer = viewer.get(DATA).json()
    assert answer["state"] == "ok"
    for key in ("headline", "pace", "used", "progress"):
        shown = re.search(rf'data-live="{key}">([^<]*)<', page)
        assert shown is not None
        assert shown[1] == answer["texts"][key]
    make_alert(busy, severity="critical")
    assert viewer.get(DATA).json()["state"] == "bad"


def test_it_ignores_what_is_no_source(busy: Workspace, viewer: Client) -> None:
    make_connection(busy, "dst", name="Prod - Amplitude", direction=Direction.DESTINATION)
    html = text(viewer, OVERVIEW)
    assert "Prod - Amplitude" not in html[html.index("by source</caption>") :]


def test_it_reads_the_overview_with_as_many_queries_for_many_sources(
    workspace: Workspace,
    viewer: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    now = datetime.now(UTC)
    bill(workspace, now.date(), 1_000_000)
    make_sources(workspace, 12, now)
    with django_assert_max_num_queries(BUDGETED) as few:
        text(viewer, OVERVIEW)
    workspace.connections.all().delete()
    make_sources(workspace, 200, now)
    with django_assert_max_num_queries(BUDGETED) as many:
        text(viewer, OVERVIEW)
    assert len(many) == len(few)
