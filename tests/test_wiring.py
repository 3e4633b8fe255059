"""What a snapshot hands to the projection: everything under the contract, holidays, plans."""

from __future__ import annotations

from datetime import date, timedelta
from math import isfinite

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from cdpwatch import budget, contracts, snapshot, watch
from cdpwatch.forecast import Event
from cdpwatch.models import (
    AuditLog,
    KeptSnapshot,
    Projection,
    SourceDay,
    Workspace,
    WorkspaceDay,
)
from cdpwatch.snapshot.free_days import countries, free_days
from cdpwatch.watch import keep_projection
from tests.factories import (
    NOVEMBER,
    NOW,
    TODAY,
    at,
    bill,
    make_connection,
    make_live,
    record_days,
    refresh_all_months,
)

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


def test_it_counts_live_calls_of_all_of_them_where_a_period_begins_unbilled(
    workspace: Workspace,
) -> None:
    other, first = beside(workspace), at(1, 12, month=12)
    sources = make_connection(workspace), make_connection(other, "s2")
    for owner in (workspace, other):
        bill(owner, date(2026, 11, 30), 1_000)
    for source, calls in zip(sources, (1_000, 500), strict=True):
        make_live(source, at(30, 11), calls)
    assert snapshot.take(workspace, first).used_by_day[date(2026, 11, 30)] == 1_500


def test_it_knows_the_holidays_of_a_country_and_none_of_none() -> None:
    assert free_days(["FR"], EVE, AFTER) == (date(2026, 12, 25),)
    assert free_days(["FR", "DE"], EVE, AFTER) == (date(2026, 12, 25), date(2026, 12, 26))
    assert free_days(["", "ZZ"], EVE, AFTER) == ()
    named = countries()
    assert (named["DE"], named["US"], named["CD"]) == ("Germany", "United States", "DR Congo")
    assert list(named.values()) == sorted(named.values())


def test_it_tells_a_what_if_of_the_holidays_of_a_year(workspace: Workspace) -> None:
    Workspace.objects.update(country="DE")
    bill(workspace, TODAY, 1_000, days=40)
    ahead = [day for day in snapshot.take(workspace, NOW).inputs.holidays if day > TODAY]
    assert {date(2026, 12, 25), date(2027, 10, 3)} <= set(ahead)
    assert ahead[-1] < date(2027, 12, 1)


def test_it_expects_of_the_days_off_to_come_what_the_past_ones_did(workspace: Workspace) -> None:
    now = at(10, 12, month=12)
    bill(workspace, now.date(), 1_000_000, days=400)
    past = free_days(["DE"], now.date() - 400 * DAY, now.date())
    WorkspaceDay.objects.filter(day__in=past).update(calls=100_000)
    refresh_all_months(workspace)
    Workspace.objects.update(country="DE")
    path = snapshot.take(workspace, now).projected.path[0.5]
    eve, christmas, second = (path[day - 1] - path[day - 2] for day in (24, 25, 26))
    assert eve == pytest.approx(1_000_000, rel=0.15)
    assert max(christmas, second) < 300_000


def test_it_counts_anew_once_a_country_was_chosen(workspace: Workspace) -> None:
    before = snapshot.stamp(workspace)
    AuditLog.objects.create(actor="ada", action="country", subject="GitBook")
    assert snapshot.stamp(workspace) != before


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


def test_it_asks_once_for_the_usual_days_of_all_plans(workspace: Workspace) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            events = snapshot.take(workspace, NOW).inputs.events
        assert {event.add for event in events} <= {-100.0 * n for n in range(9)}
        return len(asked)

    def switch_off(number: int) -> None:
        source = make_connection(workspace, f"off{number}")
        bill(source, TODAY, 100 * number)
        day = TODAY + number * DAY
        contracts.plan_event(workspace.contract, "Off", day, "ada", NOW, scale=0.0, source=source)

    bill(workspace, TODAY, 10_000)
    switch_off(1)
    one = queries()
    for number in range(2, 9):
        switch_off(number)
    assert queries() == one


def test_it_takes_what_a_source_made_before_a_plan_that_has_begun(workspace: Workspace) -> None:
    source, begun = make_connection(workspace), TODAY - 10 * DAY
    bill(workspace, TODAY, 1_000_000)
    bill(source, begun, 400_000)
    after = [SourceDay(source=source, day=begun + n * DAY, calls=0) for n in range(10)]
    SourceDay.objects.bulk_create(after)
    contracts.plan_event(workspace.contract, "Half", begun, "ada", NOW, scale=0.5, source=source)
    assert snapshot.take(workspace, NOW).inputs.events == (Event(begun, 1.0, -200_000.0, None),)


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


def test_it_shares_an_allowance_that_changes_within_the_month(workspace: Workspace) -> None:
    bill(workspace, TODAY, 1_000_000)
    middle = date(2026, 11, 16)
    contracts.amend(workspace.contract, middle, "ada", NOW, allowance=60_000_000)
    assert snapshot.take(workspace, NOW).standing.allowance == 50_000_000


def test_it_counts_from_the_day_on_that_an_amendment_moves_the_cycle_to(
    workspace: Workspace,
) -> None:
    bill(workspace, TODAY, 1_000_000)
    contracts.amend(workspace.contract, TODAY - 8 * DAY, "ada", NOW, cycle_day=10)
    view = snapshot.take(workspace, NOW)
    assert view.period == budget.Period(date(2026, 11, 10), date(2026, 12, 10))
    assert view.previous == budget.Period(NOVEMBER, date(2026, 11, 10))
    assert view.standing.used == 8_000_000
    row = keep_projection(workspace, view)
    assert budget.unpacked(row.inputs).project() == view.projected


