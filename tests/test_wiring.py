"""What a snapshot hands to the projection: everything under the contract, holidays, plans."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cdpwatch import budget, contracts, snapshot
from cdpwatch.models import Projection, Workspace
from cdpwatch.snapshot.free_days import countries, free_days
from cdpwatch.watch import keep_projection
from tests.factories import NOW, TODAY, at, bill, make_connection, make_live, record_days

DAY = timedelta(days=1)
EVE, AFTER = date(2026, 12, 24), date(2026, 12, 27)


def beside(workspace: Workspace) -> Workspace:
    """A second workspace under the same contract."""
    other = Workspace.objects.create(segment_id="ws2", name="Labs")
    contracts.cover(workspace.contract, other, "ada")
    return other


def test_it_counts_every_workspace_under_the_contract(workspace: Workspace) -> None:
    other = beside(workspace)
    bill(workspace, TODAY, 1_000)
    bill(other, TODAY, 100)
    make_live(make_connection(other, "s2"), at(18, 11), 7)
    assert snapshot.take(workspace, NOW).standing.used == 17 * 1_100 + 7


def test_it_counts_a_workspace_from_its_first_row_on(workspace: Workspace) -> None:
    other = beside(workspace)
    bill(workspace, TODAY, 1_000)
    bill(other, TODAY, 100, days=5)
    standing = snapshot.take(workspace, NOW).standing
    assert (standing.used, standing.unknown_days) == (17 * 1_000 + 5 * 100, 0)


def test_it_knows_the_holidays_of_a_country_and_none_of_none() -> None:
    assert free_days(["FR"], EVE, AFTER) == (date(2026, 12, 25),)
    assert free_days(["FR", "DE"], EVE, AFTER) == (date(2026, 12, 25), date(2026, 12, 26))
    assert free_days(["", "ZZ"], EVE, AFTER) == ()
    assert {"DE", "FR", "US"} <= set(countries())


def test_it_keeps_holidays_and_plans_and_projects_the_same_again(workspace: Workspace) -> None:
    Workspace.objects.update(country="DE")
    bill(workspace, TODAY, 1_000_000, days=400)
    calm = snapshot.take(workspace, NOW)
    contracts.plan_event(
        workspace.contract, "Launch", TODAY + DAY, "ada", NOW - DAY, per_day=500_000.0
    )
    view = snapshot.take(workspace, NOW)
    assert date(2026, 10, 3) in view.inputs.holidays
    assert view.standing.total == pytest.approx(calm.standing.total + 12 * 500_000, rel=0.01)
    row = keep_projection(workspace, view)
    again = budget.unpacked(row.inputs).project()
    made = zip(again.levels, again.totals, strict=True)
    assert {str(level): round(total) for level, total in made} == row.quantiles
    assert Projection.objects.count() == 1


def test_it_takes_a_plan_for_one_source_as_calls_of_the_whole(workspace: Workspace) -> None:
    source = make_connection(workspace)
    bill(workspace, TODAY, 1_000_000)
    bill(source, TODAY, 400_000)
    contracts.plan_event(
        workspace.contract, "Off", TODAY + DAY, "ada", NOW, scale=0.0, source=source
    )
    [event] = snapshot.take(workspace, NOW).inputs.events
    assert (event.scale, event.add) == (1.0, -400_000.0)


def test_it_plans_nothing_that_was_not_known_at_the_moment(workspace: Workspace) -> None:
    record_days(workspace, [1_000_000] * 17)
    contracts.plan_event(workspace.contract, "Later", TODAY + DAY, "ada", NOW, scale=2.0)
    assert snapshot.take(workspace, NOW - DAY, as_of=True).inputs.events == ()


def test_it_adds_what_was_carried_over_to_the_allowance(workspace: Workspace) -> None:
    contract = workspace.contract
    contract.carries_over, contract.starts_on = True, date(2026, 10, 1)
    contract.carry_cap = 3_000_000
    contract.save()
    bill(workspace, TODAY, 1_000_000)
    standing = snapshot.take(workspace, NOW).standing
    assert (standing.carried, standing.allowance) == (3_000_000, 43_000_000)
