"""The first page: will we cross the contract, what changed, is the data fresh; in this order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from cdpwatch import budget, snapshot, watch, wording
from cdpwatch.bootstrap import ROOT
from cdpwatch.counters import COUNTERS
from cdpwatch.forecast import Forecast
from cdpwatch.models import Connection, Function, KeptSnapshot, PollerState, Workspace
from cdpwatch.policy import DEFAULT_RULES, Verdict
from cdpwatch.readings import Direction, PollerHealth
from dashboards.context import Visit
from dashboards.sources import LISTED, TableRow, connections_of, table_row
from dashboards.verdict import texts, verdict
from dashboards.views.overview import (
    Change,
    changes,
    freshness,
    known_to,
    leak_line,
    mover_changes,
    movers,
    to_rename,
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
    make_slice,
    make_sources,
)

OVERVIEW, DATA, BUDGET = reverse("overview"), reverse("overview-data"), reverse("budget")
FIGURE = reverse("overview-burn")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def make_view(**fields: Any) -> snapshot.Sheet:
    """What sentences are made of: November 18, 25.8M used of 40M and heading for 43.1M."""
    period = budget.period_at(TERMS, TODAY)
    forecast = make_forecast(43_137_000, 3_500_000)
    standing = budget.standing(TERMS, period, 25_812_345, forecast, NOW)
    base = snapshot.Sheet(
        made_at=NOW,
        terms=TERMS,
        period=period,
        previous=budget.period_before(TERMS, period),
        standing=standing,
        days={},
        months={},
        billed_to=TODAY - DAY,
        live_to=NOW,
        used_by_day={},
        path={},
        found=(),
        sources=(),
        remainder=0,
    )
    return replace(base, **fields)


def make_row(
    connection: Connection, verdicts: Collection[Verdict] = (Verdict.IN_APP,), **fields: object
) -> TableRow:
    return table_row(connection, make_counts(verdicts=tuple(verdicts), **fields))


def make_counts(source_id: int = 1, **fields: object) -> snapshot.SourceRow:
    """What one source used, as a sheet keeps it."""
    base = {"used": 100, "settled": 90, "share": 0.25, "before": 60, "leaking": False}
    filled = {**base, "spark": (3,) * 30, "verdicts": (), **fields}
    return snapshot.SourceRow(source_id=source_id, **filled)


def changed(workspace: Workspace) -> list[tuple[str, str]]:
    found = changes(workspace, list(workspace.alerts.all()), NOW)
    return [(change.word, change.title) for change in found]


def moved(workspace: Workspace, rows: list[snapshot.SourceRow]) -> list[Change]:
    """What the page says of the sources that moved most, were `rows` what was counted."""
    sheet = replace(snapshot.current(workspace, NOW), sources=tuple(rows))
    return mover_changes(sheet, movers(sheet), connections_of(rows))


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
    billed = "Billed to Tue 17 Nov, 24:00 UTC, plus live 12 h to Wed 18 Nov 12:05 UTC. Counted"
    assert billed in html
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
    view = snapshot.current(workspace, NOW)
    [leak] = view.found
    without = wording.short(view.standing.total - leak.in_period - leak.to_end)
    html = render_to_string("components/_verdict.html", verdict(view))
    assert f"Without the open leak it would be {without}." in html


def make_standing(used: int, forecast: Forecast) -> budget.Standing:
    return budget.standing(TERMS, budget.period_at(TERMS, TODAY), used, forecast, NOW)


def test_it_claims_nothing_while_it_learns() -> None:
    learning = make_standing(3_000, make_forecast(0, learning="learning: 3 of 7 days"))
    said = texts(make_view(standing=learning))
    assert said["chance"] == said["total"] == said["crosses_day"] == "Too early"
    assert said["crosses_note"] == said["span80"] == said["spans"] == "learning: 3 of 7 days"
    assert said["rate"] == "too early to project"
    assert said["outlook"] == ""


def test_it_speaks_of_a_crossing_as_past_once_it_has_happened() -> None:
    crossed = make_standing(41_000_000, make_forecast(70e6))
    said = texts(make_view(standing=crossed))
    assert (said["crosses"], said["crosses_day"]) == ("Crossed 40M", "on Wed 18 Nov")
    assert said["chance"] == "certain"
    assert "Chance of going over: certain." in said["outlook"]
    late = make_standing(41_000_000, make_forecast(43e6))  # its path does not know the day
    assert texts(make_view(standing=late))["crosses_day"] == "Already"


def test_it_tells_when_it_crosses_or_that_it_does_not() -> None:
    said = texts(make_view())
    assert (said["crosses"], said["crosses_day"]) == ("Crosses 40M", "on Sat 28 Nov")
    calm = texts(make_view(standing=make_standing(20_000_000, make_forecast(36e6))))
    assert (calm["crosses_day"], calm["crosses_note"]) == (
        "Not this month",
        "November ends Mon 30 Nov",
    )


# --- does anything leak -----------------------------------------------------------------------
def make_visit(*pollers: PollerHealth, live_to: datetime | None = NOW) -> Visit:
    visit = Visit(NOW)
    visit.open_alerts, visit.pollers, visit.live_to = [], pollers, live_to
    return visit


def test_it_tells_of_the_leaks_that_the_list_of_alerts_tells(workspace: Workspace) -> None:
    make_alert(workspace)
    make_alert(workspace, kind="leak", fingerprint="leak:1")
    line = leak_line(Visit(NOW))
    assert (line.state, line.word, line.text) == ("bad", "Leak", "1 open: No usage")


@pytest.mark.parametrize(("age", "state"), [(MINUTE, "ok"), (HOUR, "late")])
def test_it_says_no_leak_only_while_it_looks(age: timedelta, state: str) -> None:
    good = NOW - age
    poller = PollerHealth("volume", 2 * MINUTE, NOW - DAY, good, failures=0, error="")
    line = leak_line(make_visit(poller, live_to=good))
    assert line.state == state
    assert (line.word == "No leak") is (state == "ok")


def test_it_says_that_leaks_are_not_known_before_live_volume_was_read() -> None:
    assert leak_line(make_visit(live_to=None)).word == "Leaks not known"


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
    rows = [
        make_counts(make_connection(workspace, name, name=name).pk, settled=now, before=before)
        for name, now, before in (
            ("Grew", 900_000, 400_000),
            ("Shrank", 100_000, 1_900_000),
            ("Steady", 900_000, 890_000),
            ("Unknown", 900_000, None),
        )
    ]
    told = [(change.word, change.title, change.text) for change in moved(workspace, rows)]
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
    source = make_connection(workspace, name="Grew")
    rows = [make_counts(source.pk, settled=900_000, before=400_000)]
    [change] = moved(workspace, rows)
    assert "more than in the same days of the year to 16 Jun 2026" in change.text


def test_it_counts_names_to_look_at(workspace: Workspace) -> None:
    for number, naming in enumerate(("follows", "", "rename", "conflict", "rename")):
        gone = NOW if number == 4 else None
        make_connection(workspace, f"src{number}", naming=naming, retired_at=gone)
    assert to_rename(workspace) == 2


# --- is the data fresh ------------------------------------------------------------------------
def test_it_gives_a_clock_to_segments_pollers_and_to_counters_that_are_not_fresh(
    workspace: Workspace, settings: Settings
) -> None:
    for name, age, error in (
        ("catalog", None, ""),
        ("usage", HOUR, ""),
        ("volume", 30 * MINUTE, "Segment said 503."),
        ("audit", 10 * MINUTE, ""),
        ("amplitude", HOUR, ""),
        ("amplitude_cohorts", HOUR, "Amplitude said 503."),
        ("hubspot", 9 * DAY, ""),
        ("refiner", None, ""),
        ("livestorm", HOUR, ""),
    ):
        good = NOW - age if age else None
        PollerState.objects.create(
            workspace=workspace, poller=name, first_due=NOW, last_good=good, error=error
        )
    settings.VENDOR_VARIABLES = {
        key.variable: "a-key" for counter in COUNTERS.values() for key in counter.keys
    }
    pollers, _ = snapshot.poller_health(workspace)
    told = freshness(pollers, known_to(TODAY - DAY, NOW - 31 * MINUTE), NOW)
    assert [(item.title, item.upto, item.state, item.word) for item in told.shown] == [
        ("Catalog of connections", "no reading yet", "late", "never"),
        ("Billed usage", "to Tue 17 Nov, 24:00 UTC", "ok", "60 min"),
        ("Live volume", "to Wed 18 Nov 11:34 UTC; Segment said 503.", "warn", "30 min"),
        ("Audit events", "read at Wed 18 Nov 11:55 UTC", "ok", "10 min"),
        (
            "Amplitude: cohorts sent to Segment",
            "read at Wed 18 Nov 11:05 UTC; Amplitude said 503.",
            "ok",
            "60 min",
        ),
        ("Refiner: completed responses", "no reading yet", "late", "never"),
        (
            "HubSpot: contacts and companies changed",
            "read at Mon 9 Nov 12:05 UTC",
            "warn",
            "9 d",
        ),
    ]
    assert told.others == 2


def test_it_sums_up_the_counters_that_are_fresh(
    busy: Workspace, viewer: Client, settings: Settings
) -> None:
    settings.VENDOR_VARIABLES = {key.variable: "a-key" for key in COUNTERS["amplitude"].keys}
    assert "all fresh" not in text(viewer, OVERVIEW)
    now = datetime.now(UTC)
    PollerState.objects.create(workspace=busy, poller="amplitude", first_due=now, last_good=now)
    page = text(viewer, OVERVIEW)
    assert f'<a href="{reverse("health")}">1 more, all fresh</a>' in page
    assert "Amplitude: events counted" not in page


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
        ({}, {"verdicts": {Verdict.IN_APP, Verdict.UNKNOWN}}, ("warn", "Unknown")),
        ({}, {"verdicts": {Verdict.ACCEPTED, Verdict.PUBLIC}}, ("ok", "In policy")),
        ({}, {"verdicts": {Verdict.PUBLIC}}, ("warn", "Out of policy")),
        ({}, {"verdicts": {Verdict.NON_PROD}}, ("off", "Not production")),
        ({}, {"verdicts": ()}, ("late", "Not judged")),
    ],
)
def test_it_marks_each_source(
    connection: dict[str, object], fields: dict[str, object], badge: tuple[str, str]
) -> None:
    row = make_row(Connection(name="Prod - A", **connection), **fields)
    assert (row.state, row.word) == badge


def test_it_judges_a_source_by_its_live_traffic() -> None:
    traffic = (
        make_slice(source_id=1, call_type="track"),
        make_slice(source_id=1, call_type="group"),
        make_slice(source_id=2, app="newsletter"),
        make_slice(source_id=3, call_type="track"),
        make_slice(source_id=3, app="", total=0),  # a stray call of the last period
        make_slice(source_id=4, app="", total=0),
    )
    pieces = {n: [piece for piece in traffic if piece.source_id == n] for n in range(1, 5)}
    judged = {n: snapshot.verdicts_of(found, DEFAULT_RULES) for n, found in pieces.items()}
    assert judged == {
        1: (Verdict.ACCEPTED, Verdict.IN_APP),
        2: (Verdict.UNKNOWN,),
        3: (Verdict.IN_APP,),
        4: (Verdict.UNKNOWN,),
    }


def test_it_compares_whole_days_only_and_leaves_out_what_it_cannot_compare() -> None:
    assert make_row(Connection(), settled=90, before=60).change == pytest.approx(50)
    assert [make_row(Connection(), before=before).change for before in (None, 0)] == [None, None]


def test_it_leads_from_a_source_to_its_system(workspace: Workspace) -> None:
    app, function = workspace.apps.get(slug="census"), Function.objects.get()
    urls = [
        make_row(connection).url
        for connection in (Connection(app=app), Connection(function=function), Connection(pk=7))
    ]
    assert urls == [
        reverse("catalog-app", args=["census"]),
        reverse("catalog-function", args=[function.pk]),
        reverse("catalog-connection", args=[7]),
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
    source = Connection.objects.get(segment_id="s1")
    for minute in range(1, 4):
        make_live(source, datetime.now(UTC) - minute * MINUTE, 900, "page", "Home")
    html = text(viewer, OVERVIEW)
    row = html[html.index('">Prod - App 1</a>') :]
    assert "■ Leak" in row[: row.index("</tr>")]
    assert html.count("✓ In policy") == 2


LIVE = re.compile(r'data-live="([^"]+)"[^>]*>([^<]*)<')


def test_it_refreshes_every_number_and_badge(
    busy: Workspace, viewer: Client, settings: Settings
) -> None:
    settings.SEGMENT_API_TOKEN = "token"
    make_alert(busy, kind="leak", severity="critical")
    page = text(viewer, OVERVIEW)
    answer = viewer.get(DATA).json()
    shown = {key: unescape(told) for key, told in LIVE.findall(page)}
    assert shown.keys() >= {"badge", "clock", "outlook", "total", "leak", "open_alerts", "allowed"}
    assert shown == {key: answer["texts"][key] for key in shown}
    states = re.findall(r'data-state="([a-z]+)" data-live="[^"]+" data-live-state="([^"]+)"', page)
    assert {key: state for state, key in states} == answer["states"]
    assert f"<title>{answer['title']}</title>" in page
    assert answer["title"] == "■ 1 · Overview · cdpwatch"
    assert (answer["done"], answer["state"]) == (True, "bad")


def test_it_turns_the_empty_page_into_the_overview(workspace: Workspace, viewer: Client) -> None:
    assert f'data-poll-url="{DATA}"' in text(viewer, OVERVIEW)
    assert viewer.get(DATA).json() == {"done": False}
    bill(workspace, datetime.now(UTC).date(), 1_000)
    assert viewer.get(DATA).json()["done"] is True
    assert "data-poll-url" not in text(viewer, OVERVIEW)


def test_it_ignores_what_is_no_source(busy: Workspace, viewer: Client) -> None:
    make_connection(busy, "dst", name="Prod - Amplitude", direction=Direction.DESTINATION)
    html = text(viewer, OVERVIEW)
    assert "Prod - Amplitude" not in html[html.index("by source</caption>") :]


def test_it_lists_the_largest_sources_and_sums_up_the_others(
    workspace: Workspace, viewer: Client
) -> None:
    now = datetime.now(UTC)
    bill(workspace, now.date(), 1_000_000)
    sources = make_sources(workspace, LISTED + 7, now)
    make_live(sources[-1], now, 5, event="Opened")
    html = text(viewer, OVERVIEW)
    table = html[html.index("by source</caption>") : html.index("</tfoot>")]
    assert table.count('class="spark"') == LISTED
    assert table.index(f">{sources[-1].name}<") < table.index(f">{sources[0].name}<")
    assert f'<a href="{reverse("catalog")}">7 more sources</a>' in table
    *parts, total = map(calls_in, re.findall(r'data-label="Calls">([^<]+)<', table))
    assert sum(parts) == total


def calls_in(cell: str) -> int:
    return int(cell.replace("\u2009", ""))


def test_it_gives_the_chart_to_the_script_that_asks_for_it(busy: Workspace, viewer: Client) -> None:
    assert f'data-chart="{FIGURE}"' in text(viewer, OVERVIEW)
    figure = viewer.get(FIGURE).json()
    assert {trace["type"] for trace in figure["data"]} == {"scatter"}
    assert "billed to" in str(figure["data"])


@pytest.mark.parametrize("page", [OVERVIEW, DATA, FIGURE, BUDGET])
def test_it_opens_while_nothing_is_known(workspace: Workspace, viewer: Client, page: str) -> None:
    assert viewer.get(page).status_code == 200


def queries(viewer: Client, page: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        text(viewer, page)
    return len(asked)


@pytest.mark.parametrize(("page", "kept", "counted"), [(OVERVIEW, 18, 44), (BUDGET, 14, 40)])
def test_it_reads_a_page_with_as_many_queries_for_many_sources(
    workspace: Workspace, viewer: Client, page: str, kept: int, counted: int
) -> None:
    found = []
    for number in (12, 200):
        now = datetime.now(UTC)
        workspace.connections.all().delete()
        bill_once(workspace, now.date())
        make_sources(workspace, number, now)
        KeptSnapshot.objects.all().delete()
        alone = queries(viewer, page)
        watch.evaluate(workspace, now)
        found.append((alone, queries(viewer, page)))
    assert found[0] == found[1]
    assert found[0] <= (counted, kept)
    assert found[0][1] <= kept


def bill_once(workspace: Workspace, today: date) -> None:
    workspace.days.all().delete()
    bill(workspace, today, 1_000_000)


def test_it_needs_no_plotly_for_a_page() -> None:
    code = "import dashboards.urls, sys; sys.exit('plotly' in sys.modules)"
    setup = f"import django; django.setup(); {code}"
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    assert subprocess.run([sys.executable, "-c", setup], env=env, cwd=ROOT).returncode == 0