def test_it_judges_nothing_after_the_contract_has_ended(workspace: Workspace) -> None:
    bill(workspace, TODAY, 1_000_000)
    type(workspace.contract).objects.update(ends_on=TODAY - 3 * DAY)
    workspace.refresh_from_db()
    standing = snapshot.take(workspace, NOW).standing
    assert (standing.allowance, standing.chance_over) == (None, None)
    assert standing.verdict == budget.Verdict.UNJUDGED


# --- the sources learn from each other --------------------------------------------------------
def wavering(source_id: int, days: int, step: int) -> None:
    """Bill a source that is quiet and busy by turns, `step` days each."""
    SourceDay.objects.bulk_create(
        SourceDay(
            source_id=source_id,
            day=TODAY - n * DAY,
            calls=40_000 if n // step % 2 else 10_000,
        )
        for n in range(1, days + 1)
    )


def test_it_takes_a_young_source_for_as_unsure_as_the_older_ones(workspace: Workspace) -> None:
    bill(workspace, TODAY, 100_000, days=150)
    young = make_connection(workspace, "young")
    bill(young, TODAY, 5_000, days=28)
    view = snapshot.take(workspace, NOW)
    alone = snapshot.sources_ahead(workspace, view).by_source[young.pk]
    for number in (1, 2, 3):
        wavering(make_connection(workspace, f"wild{number}").pk, 150, 11 * number)
    among = snapshot.sources_ahead(workspace, view).by_source[young.pk]
    assert among.total == pytest.approx(alone.total)
    assert among.high - among.low > 1.5 * (alone.high - alone.low)


def test_it_lets_a_grown_source_speak_for_itself(workspace: Workspace) -> None:
    bill(workspace, TODAY, 100_000, days=150)
    grown = make_connection(workspace, "grown")
    bill(grown, TODAY, 5_000, days=84)
    view = snapshot.take(workspace, NOW)
    alone = snapshot.sources_ahead(workspace, view).by_source[grown.pk]
    wavering(make_connection(workspace, "wild").pk, 150, 11)
    assert snapshot.sources_ahead(workspace, view).by_source[grown.pk] == alone


def test_it_projects_the_sources_once_an_hour(workspace: Workspace) -> None:
    source = make_connection(workspace)
    for owner in (workspace, source):
        bill(owner, TODAY, 5_000)

    def total(minutes: int) -> float:
        watch.evaluate(workspace, NOW + timedelta(minutes=minutes))
        sheet = snapshot.current(workspace, NOW + timedelta(minutes=minutes))
        assert sheet.ahead
        return sheet.ahead.by_source[source.pk].total

    first = total(0)
    SourceDay.objects.update(calls=9_000)
    assert total(54) == first
    assert total(55) == pytest.approx(first * 9 / 5, rel=0.05)
    assert KeptSnapshot.objects.count() == 1


# --- bad input --------------------------------------------------------------------------------
CALLS = st.none() | st.sampled_from([0, 1, -1, -(10**12), 10**15, 10**18]) | st.integers(0, 10**7)


@settings(max_examples=25, deadline=None)
@given(
    calls=st.lists(CALLS, max_size=40),
    running=CALLS,
    passed=st.integers(0, 29),
    hour=st.integers(0, 23),
)
def test_it_never_says_what_is_no_number(
    calls: list[int | None], running: int | None, passed: int, hour: int
) -> None:
    period, now = budget.Period(NOVEMBER, date(2026, 12, 1)), at(1 + passed, hour)
    first = now.date() - len(calls) * DAY
    series = tuple(None if n is None else float(n) for n in calls)
    made = budget.Inputs(period.start, period.end, now, first, series, running, (1 / 24,) * 24)
    forecast = made.project()
    assert budget.unpacked(budget.packed(made)).project() == forecast
    terms = budget.Terms(40_000_000, "month", 1, NOVEMBER, confirmed=True)
    used = sum(n or 0 for n in calls)
    said = budget.standing(terms, period, used, forecast, now)
    told = (said.total, said.low80, said.high80, said.low95, said.high95, said.pace_per_day)
    assert all(isfinite(n) for n in told)
    assert list(forecast.totals) == sorted(forecast.totals)
    assert said.chance_over is None or 0 <= said.chance_over <= 1


@pytest.mark.parametrize("calls", [-5, -(10**12), 10**18])
def test_it_projects_past_an_absurd_restatement(workspace: Workspace, calls: int) -> None:
    bill(workspace, TODAY, 1_000_000)
    calm = snapshot.take(workspace, NOW).projected
    WorkspaceDay.objects.filter(day=TODAY - 3 * DAY).update(calls=calls)
    refresh_all_months(workspace)
    view = snapshot.take(workspace, NOW)
    assert view.projected.quantile(0.5) == pytest.approx(calm.quantile(0.5), rel=0.02)
    assert view.standing.unknown_days == 1
    assert view.standing.used == 16_000_000


@pytest.mark.parametrize(
    "fields",
    [
        {"period": "term", "ends_on": date(2026, 11, 20)},  # ends mid-month
        {"period": "term", "ends_on": None},  # a term without an end
        {"period": "year", "cycle_day": 31},
        {"starts_on": date(2027, 3, 15)},  # not begun yet
        {"period": "quarter", "cycle_day": 29, "ends_on": date(2026, 11, 19)},
        {"allowance": 0},
    ],
)
def test_it_takes_any_contract_for_what_it_is(
    workspace: Workspace, fields: dict[str, object]
) -> None:
    bill(workspace, TODAY, 1_000_000, days=20)
    type(workspace.contract).objects.update(**fields)
    view = snapshot.take(workspace, NOW)
    assert view.period.holds(TODAY)
    assert view.previous.end == view.period.start
    assert isfinite(view.standing.total)
    assert view.standing.used == 1_000_000 * min(20, view.period.until(TODAY))
