"""A new database holds the brief's catalog, and seeding again leaves people's edits alone."""

from __future__ import annotations

from datetime import date

import pytest
from pytest_django import Settings

from cdpwatch import catalog, rulebook
from cdpwatch.models import App, Contract, Environment, Function, Workspace
from cdpwatch.policy import DEFAULT_RULES
from cdpwatch.seed import MixedData, seed, the_workspace
from tests.factories import NOW, make_listed_function, make_workspace_reading

DECLARED = [
    ("Application", "Our web application tracking (front)", "Source"),
    ("Backend", "Our backend tracking (server)", "Source"),
    ("Cloud Function", "Dedicated Cloud Function channel", "Source, Destination"),
    ("Manual", "A channel dedicated to manual script", "Source"),
    ("Amplitude", "Product Analytics tool", "Destination"),
    ("Amplitude Cohort", "A way to sync Amplitude cohort", "Source"),
    ("Census", "Reverse ETL solution", "Source"),
    ("Customer.io", "Email marketing solution", "Source, Destination"),
    ("Refiner", "Survey solution", "Source"),
    ("BigQuery", "Our DWH solution", "Destination"),
    ("Hubspot", "CRM solution", "Destination"),
    ("HelpScout", "Support solution", "Destination"),
]


def test_it_declares_the_twelve_apps_as_the_workspaces_page_spells_them(
    workspace: Workspace,
) -> None:
    apps = workspace.apps.all()
    assert [(app.name, app.description, app.get_flow_display()) for app in apps] == DECLARED


def test_it_declares_the_livestorm_function_with_its_link(workspace: Workspace) -> None:
    function = workspace.functions.get()
    assert (function.name, function.kind, function.declared) == ("Livestorm", "SOURCE", True)
    assert function.url == "https://app.segment.com/gitbook-com/functions/catalog/sfnc_PsrIGpNhDv"
    assert function.last_seen is None


def test_it_assumes_forty_million_a_month_from_this_month_on(workspace: Workspace) -> None:
    contract = workspace.contract
    assert (contract.allowance, contract.period) == (40_000_000, "month")
    assert (contract.starts_on, contract.confirmed_at) == (date(2026, 11, 1), None)


def test_it_makes_environments_the_policy_and_a_slack_channel(workspace: Workspace) -> None:
    rows = workspace.environments.values_list("name", "production")
    assert list(rows) == [("Prod", True), ("Staging", False), ("Dev", False)]
    assert rulebook.current(workspace) == DEFAULT_RULES
    assert workspace.channels.get().kind == "slack"


def test_it_changes_nothing_the_second_time(workspace: Workspace) -> None:
    App.objects.filter(slug="hubspot").update(name="HubSpot CRM", owner="RevOps")
    Contract.objects.update(allowance=50_000_000)
    Environment.objects.filter(name="Dev").delete()
    rules = DEFAULT_RULES[:3]
    rulebook.save(workspace, rules, "ada", "Fewer.")
    seed(NOW.replace(month=12))
    hubspot = workspace.apps.get(slug="hubspot")
    assert (workspace.apps.count(), hubspot.name, hubspot.owner) == (12, "HubSpot CRM", "RevOps")
    assert Contract.objects.get().allowance == 50_000_000
    assert Environment.objects.count() == 2
    assert rulebook.current(workspace) == rules


@pytest.mark.parametrize("segment_id", ["sfnc_PsrIGpNhDv", "sfnc_other"])
def test_it_finds_its_function_again_under_the_name_that_segment_gives_it(
    workspace: Workspace, segment_id: str
) -> None:
    for name in ("Livestorm", "Livestorm webhooks"):
        listed = make_listed_function(segment_id, name=name)
        catalog.record(workspace, make_workspace_reading(), [], [listed], NOW)
    seed(NOW)
    assert Function.objects.get().name == "Livestorm webhooks"


@pytest.mark.django_db
def test_it_has_one_workspace() -> None:
    assert the_workspace() == the_workspace()


@pytest.mark.parametrize("demo", [True, False])
def test_it_mixes_no_demo_with_live_data(db: None, settings: Settings, demo: bool) -> None:
    settings.DEMO = demo
    the_workspace()
    settings.DEMO = not demo
    with pytest.raises(MixedData, match="demo data" if demo else "live data"):
        the_workspace()
