"""The policy page: what each rule caught, and the switch of editors."""

from __future__ import annotations

from datetime import UTC, datetime

from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from cdpwatch import rulebook
from cdpwatch.models import AuditLog, PolicyVersion, VolumeDay, Workspace
from cdpwatch.policy import DEFAULT_RULES, IN_APP_PAGES
from dashboards.views.policy import rule_rows
from tests.dashboards.conftest import text
from tests.factories import make_connection, make_slice

POLICY, SWITCH = reverse("alerts-policy"), reverse("alerts-policy-pages")


def test_it_counts_every_call_under_the_rule_that_decides() -> None:
    traffic = [
        make_slice(call_type="page", total=300),
        make_slice(call_type="track", total=600),
        make_slice(app="", call_type="track", total=100),
    ]
    rows = {row.rule.key: row for row in rule_rows(DEFAULT_RULES, traffic)}
    assert {key: row.calls for key, row in rows.items() if row.calls} == {
        IN_APP_PAGES: 300,
        "in-app": 600,
        "unmatched": 100,
    }
    assert rows["in-app"].percent == 60


def test_it_keeps_the_order_in_which_rules_are_tried() -> None:
    rows = rule_rows(DEFAULT_RULES, [])
    assert [row.position for row in rows] == [*range(1, len(DEFAULT_RULES) + 1), None]
    assert rows[0].percent is None  # of nothing, not 0%


def test_it_shows_rules_calls_and_versions(workspace: Workspace, viewer: Client) -> None:
    source = make_connection(workspace, app=workspace.apps.get(slug="application"))
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    VolumeDay.objects.create(
        source=source, bucket=today, call_type="page", event="Home", count=1_234_567
    )
    page = text(viewer, POLICY)
    for part in ("1\u2009234\u2009567", "[GitBook] *", "Version 1", "ships with"):
        assert part in page


def test_it_offers_the_switch_to_editors_alone(editor: Client, viewer: Client) -> None:
    assert SWITCH in text(editor, POLICY)
    assert SWITCH not in text(viewer, POLICY)


def test_it_asks_before_it_switches(workspace: Workspace, editor: Client) -> None:
    assert "They are wanted" in text(editor, SWITCH)
    assert PolicyVersion.objects.count() == 1


def test_it_switches_there_and_back(workspace: Workspace, editor: Client) -> None:
    for wanted, answer in ((True, "yes"), (False, "no")):
        assert editor.post(SWITCH, {"wanted": answer}).status_code == 302
        assert rulebook.in_app_pages_wanted(rulebook.current(workspace)) is wanted
    newest = workspace.policies.first()
    assert newest and (newest.number, newest.made_by) == (3, "editor")
    assert AuditLog.objects.filter(action="policy: in-app page calls").count() == 2


def test_it_makes_no_version_when_nothing_changes(workspace: Workspace, editor: Client) -> None:
    editor.post(SWITCH, {"wanted": "no"})
    assert PolicyVersion.objects.count() == 1
    assert not AuditLog.objects.exists()


def test_it_opens_without_the_rule_to_switch(workspace: Workspace, editor: Client) -> None:
    rulebook.save(workspace, (), "ana", "Empty.")
    assert "no such rule" in text(editor, SWITCH)
    assert "All live calls" in text(editor, POLICY)


def test_it_reads_the_policy_with_few_queries(
    viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(30):
        text(viewer, POLICY)
