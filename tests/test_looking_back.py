"""The months behind a contract: its own, or those of the calendar where its periods are longer."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cdpwatch import books, budget, contracts
from cdpwatch.models import Workspace, WorkspaceDay
from tests.factories import TODAY, bill

M = 1_000_000


def past(workspace: Workspace, **terms: Any) -> list[budget.PeriodUse]:
    """Months behind a contract that began on 1 September 2026, with a million calls a day."""
    bill(workspace, TODAY, M, days=90)
    row = contracts.contract_of(workspace)
    made = contracts.terms_of(row)
    base = {**made.__dict__, "starts_on": date(2026, 9, 1), **terms}
    return books.past_months(row, budget.Terms(**base), TODAY)


def told(uses: list[budget.PeriodUse]) -> list[tuple[int, int, int | None]]:
    """(month, millions used, millions allowed), without months that are not whole."""
    whole = [use for use in uses if not use.unknown_days]
    return [
        (use.period.start.month, use.used // M, use.allowance and round(use.allowance / M))
        for use in whole
    ]


def test_it_takes_the_contracts_own_months(workspace: Workspace) -> None:
    assert told(past(workspace)) == [(9, 30, 40), (10, 31, 40)]


def test_it_takes_months_that_begin_on_another_day(workspace: Workspace) -> None:
    uses = past(workspace, cycle_day=15, starts_on=date(2026, 8, 15))
    assert [use.period.start for use in uses][-2:] == [date(2026, 9, 15), date(2026, 10, 15)]


@pytest.mark.parametrize(
    ("kind", "allowances"), [("quarter", [13, 14]), ("year", [3, 3]), ("term", [10, 10])]
)
def test_it_shares_a_longer_allowance_over_calendar_months(
    workspace: Workspace, kind: str, allowances: list[int]
) -> None:
    ends = date(2027, 1, 1) if kind == "term" else None
    found = told(past(workspace, kind=kind, ends_on=ends))
    assert found == [(9, 30, allowances[0]), (10, 31, allowances[1])]


def test_it_takes_calendar_months_where_an_amendment_cut_one_short(workspace: Workspace) -> None:
    uses = past(workspace, amendments=(budget.Amendment(date(2026, 10, 11), cycle_day=11),))
    assert [use.period.start.day for use in uses] == [1] * len(uses)
    assert told(uses) == [(9, 30, 40), (10, 31, 40)]


def test_it_allows_nothing_to_months_before_the_contract(workspace: Workspace) -> None:
    uses = past(workspace, kind="quarter", starts_on=date(2026, 10, 1))
    assert told(uses) == [(9, 30, None), (10, 31, 13)]


def test_it_takes_no_unknown_day_for_zero(workspace: Workspace) -> None:
    bill(workspace, TODAY, M, days=90)
    WorkspaceDay.objects.filter(day=date(2026, 9, 7)).delete()
    row = contracts.contract_of(workspace)
    terms = budget.Terms(**{**contracts.terms_of(row).__dict__, "cycle_day": 2})
    [use] = [u for u in books.past_months(row, terms, TODAY) if u.period.start.month == 9]
    assert (use.used, use.unknown_days) == (29 * M, 1)
