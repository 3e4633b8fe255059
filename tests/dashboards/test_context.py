"""What surrounds every page: navigation, banners, the title; empty, and with hostile texts."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cdpwatch import catalog, counting, vault, watch
from cdpwatch.models import (
    Alert,
    AlertEvent,
    Connection,
    CredentialKind,
    DeliveryState,
    Environment,
    Function,
    Leak,
    PollerState,
    Role,
    User,
    Workspace,
)
from cdpwatch.readings import Direction, Grain, Window
from dashboards.context import Visit, banners, worst
from tests.dashboards.conftest import make_message, sign_in, text
from tests.factories import (
    NOW,
    bill,
    make_alert,
    make_listed,
    make_listed_function,
    make_volume,
    make_workspace_reading,
)

WEBHOOK = "https://hooks.slack.com/services/x"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PAGES = [
    *("overview", "catalog", "budget", "reconcile", "alerts", "health", "connect"),
    *("alerts-policy", "users"),
]


@pytest.fixture
def connected(settings: Settings) -> None:
    settings.SEGMENT_API_TOKEN, settings.SLACK_WEBHOOK_URL = "token", WEBHOOK


def banner_texts(workspace: Workspace, role: Role = Role.ADMIN) -> list[tuple[str, str, str]]:
    found = banners(Visit(NOW), User(role=role))
    return [(banner.state, banner.text, banner.href) for banner in found]


# --- navigation and title ---------------------------------------------------------------------
@pytest.mark.parametrize(("role", "connect"), [(Role.VIEWER, False), (Role.ADMIN, True)])
def test_it_offers_only_pages_that_one_may_open(
    workspace: Workspace, role: Role, connect: bool
) -> None:
    html = text(sign_in(role), reverse("overview"))
    nav = html[html.index('aria-label="Main"') : html.index("</nav>")]
    assert [f">{name}<" in nav for name in ("Overview", "Catalog", "Budget")] == [True] * 3
    assert (f'href="{reverse("connect")}"' in nav) is connect


@pytest.mark.parametrize(
    ("page", "current"),
    [("overview", "Overview"), ("alerts-policy", "Alerts"), ("catalog-app", "Catalog")],
)
def test_it_says_where_one_is(viewer: Client, page: str, current: str) -> None:
    url = reverse(page, args=["application"] if page == "catalog-app" else [])
    assert f'aria-current="page">{current}' in text(viewer, url)


def test_it_tells_open_alerts_in_the_title(workspace: Workspace, viewer: Client) -> None:
    assert "<title>Overview · cdpwatch</title>" in text(viewer, reverse("overview"))
    make_alert(workspace)
    assert "<title>▲ 1 · Overview · cdpwatch</title>" in text(viewer, reverse("overview"))
    make_alert(workspace, fingerprint="leak:1", severity="critical")
    make_alert(workspace, fingerprint="old", state="resolved", severity="critical")
    html = text(viewer, reverse("overview"))
    assert "<title>■ 2 · Overview · cdpwatch</title>" in html
    assert 'Alerts <span class="count" data-live="open_alerts">2</span>' in html


def test_it_knows_the_worst_of_what_is_open() -> None:
    assert [worst(kinds) for kinds in ([], ["warning"], ["warning", "critical"])] == [
        "ok",
        "warn",
        "bad",
    ]


def test_it_shows_strangers_nothing_of_the_workspace(client: Client, workspace: Workspace) -> None:
    Workspace.objects.update(name="Secret name")
    make_alert(workspace)
    html = text(client, reverse("login"))
    assert "Secret name" not in html
    assert 'aria-label="Main"' not in html
    assert "<title>Sign in · cdpwatch</title>" in html


# --- banners ----------------------------------------------------------------------------------
def test_it_says_nothing_when_all_is_well(workspace: Workspace, connected: None) -> None:
    PollerState.objects.create(workspace=workspace, poller="usage", last_good=NOW - HOUR)
    assert banner_texts(workspace) == []


def test_it_names_the_pollers_that_are_late(workspace: Workspace, connected: None) -> None:
    for name, age in (("usage", 4 * HOUR), ("volume", HOUR), ("catalog", HOUR)):
        PollerState.objects.create(workspace=workspace, poller=name, last_good=NOW - age)
    said = "Late data: usage, volume. Numbers built on it are out of date."
    assert banner_texts(workspace) == [("warn", said, reverse("health"))]


def test_it_counts_messages_that_could_not_be_delivered(
    workspace: Workspace, connected: None
) -> None:
    message = make_message(workspace, error="Slack said no.")
    url = reverse("alerts")
    assert banner_texts(workspace) == [("bad", "1 message could not be delivered.", url)]
    message.alert.deliveries.create(
        channel=message.channel, event="worse", message={}, error="No.", state=DeliveryState.PENDING
    )
    message.alert.deliveries.create(channel=message.channel, event="resolved", message={})
    assert banner_texts(workspace) == [("bad", "2 messages could not be delivered.", url)]


@pytest.mark.parametrize(
    ("state", "age", "counted"),
    [("resolved", 8 * 24 * HOUR, 0), ("resolved", HOUR, 1), ("open", 8 * 24 * HOUR, 1)],
)
def test_it_forgets_messages_that_no_longer_matter(
    workspace: Workspace, connected: None, state: str, age: timedelta, counted: int
) -> None:
    message = make_message(workspace, error="Slack said no.", created_at=NOW - age)
    Alert.objects.filter(pk=message.alert_id).update(state=state)
    assert len(banner_texts(workspace)) == counted


@pytest.mark.parametrize(("role", "url"), [(Role.VIEWER, ""), (Role.ADMIN, reverse("connect"))])
def test_it_says_what_is_not_connected(workspace: Workspace, role: Role, url: str) -> None:
    assert banner_texts(workspace, role) == [
        ("warn", "Segment is not connected, so there are no new numbers.", url),
        ("bad", "No working alert channel.", url),
    ]


def test_it_takes_a_token_that_waits_for_its_check_for_none(workspace: Workspace) -> None:
    for candidate, banners_left in ((True, 2), (False, 1)):
        kind = CredentialKind.SEGMENT_TOKEN
        vault.keep(workspace, kind, "token", "ana", candidate=candidate)
        assert len(banner_texts(workspace)) == banners_left


def test_it_says_that_the_channel_is_switched_off(workspace: Workspace, connected: None) -> None:
    workspace.channels.update(enabled=False)
    assert [said for _, said, _ in banner_texts(workspace)] == ["No working alert channel."]


# --- nothing yet ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("overview", "No counts yet"),
        ("overview", f'<a class="btn" href="{reverse("connect")}">Connect Segment</a>'),
        ("budget", "Nothing billed yet"),
        ("budget", "No whole month has been read yet."),
        ("alerts", "No alerts"),
        ("health", "Not started"),
        ("connect", "Not connected"),
    ],
)
def test_it_says_what_will_be_here(admin: Client, page: str, said: str) -> None:
    assert said in text(admin, reverse(page))


@pytest.mark.parametrize("page", PAGES)
def test_it_opens_before_anything_was_read_and_says_what_to_do(admin: Client, page: str) -> None:
    assert f'<a href="{reverse("connect")}">Connect</a></p>' in text(admin, reverse(page))


def test_it_says_that_the_first_reading_goes_on(viewer: Client, connected: None) -> None:
    html = text(viewer, reverse("overview"))
    assert "The first reading is under way" in html
    assert "Reading this month: waiting for catalog of connections, billed usage" in html


def test_it_sends_those_who_may_not_connect_to_an_admin(viewer: Client) -> None:
    html = text(viewer, reverse("overview"))
    assert "An admin can paste one" in html
    assert reverse("connect") not in html


def test_it_opens_every_system_before_anything_was_read(
    workspace: Workspace, viewer: Client
) -> None:
    urls = [reverse("catalog-app", args=[app.slug]) for app in workspace.apps.all()]
    urls += [reverse("catalog-function", args=[row.pk]) for row in Function.objects.all()]
    assert len(urls) == 13
    assert all("Not found in Segment" in text(viewer, url) for url in urls)


# --- hostile texts ----------------------------------------------------------------------------
SCRIPT, IMAGE, CHANNEL = "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<!channel>"
CANARIES = [
    SCRIPT,
    IMAGE,
    CHANNEL,
    "\u202eRTL \u200f",
    "x" * 10_000,
    "🦊 \N{ZERO WIDTH JOINER}",
    "=1+1",
]


@pytest.fixture
def hostile(workspace: Workspace) -> Workspace:
    """A workspace whose every text is hostile, recorded as polls record it."""
    now = datetime.now(UTC)
    sources = [
        make_listed(f"src{n}", name=evil, labels={"app": "application", "team": evil})
        for n, evil in enumerate(CANARIES)
    ]
    strangers = [
        make_listed(f"dst{n}", name=evil, direction=Direction.DESTINATION, fed_by=("src0",))
        for n, evil in enumerate(CANARIES)
    ]
    functions = [make_listed_function(f"sfnc_{n}", name=evil) for n, evil in enumerate(CANARIES)]
    reading = make_workspace_reading(name=SCRIPT + IMAGE)
    catalog.record(workspace, reading, [*sources, *strangers], functions, now)
    bill(workspace, now.date(), 1_000)
    minute = now.replace(second=0, microsecond=0) - 2 * MINUTE
    for grain, bucket in (
        (Grain.MINUTE, minute),
        (Grain.HOUR, minute.replace(minute=0)),
        (Grain.DAY, minute.replace(hour=0, minute=0)),
    ):
        volume = [
            make_volume(900, bucket, grain=grain, source_id=f"src{n}", event=evil, call_type="page")
            for n, evil in enumerate(CANARIES)
        ]
        counting.record_volume(workspace, grain, Window(bucket, now), volume, now)
    error = "".join(CANARIES[:3])
    for name in ("usage", "volume"):
        PollerState.objects.create(
            workspace=workspace, poller=name, last_run=now, last_good=now, failures=1, error=error
        )
    Environment.objects.filter(name="Dev").update(name=SCRIPT[:40])
    message = make_message(workspace, error=error)
    AlertEvent.objects.create(alert=message.alert, kind="opened", at=now, text=error, actor=SCRIPT)
    watch.evaluate(workspace, datetime.now(UTC))
    return workspace


def test_it_escapes_every_text_on_every_page(hostile: Workspace, admin: Client) -> None:
    urls = [reverse(page) for page in (*PAGES, "alerts-policy-pages")]
    urls += [reverse("alerts-one", args=[alert.pk]) for alert in Alert.objects.all()]
    urls += [reverse("catalog-function", args=[row.pk]) for row in Function.objects.all()]
    urls.append(reverse("catalog-app", args=["application"]))
    urls.append(f"{reverse('catalog')}?q={SCRIPT}&flow={IMAGE}&other={SCRIPT}")
    assert Leak.objects.count() == len(CANARIES)
    for url in urls:
        html = text(admin, url)
        found = [raw for raw in ("<script>alert", "<img src=x", CHANNEL, '"><img') if raw in html]
        assert not found, url


def test_it_shows_what_it_escaped(hostile: Workspace, viewer: Client) -> None:
    html = text(viewer, reverse("catalog-app", args=["application"]))
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3  # name, label, event
    assert "🦊" in html
    assert Connection.objects.filter(name="x" * 500).count() == 2


def test_it_lets_no_cell_run_as_a_formula(hostile: Workspace, viewer: Client) -> None:
    for name in ("usage", "alerts", "leaks", "catalog", "projection"):
        rows = csv.reader(io.StringIO(text(viewer, reverse("export", args=[name, "csv"]))))
        cells = [cell for row in rows for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))], name
    assert "'=1+1" in text(viewer, reverse("export", args=["catalog", "csv"]))
