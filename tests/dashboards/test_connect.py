"""The Connect page: tokens tried before use, the contract confirmed, Slack tested, environments."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from cdpwatch import connecting, rulebook, vault, watch
from cdpwatch.models import (
    AuditLog,
    Contract,
    Credential,
    PollerState,
    Region,
    RequestKind,
    RequestState,
    WorkRequest,
    Workspace,
    WorkspaceDay,
)
from tests.conftest import DemoWorkspace
from tests.dashboards.conftest import alive, text
from tests.factories import make_connection, refresh_all_months

PAGE = reverse("connect")
TOKEN = {"token": "sgp_a-token-of-ours", "region": "eu"}
WEBHOOK = "https://hooks.slack.com/services/T0/B0/not-a-secret-9876"
CONTRACT = {"allowance": "40000000", "period": "year", "cycle_day": "5", "starts_on": "2026-11-01"}


def post(browser: Client, name: str, sent: dict[str, str] | None = None) -> str:
    """Send a form; the page that comes after it."""
    return browser.post(reverse(name), sent or {}, follow=True).content.decode()


def candidate() -> Credential:
    return Credential.objects.get(candidate=True)


def answer_check(state: RequestState = RequestState.DONE, **result: object) -> None:
    WorkRequest.objects.filter(kind=RequestKind.CHECK_TOKEN).update(
        state=state, result=result, finished_at=datetime.now(UTC)
    )


FOUND = {
    "workspace": "GitBook",
    "sources": 14,
    "destinations": 9,
    "warehouses": 1,
    "functions": 2,
    "billed": 27_400_123,
}


# --- Segment ----------------------------------------------------------------------------------
def test_it_begins_with_nothing_connected(admin: Client) -> None:
    page = text(admin, PAGE)
    for part in (
        "Not connected",
        "Check this token",
        "No webhook yet",
        "The worker is not running",
    ):
        assert part in page


@pytest.mark.parametrize(
    ("token", "region", "said"),
    [
        ("", "us", "This field is required."),
        ("sgp_x", "", "This field is required."),
        ("Bearer sgp_x", "us", "Paste the token alone"),
        ("sgp_\u00e9", "us", "Paste the token alone"),
        ("sgp_x", "mars", "Select a valid choice"),
    ],
)
def test_it_refuses_a_token_that_cannot_be_one(
    admin: Client, token: str, region: str, said: str
) -> None:
    assert said in post(admin, "connect-token", {"token": token, "region": region})
    assert not Credential.objects.exists()


def test_it_keeps_a_pasted_token_apart_until_it_is_checked(
    workspace: Workspace, admin: Client
) -> None:
    page = post(admin, "connect-token", TOKEN)
    assert vault.segment_token(workspace) == ""
    assert vault.secret_of(candidate()) == TOKEN["token"]
    check = WorkRequest.objects.get()
    assert (check.kind, check.state) == (RequestKind.CHECK_TOKEN, RequestState.QUEUED)
    assert "Checking" in page
    assert f'data-poll-url="{reverse("connect-request", args=[check.pk])}"' in page
    assert AuditLog.objects.get().after == {"ends in": "ours", "region": "eu"}


def test_it_shows_what_the_check_found(admin: Client) -> None:
    post(admin, "connect-token", TOKEN)
    answer_check(**FOUND)
    page = text(admin, PAGE)
    for part in (
        "It opens <b>GitBook</b>",
        "<dd>14</dd>",
        "27\u2009400\u2009123 calls",
        "Use this",
    ):
        assert part in page


def test_it_warns_of_a_workspace_with_nothing_in_it(admin: Client) -> None:
    post(admin, "connect-token", TOKEN)
    answer_check(workspace="GitBook", sources=0, destinations=0, warehouses=0)
    assert "The wrong region looks like this" in text(admin, PAGE)


def test_it_says_why_a_check_failed_and_offers_no_use(admin: Client, workspace: Workspace) -> None:
    post(admin, "connect-token", TOKEN)
    answer_check(RequestState.FAILED, said="GET / was refused (401).")
    page = text(admin, PAGE)
    assert "GET / was refused (401)." in page
    assert "Use this workspace" not in page
    post(admin, "connect-token-use")
    assert vault.segment_token(workspace) == ""


def test_it_takes_no_check_of_another_token(admin: Client, workspace: Workspace) -> None:
    post(admin, "connect-token", TOKEN)
    answer_check(**FOUND)
    post(admin, "connect-token", {**TOKEN, "token": "sgp_another"})
    assert "Checking" in text(admin, PAGE)
    post(admin, "connect-token-use")
    assert vault.segment_token(workspace) == ""


def test_it_takes_no_later_check_of_an_earlier_token(admin: Client, workspace: Workspace) -> None:
    post(admin, "connect-token", TOKEN)
    done = {"state": RequestState.DONE, "result": FOUND, "finished_at": datetime.now(UTC)}
    kind = RequestKind.CHECK_TOKEN
    WorkRequest.objects.create(workspace=workspace, kind=kind, subject="0", asked_by="x", **done)
    assert "Checking" in text(admin, PAGE)
    post(admin, "connect-token-use")
    assert vault.segment_token(workspace) == ""


def test_it_puts_a_checked_token_in_use(admin: Client, workspace: Workspace) -> None:
    now = datetime.now(UTC)
    PollerState.objects.create(workspace=workspace, poller="catalog", last_run=now)
    post(admin, "connect-token", TOKEN)
    answer_check(**FOUND)
    page = post(admin, "connect-token-use")
    workspace.refresh_from_db()
    assert vault.segment_token(workspace) == TOKEN["token"]
    assert workspace.region == Region.EU
    assert PollerState.objects.get().last_run is None  # the sweep tries it within seconds
    assert not Credential.objects.filter(candidate=True).exists()
    assert "a token ending in <code>ours</code>, set by admin" in page


def test_it_polls_anew_after_a_token_was_rotated(workspace: Workspace) -> None:
    now = datetime.now(UTC)
    state = PollerState.objects.create(
        workspace=workspace, poller="usage", last_run=now, last_good=now
    )
    connecting.set_region(workspace, Region.EU, "ana")
    state.refresh_from_db()
    # It worked in this slot already: the sweep would be told that there is nothing to do.
    assert state.last_run == now
    assert WorkRequest.objects.get().kind == RequestKind.POLL


def test_it_discards_a_token(admin: Client, workspace: Workspace) -> None:
    post(admin, "connect-token", TOKEN)
    assert "Check this token" in post(admin, "connect-token-discard")
    assert not Credential.objects.exists()
    assert not WorkRequest.objects.exists()  # or the worker would look for what is gone


def test_it_connects_a_real_workspace(
    demo: DemoWorkspace, workspace: Workspace, admin: Client, settings: Settings
) -> None:
    settings.SEGMENT_API_TOKEN = ""
    post(admin, "connect-token", {"token": "demo-token", "region": "us"})
    watch.sweep(workspace, demo.now)
    url = reverse("connect-request", args=[WorkRequest.objects.get().pk])
    assert admin.get(url).json() == {"done": True}
    assert "It opens <b>GitBook" in text(admin, PAGE)
    post(admin, "connect-token-use")
    watch.sweep(workspace, demo.now)
    workspace.refresh_from_db()
    assert "GitBook" in workspace.name
    assert "Connected" in text(admin, PAGE)


def test_it_says_what_segment_said(
    demo: DemoWorkspace, workspace: Workspace, admin: Client, settings: Settings
) -> None:
    settings.SEGMENT_API_TOKEN = ""
    post(admin, "connect-token", {"token": "wrong-token", "region": "us"})
    watch.sweep(workspace, demo.now)
    page = text(admin, PAGE)
    assert "the token is wrong, revoked or lacks permission" in page
    assert "wrong-token" not in page


def test_it_leaves_a_token_of_the_environment_alone(admin: Client, settings: Settings) -> None:
    settings.SEGMENT_API_TOKEN = "sgp_of-the-environment"
    page = text(admin, PAGE)
    assert "SEGMENT_API_TOKEN" in page
    assert "Check this token" not in page
    assert "Save the region" in page
    settings.SEGMENT_API_URL = "http://127.0.0.1:1"
    assert "Save the region" not in text(admin, PAGE)  # it would change nothing


def test_it_saves_the_region(admin: Client, workspace: Workspace, settings: Settings) -> None:
    settings.SEGMENT_API_TOKEN = "sgp_of-the-environment"
    post(admin, "connect-region", {"region": "eu"})
    workspace.refresh_from_db()
    assert workspace.region == Region.EU
    assert AuditLog.objects.get().before == {"region": "us"}
    assert "This field is required." in post(admin, "connect-region", {"region": ""})


# --- the contract -----------------------------------------------------------------------------
def test_it_shows_the_evidence(admin: Client, workspace: Workspace) -> None:
    first = datetime.now(UTC).date().replace(day=1)
    last = first - timedelta(days=1)
    days = [last.replace(day=n) for n in range(1, last.day + 1)]
    WorkspaceDay.objects.bulk_create(
        WorkspaceDay(workspace=workspace, day=day, calls=1_000_000) for day in days
    )
    refresh_all_months(workspace)
    page = text(admin, PAGE)
    assert f"The last month billed {last.day}M: 40M looks monthly." in page
    assert "Assumed" in page


def test_it_hints_at_the_cycle_by_the_period_in_which_segment_counts_users(
    admin: Client, workspace: Workspace
) -> None:
    for month in (10, 11):
        starts, ends = date(2026, month, 17), date(2026, month + 1, 16)
        workspace.usage_periods.create(starts_on=starts, ends_on=ends, seen_at=datetime.now(UTC))
    assert "Segment counts users from Tue 17 Nov to Wed 16 Dec" in text(admin, PAGE)


def test_it_confirms_what_was_sent(admin: Client) -> None:
    page = post(admin, "connect-contract", CONTRACT)
    row = Contract.objects.get()
    assert (row.allowance, row.period, row.cycle_day) == (40_000_000, "year", 5)
    assert (row.starts_on, row.confirmed_by) == (date(2026, 11, 1), "admin")
    assert row.confirmed_at
    assert "Confirmed by admin" in page
    log = AuditLog.objects.get()
    assert (log.before["period"], log.after["period"]) == ("month", "year")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("allowance", "0"),
        ("allowance", ""),
        ("cycle_day", "32"),
        ("period", "week"),
        ("starts_on", "x"),
    ],
)
def test_it_refuses_a_contract_that_cannot_be(admin: Client, field: str, value: str) -> None:
    page = post(admin, "connect-contract", {**CONTRACT, field: value})
    assert 'class="errors"' in page
    assert Contract.objects.get().confirmed_at is None
    assert Contract.objects.get().period == "month"


# --- Slack ------------------------------------------------------------------------------------
def test_it_keeps_a_webhook_and_tests_it(admin: Client, workspace: Workspace) -> None:
    page = post(admin, "connect-slack", {"webhook": WEBHOOK})
    assert vault.slack_webhook(workspace) == WEBHOOK
    assert WorkRequest.objects.get().kind == RequestKind.TEST_SLACK
    assert "sending…" in page
    assert "a webhook ending in <code>9876</code>" in page


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.slack.com/services/T0",
        "https://hooks.slack.com.evil.example/services/T0",
        "https://evil.example/?https://hooks.slack.com/",
        "https://hooks.slack.com@evil.example/",
        "https://hooks.slack.com/services/T0 B0",
        "http://127.0.0.1:8911/slack",
        "http://[::1/slack",
    ],
)
def test_it_refuses_what_is_not_slack(admin: Client, address: str) -> None:
    assert "This is not a webhook" in post(admin, "connect-slack", {"webhook": address})
    assert not Credential.objects.exists()


def test_it_takes_a_loopback_slack_where_that_is_allowed(
    admin: Client, workspace: Workspace, settings: Settings
) -> None:
    settings.ALLOW_LOOPBACK = True
    post(admin, "connect-slack", {"webhook": "http://127.0.0.1:8911/slack"})
    assert vault.slack_webhook(workspace) == "http://127.0.0.1:8911/slack"
    assert "This is not" in post(admin, "connect-slack", {"webhook": "http://[::1/slack"})


def test_it_posts_a_test_message(demo: DemoWorkspace, workspace: Workspace, admin: Client) -> None:
    workspace.channels.update(enabled=False, error="Slack answered 404: no_service")
    assert "Slack said: Slack answered 404: no_service" in text(admin, PAGE)
    post(admin, "connect-slack-test")
    watch.sweep(workspace, demo.now)
    page = text(admin, PAGE)
    assert "✓ Slack took it." in page
    assert "no_service" not in page
    assert len(demo.messages) == 1


def test_it_says_what_slack_said(admin: Client, workspace: Workspace) -> None:
    post(admin, "connect-slack", {"webhook": WEBHOOK})
    WorkRequest.objects.update(
        state=RequestState.FAILED,
        result={"said": "Slack answered 403."},
        finished_at=datetime.now(UTC),
    )
    assert "■ Slack answered 403." in text(admin, PAGE)


# --- environments -----------------------------------------------------------------------------
def environments(workspace: Workspace, *new: tuple[str, str], **changed: str) -> dict[str, str]:
    """The form as the browser sends it; `changed` maps a name to its new one, "" removes it."""
    rows = list(workspace.environments.all())
    sent = {"env-TOTAL_FORMS": str(len(rows) + len(new)), "env-INITIAL_FORMS": str(len(rows))}
    for n, row in enumerate(rows):
        name = changed.get(row.name, row.name)
        sent |= {f"env-{n}-id": str(row.pk), f"env-{n}-name": name or row.name}
        sent |= {f"env-{n}-spellings": ", ".join(row.aliases)}
        sent |= {f"env-{n}-production": "on"} if row.production else {}
        sent |= {} if name else {f"env-{n}-DELETE": "on"}
    for n, (name, spellings) in enumerate(new, len(rows)):
        sent |= {f"env-{n}-name": name, f"env-{n}-spellings": spellings}
    return sent


def test_it_places_connections_anew(admin: Client, workspace: Workspace) -> None:
    row = make_connection(workspace, name="Sandbox - Application")
    post(admin, "connect-environments", environments(workspace, ("Sandbox", " SBX,sbx ,, box")))
    row.refresh_from_db()
    assert row.environment
    assert (row.environment.name, row.environment.aliases) == ("Sandbox", ["box", "sbx"])
    assert AuditLog.objects.get().after["Sandbox"] == ["box", "sbx"]


def test_it_lets_the_rules_follow_a_new_name(admin: Client, workspace: Workspace) -> None:
    post(admin, "connect-environments", environments(workspace, Staging="Preview"))
    rule = next(r for r in rulebook.current(workspace) if r.key == "non-production")
    assert rule.environments == ("Preview", "Dev")
    newest = workspace.policies.first()
    assert newest and newest.note == "Environments renamed: Staging is now Preview."


def test_it_makes_no_policy_version_without_a_new_name(admin: Client, workspace: Workspace) -> None:
    post(admin, "connect-environments", environments(workspace, ("Sandbox", "")))
    assert workspace.policies.count() == 1


def test_it_removes_an_environment(admin: Client, workspace: Workspace) -> None:
    post(admin, "connect-environments", environments(workspace, Dev=""))
    assert list(workspace.environments.values_list("name", flat=True)) == ["Prod", "Staging"]


@pytest.mark.parametrize(
    ("changed", "left", "non_production"),
    [
        (
            {"Staging": "Dev", "Dev": "Staging"},
            {"Prod", "Dev", "Staging"},
            ("Dev", "Staging"),
        ),
        ({"Staging": "", "Dev": "Staging"}, {"Prod", "Staging"}, ("Staging",)),
        ({"Staging": "Dev", "Dev": ""}, {"Prod", "Dev"}, ("Dev",)),
    ],
)
def test_it_gives_a_name_that_becomes_free_to_another(
    admin: Client,
    workspace: Workspace,
    changed: dict[str, str],
    left: set[str],
    non_production: tuple[str, ...],
) -> None:
    sent = environments(workspace, **changed)
    for n in range(3):
        sent[f"env-{n}-spellings"] = ""
    post(admin, "connect-environments", sent)
    assert set(workspace.environments.values_list("name", flat=True)) == left
    rule = next(r for r in rulebook.current(workspace) if r.key == "non-production")
    assert rule.environments == non_production


@pytest.mark.parametrize("name", ["Prod", "production", "STAGING"])
def test_it_refuses_a_spelling_that_is_taken(
    admin: Client, workspace: Workspace, name: str
) -> None:
    page = post(admin, "connect-environments", environments(workspace, (name, "")))
    assert f"“{name.lower()}” is in the list twice." in page
    assert workspace.environments.count() == 3


# --- all of it --------------------------------------------------------------------------------
def test_it_reads_connect_with_few_queries(
    admin: Client, workspace: Workspace, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    alive()
    post(admin, "connect-token", TOKEN)
    post(admin, "connect-slack", {"webhook": WEBHOOK})
    with django_assert_max_num_queries(28):
        text(admin, PAGE)


# --- the country ------------------------------------------------------------------------------
def test_it_chooses_a_country_and_takes_it_back(admin: Client, workspace: Workspace) -> None:
    page = post(admin, "connect-country", {"country": "DE", "seen": ""})
    assert "Days off are those of Germany." in page
    assert '<option value="DE" selected>Germany</option>' in page
    assert '<button class="btn" form="country-undo" name="country" value="">Undo</button>' in page
    assert '<input type="hidden" name="seen" value="DE">' in page
    undone = post(admin, "connect-country", {"country": "", "seen": "DE"})
    assert "No day counts as a holiday." in undone
    workspace.refresh_from_db()
    assert workspace.country == ""
    told = [(row.before, row.after) for row in AuditLog.objects.filter(action="country")]
    assert told == [
        ({"country": "DE"}, {"country": ""}),
        ({"country": ""}, {"country": "DE"}),
    ]


@pytest.mark.parametrize("country", ["ZZ", "de", "<b>", "DEU"])
def test_it_refuses_what_is_no_country(admin: Client, workspace: Workspace, country: str) -> None:
    page = post(admin, "connect-country", {"country": country, "seen": ""})
    assert "Select a valid choice" in page
    workspace.refresh_from_db()
    assert workspace.country == ""
    assert not AuditLog.objects.exists()


def test_it_overwrites_no_country_that_somebody_chose_meanwhile(
    admin: Client, workspace: Workspace
) -> None:
    Workspace.objects.update(country="FR")
    page = post(admin, "connect-country", {"country": "DE", "seen": ""})
    assert "Somebody has chosen another country meanwhile" in page
    workspace.refresh_from_db()
    assert workspace.country == "FR"
    assert not AuditLog.objects.exists()
