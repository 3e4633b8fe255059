"""The alert pages: what is open first, everything about one, messages sent again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from cdpwatch import rulebook
from cdpwatch.models import (
    Alert,
    AlertState,
    AuditLog,
    Delivery,
    DeliveryState,
    Leak,
    Workspace,
)
from cdpwatch.policy import DEFAULT_RULES, IN_APP_PAGES
from tests.dashboards.conftest import make_message, text
from tests.factories import make_alert, make_connection

LIST = reverse("alerts")


def make_leak(workspace: Workspace, **fields: object) -> Leak:
    filled = {"call_type": "page", "rule_key": IN_APP_PAGES, **fields}
    alert = make_alert(workspace, kind="leak", severity="critical", fingerprint="leak:1")
    source = make_connection(workspace)
    now = datetime.now(UTC)
    return Leak.objects.create(
        alert=alert,
        source=source,
        since=now,
        calls_so_far=1_800_123,
        calls_to_end=3_600_000,
        **filled,
    )


def one(browser: Client, alert: Alert) -> str:
    return text(browser, reverse("alerts-one", args=[alert.pk]))


# --- the list ---------------------------------------------------------------------------------
def test_it_says_what_will_be_here(viewer: Client) -> None:
    assert "No alerts" in text(viewer, LIST)


def test_it_lists_what_is_open_first(workspace: Workspace, viewer: Client) -> None:
    now = datetime.now(UTC)
    make_alert(workspace, fingerprint="a", kind="newer", state="resolved", resolved_at=now)
    older = make_alert(workspace, fingerprint="b", kind="older")
    Alert.objects.filter(pk=older.pk).update(opened_at=now - timedelta(days=9))
    page = text(viewer, LIST)
    table = page[page.index("<tbody>") :]
    assert table.index("Older") < table.index("Newer")


def test_it_tells_how_long_a_past_alert_lasted(workspace: Workspace, viewer: Client) -> None:
    alert = make_alert(workspace, state="resolved")
    alert.resolved_at = alert.opened_at + timedelta(minutes=41)
    alert.save()
    assert "41 min</td>" in text(viewer, LIST)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, {"One", "Two", "Three"}),
        ({"state": "open"}, {"One", "Two"}),
        ({"kind": "leak"}, {"One", "Three"}),
        ({"state": "resolved", "kind": "leak"}, {"Three"}),
        ({"kind": "weather"}, set()),
    ],
)
def test_it_filters_by_state_and_kind(
    workspace: Workspace, viewer: Client, query: dict[str, str], shown: set[str]
) -> None:
    kinds = {"One": ("leak", "open"), "Two": ("blind", "open"), "Three": ("leak", "resolved")}
    for title, (kind, state) in kinds.items():
        row = make_alert(workspace, fingerprint=title, kind=kind, state=state)
        Alert.objects.filter(pk=row.pk).update(title=title)
    page = text(viewer, LIST, **query)
    assert {title for title in kinds if f">{title}</a>" in page} == shown
    assert ("No such alerts" in page) is not bool(shown)


def test_it_lists_many_alerts_with_few_queries(
    workspace: Workspace, viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(30):
        make_alert(workspace, fingerprint=str(n))
    with django_assert_max_num_queries(17):
        text(viewer, LIST)


# --- one alert --------------------------------------------------------------------------------
def test_it_begins_with_the_consequence(workspace: Workspace, viewer: Client) -> None:
    alert = make_alert(workspace, consequence="Numbers are old.", facts=[["Poller", "usage"]])
    page = one(viewer, alert)
    assert "<h1>Numbers are old.</h1>" in page
    assert "<dt>Poller</dt><dd>usage</dd>" in page


def test_it_tells_what_a_leak_costs_and_what_stops_it(workspace: Workspace, viewer: Client) -> None:
    page = one(viewer, make_leak(workspace).alert)
    for part in ("1\u2009800\u2009123", "3.6M", "analytics.page()", "come with BigQuery"):
        assert part in page
    strongest = [
        "Take it out of the code",
        "Block it at the source",
        "Do not send it",
        "of its own",
    ]
    assert sorted(strongest, key=page.index) == strongest


def test_it_advises_by_what_leaks(workspace: Workspace, viewer: Client) -> None:
    page = one(viewer, make_leak(workspace, call_type="track", event="[GitBook] view").alert)
    assert "analytics.page()" not in page
    assert "the event <code>[GitBook] view</code>" in page


def test_it_links_the_rule_that_judged(workspace: Workspace, viewer: Client) -> None:
    page = one(viewer, make_leak(workspace).alert)
    assert f'{reverse("alerts-policy")}#rule-{IN_APP_PAGES}">Rule 2</a>' in page


def test_it_knows_a_rule_that_is_gone(workspace: Workspace, viewer: Client) -> None:
    leak = make_leak(workspace)
    kept = tuple(rule for rule in DEFAULT_RULES if rule.key != IN_APP_PAGES)
    rulebook.save(workspace, kept, "ana", "Without it.")
    assert "A past rule" in one(viewer, leak.alert)


def test_it_shows_how_messages_fared(workspace: Workspace, viewer: Client) -> None:
    message = make_message(workspace, attempts=7, error="Slack answered 404: no_service")
    page = one(viewer, message.alert)
    for part in ("Given up", "7 attempts", "Slack answered 404: no_service"):
        assert part in page
    assert "Try again" not in page  # that is for editors


# --- sending again ----------------------------------------------------------------------------
def test_it_puts_a_given_up_message_back(workspace: Workspace, editor: Client) -> None:
    old = datetime.now(UTC) - timedelta(days=3)
    message = make_message(workspace, created_at=old, due_at=old)
    assert "Try again" in one(editor, message.alert)
    editor.post(reverse("alerts-retry", args=[message.pk]))
    message.refresh_from_db()
    assert message.state == DeliveryState.PENDING
    # Its day to be delivered begins anew, or the first failure would give it up again.
    assert message.created_at > old
    assert AuditLog.objects.get().action == "message again"


@pytest.mark.parametrize(
    "state", [DeliveryState.SENT, DeliveryState.PENDING, DeliveryState.SENDING]
)
def test_it_sends_nothing_twice(workspace: Workspace, editor: Client, state: DeliveryState) -> None:
    message = make_message(workspace, state=state)
    editor.post(reverse("alerts-retry", args=[message.pk]))
    assert Delivery.objects.get().state == state
    assert not AuditLog.objects.exists()


def test_it_reads_one_alert_with_few_queries(
    workspace: Workspace, viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    alert = make_leak(workspace).alert
    with django_assert_max_num_queries(20):
        one(viewer, alert)
    assert alert.state == AlertState.OPEN
