"""The catalog: what Segment lists becomes connections, matched to apps, and nothing is dropped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cdpwatch import catalog
from cdpwatch.models import Connection, Function, Link, Workspace
from cdpwatch.readings import ConnectionReading, Direction, NoData
from tests.factories import (
    NOW,
    make_app,
    make_connection,
    make_listed,
    make_listed_function,
    make_workspace_reading,
)

LATER = NOW + timedelta(hours=1)


def record(workspace: Workspace, *listed: ConnectionReading, **fields: object) -> int:
    now = LATER if fields.get("later") else NOW
    return catalog.record(workspace, make_workspace_reading(), listed, (), now)


def test_it_ties_the_database_to_the_first_workspace(workspace: Workspace) -> None:
    catalog.pin(workspace, make_workspace_reading())
    workspace.refresh_from_db()
    assert (workspace.segment_id, workspace.name) == ("ws1", "GitBook")
    catalog.pin(workspace, make_workspace_reading(name="GitBook Inc"))  # a rename is no move
    assert workspace.name == "GitBook Inc"


def test_it_refuses_another_workspace_and_says_which(workspace: Workspace) -> None:
    catalog.pin(workspace, make_workspace_reading())
    with pytest.raises(catalog.WrongWorkspace, match="“Other”, but the data here are of “GitBook”"):
        catalog.pin(workspace, make_workspace_reading("ws2", "Other"))


def test_it_records_a_connection_with_its_environment_and_app(workspace: Workspace) -> None:
    assert record(workspace, make_listed(labels={"env": "prod"})) == 1
    row = Connection.objects.get()
    assert row.environment is not None and row.app is not None
    assert (row.environment.name, row.app.name, row.naming) == ("Prod", "Application", "follows")
    assert (row.first_seen, row.last_seen, row.retired_at) == (NOW, NOW, None)


@pytest.mark.parametrize(
    ("fields", "app"),
    [
        ({"name": "Prod - Customer.io"}, "customer-io"),
        ({"name": "Prod - Help Scout"}, "helpscout"),
        ({"name": "Prod - HubSpot"}, "hubspot"),
        ({"name": "Prod - Mail", "labels": {"app": "customer-io"}}, "customer-io"),
        ({"name": "Production thing", "metadata_slug": "amplitude-cohorts"}, "amplitude-cohort"),
        ({"name": "Segment test (Anna)", "metadata_slug": "http-api"}, ""),
        ({"name": "prod-application-old"}, ""),
    ],
)
def test_it_matches_the_app_by_name_then_label_then_kind(
    workspace: Workspace, fields: dict[str, Any], app: str
) -> None:
    record(workspace, make_listed(**fields))
    assert Connection.objects.get().app_slug == app


def test_it_keeps_the_history_of_a_connection_that_vanished(workspace: Workspace) -> None:
    record(workspace, make_listed("src1"), make_listed("src2"))
    record(workspace, make_listed("src2"), later=True)
    gone, here = Connection.objects.order_by("segment_id")
    assert (gone.retired_at, gone.last_seen) == (LATER, NOW)
    assert (here.retired_at, here.last_seen) == (None, LATER)
    record(workspace, make_listed("src1"), make_listed("src2"), later=True)
    gone.refresh_from_db()
    assert (gone.retired_at, gone.first_seen) == (None, NOW)


def test_it_takes_in_a_source_that_usage_knew_first(workspace: Workspace) -> None:
    row = make_connection(workspace, "src1", name="Unlisted source src1", retired_at=NOW)
    record(workspace, make_listed("src1"))
    row.refresh_from_db()
    assert (row.name, row.retired_at) == ("Prod - Application", None)


def test_it_follows_links_as_they_come_and_go(workspace: Workspace) -> None:
    sources = [make_listed("src1"), make_listed("src2")]
    target = {"direction": Direction.DESTINATION, "name": "Prod - Amplitude"}
    record(workspace, *sources, make_listed("dst1", **target, fed_by=("src1", "unknown")))
    assert [str(link) for link in Link.objects.all()] == ["Prod - Application -> Prod - Amplitude"]
    record(workspace, *sources, make_listed("dst1", **target, fed_by=("src2",)))
    assert Link.objects.get().source.segment_id == "src2"


def test_it_puts_the_listed_function_in_place_of_the_declared_one(workspace: Workspace) -> None:
    listed = make_listed_function("sfnc_real", name="livestorm")
    source = make_listed(name="Prod - Livestorm", metadata_id="meta-livestorm")
    catalog.record(workspace, make_workspace_reading(), [source], [listed], NOW)
    function = Function.objects.get()
    assert (function.segment_id, function.declared, function.last_seen) == ("sfnc_real", True, NOW)
    assert function.url.endswith("sfnc_PsrIGpNhDv")
    row = Connection.objects.get()
    assert (row.function, row.app, row.app_slug) == (function, None, "livestorm")


def test_it_leaves_the_same_rows_when_the_same_list_comes_twice(workspace: Workspace) -> None:
    for _ in range(2):
        record(workspace, make_listed("src1"), make_listed("src2", fed_by=("src1",)))
    assert (Connection.objects.count(), Link.objects.count()) == (2, 1)


def test_it_places_connections_anew_when_people_edit_the_lists(workspace: Workspace) -> None:
    record(workspace, make_listed(name="QA - Newsletter"))
    row = Connection.objects.get()
    assert (row.naming, row.app) == ("no_environment", None)
    workspace.environments.create(name="QA")
    newsletter = make_app(workspace)
    catalog.place_all(workspace)
    row.refresh_from_db()
    assert (row.naming, row.app) == ("follows", newsletter)


def test_it_shortens_names_that_are_too_long_for_the_row(workspace: Workspace) -> None:
    record(workspace, make_listed(name="x" * 900))
    row = Connection.objects.get()
    assert (len(row.name), len(row.naming_advice) <= 700) == (500, True)


# --- answers that are not whole -----------------------------------------------------------------
def record_part(workspace: Workspace, *listed: ConnectionReading) -> None:
    catalog.record(workspace, make_workspace_reading(), listed, (), LATER, complete=False)


def test_it_retires_and_unlinks_nothing_for_a_list_that_is_not_complete(
    workspace: Workspace,
) -> None:
    amplitude = make_listed("dst1", direction=Direction.DESTINATION, fed_by=("src1",))
    record(workspace, make_listed("src1"), make_listed("src2"), amplitude)
    record_part(workspace, make_listed("src2", name="Prod - Renamed"))
    assert not Connection.objects.exclude(retired_at=None)
    assert Link.objects.count() == 1
    assert Connection.objects.get(segment_id="src2").name == "Prod - Renamed"
    record(workspace, make_listed("src2"), later=True)
    assert Connection.objects.exclude(retired_at=None).count() == 2
    assert not Link.objects.exists()


@pytest.mark.parametrize("direction", [None, Direction.DESTINATION])
def test_it_does_not_believe_that_every_source_is_gone(
    workspace: Workspace, direction: Direction | None
) -> None:
    record(workspace, make_listed("src1"), make_listed("src2"))
    left = [make_listed("dst1", direction=direction)] if direction else []
    with pytest.raises(NoData, match="no source, though it had 2: nothing was changed"):
        record(workspace, *left, later=True)


def test_it_takes_an_empty_workspace_as_it_is(workspace: Workspace) -> None:
    assert record(workspace) == 0


def test_it_keeps_a_deleted_source_apart_from_a_new_one_of_the_same_name(
    workspace: Workspace,
) -> None:
    record(workspace, make_listed("src1"))
    record(workspace, make_listed("src2"), later=True)
    old, new = Connection.objects.order_by("segment_id")
    assert (old.name, new.name) == ("Prod - Application", "Prod - Application")
    assert (old.retired_at, new.retired_at) == (LATER, None)
    assert (old.first_seen, new.first_seen) == (NOW, LATER)
