"""The catalog: the systems people know, what Segment has of them, and a page for each."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from cdpwatch import catalog, snapshot, watch
from cdpwatch.models import Connection, DeliveryDay, Function, Link, Workspace
from cdpwatch.naming import Verdict
from cdpwatch.readings import Direction
from dashboards.entries import Entry, added, read
from dashboards.rows import Row
from dashboards.sources import connection_url
from dashboards.views.overview import to_rename
from dashboards.views.systems import traffic_rows
from tests.conftest import DemoWorkspace
from tests.dashboards.conftest import text
from tests.factories import (
    NOW,
    bill,
    make_connection,
    make_listed,
    make_live,
    make_sources,
    make_workspace_reading,
)

CATALOG, DOWNLOAD = reverse("catalog"), reverse("catalog-csv")
NOTHING, NOTHING_HIDDEN = '<div class="card" data-none>', '<div class="card" data-none hidden>'
BUDGETED = 56  # queries, with a sheet that is counted anew
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
# As the workspace's own page lists them: name, description, flow.
BRIEF = """
Application | Our web application tracking (front) | Source
Backend | Our backend tracking (server) | Source
Cloud Function | Dedicated Cloud Function channel | Source, Destination
Manual | A channel dedicated to manual script | Source
Amplitude | Product Analytics tool | Destination
Amplitude Cohort | A way to sync Amplitude cohort | Source
Census | Reverse ETL solution | Source
Customer.io | Email marketing solution | Source, Destination
Refiner | Survey solution | Source
BigQuery | Our DWH solution | Destination
Hubspot | CRM solution | Destination
HelpScout | Support solution | Destination
"""
DECLARED = [tuple(line.split(" | ")) for line in BRIEF.strip().splitlines()]


def app_page(slug: str) -> str:
    return reverse("catalog-app", args=[slug])


def page_of(segment_id: str) -> str:
    """The page of one connection."""
    return reverse("catalog-connection", args=[Connection.objects.get(segment_id=segment_id).pk])


def entry_of(name: str, now: datetime = NOW) -> Entry:
    return next(entry for entry in read(now).entries if entry.name == name)


def shown(browser: Client, **query: str) -> list[str]:
    """Names of the systems that the list shows; what the search did not find is hidden."""
    html = text(browser, CATALOG, **query)
    card = r'<article class="card" data-card data-text="[^"]*">\s*<header class="row"><h2>'
    return re.findall(f"{card}<a[^>]+>([^<]+)", html)


def listed(browser: Client, **query: str) -> list[str]:
    """Names of the connections that the list shows, by what its file holds."""
    content = text(browser, DOWNLOAD, **query)
    return [row["name"] for row in csv.DictReader(io.StringIO(content))]


def record(workspace: Workspace, *names: str, now: datetime = NOW, **fields: object) -> None:
    """List these and nothing else in Segment."""
    listed = [make_listed(f"src-{name}", name=name, **fields) for name in names]
    catalog.record(workspace, make_workspace_reading(), listed, (), now)


# --- the list ---------------------------------------------------------------------------------
def test_it_lists_the_systems_as_the_workspace_spells_them(
    workspace: Workspace, viewer: Client
) -> None:
    found = [(e.name, e.description, e.flow_words) for e in read(NOW).entries]
    assert found[:12] == DECLARED
    name, description, flow = found[12]
    assert (name, flow) == ("Livestorm (source function)", "Source")
    assert "Livestorm webhook events" in description
    assert shown(viewer) == [name for name, _, _ in found]


def test_it_says_what_is_declared_and_not_found(viewer: Client) -> None:
    html = text(viewer, CATALOG)
    assert html.count("… Not found in Segment") == 13
    assert html.count("no counts yet") == 13


def test_it_shows_connections_that_belong_to_no_app(workspace: Workspace, viewer: Client) -> None:
    record(workspace, "Segment test (Anna)", "prod-newsletter")
    html = text(viewer, CATALOG)
    table = html[html.index("Connections without an app") :]
    assert page_of("src-Segment test (Anna)") in table
    assert "Rename “prod-newsletter” to “Prod - newsletter”." in table


def test_it_finds_connections_by_their_names_labels_and_ids(
    workspace: Workspace, viewer: Client
) -> None:
    rows = [
        make_listed("src-a1", name="Prod - Backend", labels={"team": "data"}),
        make_listed("src-b2", name="Dev - Backend"),
        make_listed("src-c3", name="Prod - Newsletter"),
    ]
    catalog.record(workspace, make_workspace_reading(), rows, (), NOW)
    assert listed(viewer, q="dev") == ["Dev - Backend"]
    assert listed(viewer, q="team:DATA backend") == ["Prod - Backend"]
    assert listed(viewer, q="src-c3") == ["Prod - Newsletter"]
    assert listed(viewer, q="tracking server") == ["Dev - Backend", "Prod - Backend"]  # the app's
    assert shown(viewer, q="src-c3") == []


def test_it_opens_the_card_in_which_a_connection_was_found(
    workspace: Workspace, viewer: Client
) -> None:
    record(workspace, "Prod - Backend", "Dev - Backend")
    assert '<details class="small" open>' in text(viewer, CATALOG, q="dev")
    assert '<details class="small">' in text(viewer, CATALOG, q="backend")  # all of the card
    assert '<details class="small" open>' not in text(viewer, CATALOG)


def test_it_says_how_much_it_found_of_how_much(workspace: Workspace, viewer: Client) -> None:
    record(workspace, "Prod - Backend", "Dev - Backend", "Prod - Newsletter")
    assert "13 of 13 systems, 3 connections" in text(viewer, CATALOG)
    html = text(viewer, CATALOG, q="dev back")
    assert "1 of 13 systems, 1 connection<" in html
    assert "Download this one as CSV" in html
    assert NOTHING in text(viewer, CATALOG, q="no such thing")
    assert NOTHING_HIDDEN in text(viewer, CATALOG, q="newsletter")  # only one without an app


def test_it_keeps_what_it_did_not_find_for_the_next_letter(
    workspace: Workspace, viewer: Client
) -> None:
    record(workspace, "Prod - Backend", "Prod - Newsletter")
    html = text(viewer, CATALOG, q="census")
    assert html.count("data-card") == 13
    assert html.count("data-item") == 2
    assert "<div data-strangers hidden>" in html


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (
            {},
            ["Dev - Backend", "Prod - Backend", "prod_Backend", "Prod - Amplitude", "prod_Strange"],
        ),
        ({"environment": "Dev", "q": "back"}, ["Dev - Backend"]),
        ({"environment": "Dev"}, ["Dev - Backend"]),
        ({"flow": "destination"}, ["Prod - Amplitude"]),
        ({"naming": "advice"}, ["prod_Backend", "prod_Strange"]),
        ({"status": "off"}, ["prod_Strange"]),
        ({"q": "nothing"}, []),
    ],
)
def test_it_downloads_the_connections_that_it_lists(
    workspace: Workspace, viewer: Client, query: dict[str, str], names: list[str]
) -> None:
    rows = [
        make_listed("a", name="Prod - Backend"),
        make_listed("b", name="Dev - Backend"),
        make_listed("c", name="Prod - Amplitude", direction=Direction.DESTINATION),
        make_listed("d", name="prod_Strange", enabled=False),
        make_listed("e", name="prod_Backend"),
    ]
    catalog.record(workspace, make_workspace_reading(), rows, (), NOW)
    assert listed(viewer, **query) == names
    assert f'href="{DOWNLOAD}?{escape(urlencode(query))}"' in text(viewer, CATALOG, **query)


def test_it_heads_the_file_also_when_it_is_empty(viewer: Client) -> None:
    assert text(viewer, DOWNLOAD).startswith("segment_id,name,direction,environment,app,")


def test_it_says_that_nothing_was_read_yet(workspace: Workspace, viewer: Client) -> None:
    assert "Nothing was read from Segment yet" in text(viewer, CATALOG)
    record(workspace, "Prod - Backend")
    assert "Nothing was read from Segment yet" not in text(viewer, CATALOG)


def test_it_keeps_what_is_gone_and_says_so(workspace: Workspace, viewer: Client) -> None:
    record(workspace, "Prod - Census", "Prod - Strange")
    record(workspace, "Prod - Backend", now=NOW + DAY)
    page = text(viewer, app_page("census"))
    assert "○ Gone" in page
    assert "since Thu 19 Nov 12:05 UTC" in page
    assert "○ Gone" in text(viewer, CATALOG)  # the strange one
    assert shown(viewer, status="gone") == ["Census"]


def test_it_still_counts_what_is_gone(workspace: Workspace, viewer: Client) -> None:
    bill(workspace, NOW.date(), 1_000)
    make_sources(workspace, 1, NOW)
    Connection.objects.update(retired_at=NOW)
    assert entry_of("Application").calls == 17_040
    assert shown(viewer, q="Prod - App 0") == ["Application"]
    html = text(viewer, CATALOG, flow="source", status="gone")
    assert "○ Gone from Segment" in html
    assert "no connection of this name was found" not in html


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"q": "warehouse"}, []),
        ({"q": "EMAIL marketing"}, ["Customer.io"]),
        ({"q": "prod - backend"}, ["Backend"]),
        ({"flow": "both"}, ["Cloud Function", "Customer.io"]),
        ({"environment": "Staging"}, ["Application"]),
        ({"status": "off"}, ["Census"]),
        ({"status": "live", "environment": "Prod"}, ["Backend"]),
        ({"naming": "advice"}, ["Backend"]),
        ({"flow": "source", "q": "refiner"}, ["Refiner"]),
        ({"environment": "Nowhere"}, []),
        ({"flow": "'; DROP TABLE"}, []),
    ],
)
def test_it_searches_and_filters_by_the_address(
    workspace: Workspace, viewer: Client, query: dict[str, str], names: list[str]
) -> None:
    listed = [
        make_listed("a", name="Staging - Application"),
        make_listed("b", name="prod - Backend"),
        make_listed("c", name="Prod - Census", enabled=False),
    ]
    catalog.record(workspace, make_workspace_reading(), listed, (), NOW)
    assert shown(viewer, **query) == names


def test_it_keeps_the_other_filters_in_the_address(workspace: Workspace, viewer: Client) -> None:
    record(workspace, "Prod - Backend")
    html = text(viewer, CATALOG, q="a&b", flow="source")
    assert 'href="?flow=source&amp;environment=Prod&amp;q=a%26b"' in html
    assert '<a class="pill" href="?q=a%26b" aria-current="true">Source' in html
    assert '<input type="hidden" name="flow" value="source">' in html
    assert NOTHING in html
    assert '<a href=".">Clear</a>' in html


def test_it_counts_what_each_filter_would_leave(workspace: Workspace, viewer: Client) -> None:
    record(workspace, "Prod - Backend")
    html = text(viewer, CATALOG)
    pills = dict(re.findall(r'<a class="pill"[^>]*>([^<]+?) <small>(\d+)</small>', html))
    assert pills == {
        "Source": "7",
        "Destination": "4",
        "Source, Destination": "2",
        "Prod": "1",
        "Live": "1",
        "Switched off": "0",
        "Gone from Segment": "0",
        "Not found in Segment": "12",
        "Names to look at": "0",
    }


def test_it_counts_a_connection_without_an_app_where_the_filter_lists_it(
    workspace: Workspace, viewer: Client
) -> None:
    catalog.record(
        workspace,
        make_workspace_reading(),
        [make_listed("a", name="prod-newsletter", enabled=False)],
        (),
        NOW,
    )
    assert "Switched off <small>1</small>" in text(viewer, CATALOG)
    html = text(viewer, CATALOG, status="off")
    assert "0 of 13 systems, 1 connection<" in html
    assert "prod-newsletter" in html


def test_it_lists_as_many_names_to_look_at_as_the_overview_counts(
    workspace: Workspace, viewer: Client
) -> None:
    record(workspace, "production – Backend", "prod_Backend", "prod-newsletter", "Prod - Other")
    assert to_rename(workspace) == 3
    html = text(viewer, CATALOG, naming="advice")
    assert "Names to look at <small>3</small>" in html
    assert shown(viewer, naming="advice") == ["Backend"]  # two of them
    table = html[html.index("Connections without an app") :]
    assert "prod-newsletter" in table
    assert "Prod - Other" not in table


def test_it_shows_a_name_to_look_at_that_belongs_to_no_app(
    workspace: Workspace, viewer: Client
) -> None:
    record(workspace, "prod-newsletter")
    html = text(viewer, CATALOG, naming="advice")
    assert "Rename “prod-newsletter” to “Prod - newsletter”." in html
    assert NOTHING_HIDDEN in html


def test_it_gives_the_exact_rename(workspace: Workspace, viewer: Client) -> None:
    record(workspace, "production – Backend", "prod_Backend", "Prod - Backend")
    assert "And 1 more." in text(viewer, CATALOG)
    page = text(viewer, app_page("backend"))
    assert "Rename “production – Backend” to “Prod - Backend”." in page
    assert "Rename “prod_Backend” to “Prod - Backend”." in page


def test_it_takes_one_name_per_feeding_source_for_normal(
    workspace: Workspace, viewer: Client
) -> None:
    names = ("Prod - Backend", "Dev - Backend")
    sources = [make_listed(f"src{n}", name=name) for n, name in enumerate(names)]
    target = {"name": "Prod - Amplitude", "direction": Direction.DESTINATION}
    targets = [make_listed(f"dst{n}", **target, fed_by=(f"src{n}",)) for n in range(2)]
    catalog.record(workspace, make_workspace_reading(), [*sources, *targets], (), NOW)
    amplitude = entry_of("Amplitude")
    assert (len(amplitude.rows), amplitude.advice, amplitude.status) == (2, [], "live")
    page = text(viewer, app_page("amplitude"))
    for number, name in enumerate(names):
        assert f'<th scope="row"><a href="{page_of(f"dst{number}")}">Prod - Amplitude</a>' in page
        assert f'<a href="{page_of(f"src{number}")}">{name}</a></td><td>→ <a' in page


def test_it_shows_no_write_key_and_no_settings(
    workspace: Workspace, demo: DemoWorkspace, viewer: Client
) -> None:
    watch.poll("catalog", workspace, demo.now)
    sources = demo.http.get("/sources", headers={"Authorization": "Bearer demo-token"}).json()
    keys = [key for row in sources["data"]["sources"] for key in row["writeKeys"]]
    assert keys
    urls = [CATALOG, reverse("export", args=["catalog", "json"])]
    urls += [entry.url for entry in read(demo.now).entries]
    for url in urls:
        html = text(viewer, url)
        assert not [word for word in (*keys, "writeKey", "apiKey") if word in html], url


# --- what an entry says -----------------------------------------------------------------------
def make_row(**fields: object) -> Row:
    return Row(Connection(**{"name": "Prod - A", "enabled": True, **fields}))


@pytest.mark.parametrize(
    ("rows", "badge"),
    [
        ([], ("late", "Not found in Segment")),
        ([make_row(retired_at=NOW)], ("off", "Gone from Segment")),
        ([make_row(enabled=False)], ("off", "Switched off")),
        ([make_row(enabled=False), make_row()], ("ok", "Live")),
    ],
)
def test_it_tells_the_state_of_a_system(rows: list[Row], badge: tuple[str, str]) -> None:
    assert Entry("A", "", "source", "", "", tuple(rows)).badge == badge


def test_it_adds_days_that_are_known() -> None:
    assert added([(1, None, None), (2, 3, None)]) == (3, 3, None)
    assert added([]) == ()


def test_it_gives_no_advice_on_names_that_follow() -> None:
    for verdict in Verdict:
        row = make_row(naming=verdict, naming_advice="Rename it.")
        assert row.advice == ("" if verdict == Verdict.FOLLOWS else "Rename it.")


# --- one system -------------------------------------------------------------------------------
def test_it_gives_a_source_its_calls_share_and_month(workspace: Workspace, viewer: Client) -> None:
    now = datetime.now(UTC)
    bill(workspace, now.date(), 1_000)
    make_sources(workspace, 2, now)
    Connection.objects.filter(segment_id="s1").update(enabled=False)
    page = text(viewer, app_page("application"))
    calls = 2 * (1_000 * (now.day - 1) + 40)
    assert entry_of("Application", now).calls == calls
    assert "Calls of Application in the last 30 days: 60k in all" in page
    assert "of the contract" in page
    assert page.count("2\u2009000</td></tr>") == 30
    assert "○ Switched off" in page
    assert '<td data-label="Event">Opened</td>' in page


def test_it_gives_a_destination_its_deliveries(workspace: Workspace, viewer: Client) -> None:
    today = datetime.now(UTC).date()
    app = workspace.apps.get(slug="amplitude")
    target = make_connection(workspace, "dst1", app=app, direction=Direction.DESTINATION)
    for call_type in ("track", "identify"):
        DeliveryDay.objects.create(
            destination=target,
            day=today - DAY,
            call_type=call_type,
            delivered=90,
            failed=10,
            filtered=7,
            retried=3,
        )
    page = text(viewer, app_page("amplitude"))
    assert "90.0% of 200 tries" in page
    assert "20 failed" in page
    assert "Deliveries of Amplitude in the last 30 days: 180 in all" in page
    assert "received by Segment and counted all the same" in page
    assert "delivered in 30 days" in text(viewer, CATALOG)


def test_it_says_that_warehouses_have_no_deliveries(workspace: Workspace, viewer: Client) -> None:
    app = workspace.apps.get(slug="bigquery")
    make_connection(workspace, "wh1", app=app, direction=Direction.WAREHOUSE)
    for url in (CATALOG, app_page("bigquery")):
        assert "Segment's deliveries leave warehouses out" in text(viewer, url).replace(
            "&#x27;", "'"
        )


def test_it_speaks_of_calls_only_where_there_can_be_a_source(
    workspace: Workspace, viewer: Client
) -> None:
    kinds = (Direction.SOURCE, Direction.DESTINATION, Direction.WAREHOUSE)
    for number, kind in enumerate(kinds):
        make_connection(workspace, f"c{number}", direction=kind)
    pages = [page_of(f"c{number}") for number in range(len(kinds))]
    pages += [app_page("census"), app_page("amplitude"), app_page("bigquery")]
    spoken = ["<dt>Calls in" in text(viewer, page) for page in pages]
    assert spoken == [True, False, False, True, False, False]


def test_it_says_the_year_of_an_old_deployment(workspace: Workspace, viewer: Client) -> None:
    function = Function.objects.get()
    function.deployed_at = datetime(2025, 1, 2, 10, tzinfo=UTC)
    function.save()
    page = text(viewer, reverse("catalog-function", args=[function.pk]))
    assert "<dt>Last deployed</dt><dd>Thu 2 Jan 2025 10:00 UTC</dd>" in page


def test_it_marks_the_leaking_source_and_its_system(workspace: Workspace, viewer: Client) -> None:
    now = datetime.now(UTC)
    leaky, calm = make_sources(workspace, 2, now)
    Connection.objects.filter(pk=calm.pk).update(app=workspace.apps.get(slug="backend"))
    for minute in range(1, 4):
        make_live(leaky, now - minute * MINUTE, 900, "page", "Home")
    assert entry_of("Application", now).badge == ("bad", "Leak")
    assert entry_of("Backend", now).badge == ("ok", "Live")
    assert "■ Leak" in text(viewer, CATALOG)
    assert "■ Leak: page calls on Prod - App 0, 2\u2009700 calls since" in text(
        viewer, app_page("application")
    )
    assert "■ Leak" not in text(viewer, app_page("backend"))


def test_it_shows_the_function_and_the_source_behind_it(
    workspace: Workspace, viewer: Client
) -> None:
    function = Function.objects.get()
    make_connection(workspace, name="Prod - Livestorm", function=function)
    page = text(viewer, reverse("catalog-function", args=[function.pk]))
    assert "<h1>Livestorm (source function)</h1>" in page
    assert "sfnc_PsrIGpNhDv" in page
    assert "not yet: declared only" in page
    assert f'<th scope="row"><a href="{page_of("src1")}">Prod - Livestorm' in page
    assert "Connections without an app" not in text(viewer, CATALOG)


def test_it_sums_up_the_events_beyond_the_largest(workspace: Workspace) -> None:
    [source] = make_sources(workspace, 1, NOW)
    for number in range(30):
        make_live(source, NOW, 100 - number, event=f"Event {number:02}")
    rows = traffic_rows(snapshot.calls_by_event([source.pk], read(NOW).sheet.period.start))
    assert (len(rows), rows[0].event, rows[-1].event) == (26, "Event 00", "6 more")
    assert sum(row.calls for row in rows) == 40 + sum(range(71, 101))
    assert sum(row.percent for row in rows) == pytest.approx(100)


def test_it_has_no_page_for_what_is_not_in_the_catalog(viewer: Client) -> None:
    assert viewer.get(app_page("nothing")).status_code == 404
    for name in ("catalog-function", "catalog-connection"):
        assert viewer.get(reverse(name, args=[9_000_000])).status_code == 404


# --- one connection ---------------------------------------------------------------------------
def test_it_has_a_page_for_every_connection(workspace: Workspace, viewer: Client) -> None:
    now = datetime.now(UTC)
    make_sources(workspace, 2, now)
    Connection.objects.filter(segment_id="s0").update(labels={"team": "data"})
    page = text(viewer, page_of("s0"))
    assert "<h1>Prod - App 0</h1>" in page
    assert "Calls of Prod - App 0 in the last 30 days: 30k in all" in page
    assert "team:data" in page
    assert "<code>s0</code>" in page
    assert '<th scope="row"><bdi>Opened</bdi></th>' in page
    assert f'<a href="{app_page("application")}">Application</a>' in page


def test_it_reaches_connections_of_no_app(workspace: Workspace, viewer: Client) -> None:
    record(workspace, "Segment test (Anna)")
    page = text(viewer, page_of("src-Segment test (Anna)"))
    assert "matches no app of the catalog" in page
    assert connection_url(Connection.objects.get()) == page_of("src-Segment test (Anna)")


def test_it_says_what_feeds_a_connection_and_what_it_feeds(
    workspace: Workspace, viewer: Client
) -> None:
    target = {"name": "Prod - Hubspot", "direction": Direction.DESTINATION}
    rows = [make_listed("a"), make_listed("b", **target, fed_by=("a",))]
    catalog.record(workspace, make_workspace_reading(), rows, (), NOW)
    fed, nothing = "<dt>Fed by</dt><dd>", "nothing</dd>"
    assert f"{fed}{nothing}" in text(viewer, page_of("a"))
    assert f'<dt>Feeds</dt><dd><a href="{page_of("b")}">Prod - Hubspot</a>' in text(
        viewer, page_of("a")
    )
    assert f'{fed}<a href="{page_of("a")}">Prod - Application</a>' in text(viewer, page_of("b"))


def test_it_says_when_a_connection_went(workspace: Workspace, viewer: Client) -> None:
    record(workspace, "Prod - Census")
    record(workspace, "Prod - Backend", now=NOW + DAY)
    page = text(viewer, page_of("src-Prod - Census"))
    assert "○ Gone from Segment" in page
    assert "<dt>Gone since</dt><dd>Thu 19 Nov 12:05 UTC</dd>" in page


# --- cost -------------------------------------------------------------------------------------
@pytest.mark.parametrize("url", [CATALOG, DOWNLOAD, app_page("application"), "connection"])
def test_it_asks_as_often_for_many_sources(
    workspace: Workspace,
    viewer: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    url: str,
) -> None:
    now = datetime.now(UTC)
    asked = []
    for number in (12, 200):
        workspace.connections.all().delete()
        sources = make_sources(workspace, number, now)
        target = make_connection(workspace, "dst", direction=Direction.DESTINATION)
        Link.objects.bulk_create(Link(source=source, target=target) for source in sources)
        address = page_of("s0") if url == "connection" else url
        with django_assert_max_num_queries(BUDGETED) as queries:
            text(viewer, address)
        asked.append(len(queries))
    assert asked[0] == asked[1]
