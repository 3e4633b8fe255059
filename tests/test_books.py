"""Month close: what is frozen, what a later change does not touch, and the refusals."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdpwatch import books, contracts, counting, snapshot
from cdpwatch.budget import closing
from cdpwatch.budget.closing import Coverage, Frozen
from cdpwatch.budget.money import Rate
from cdpwatch.budget.periods import Period
from cdpwatch.budget.shares import REST, shares
from cdpwatch.budget.subbudgets import SubBudget, split
from cdpwatch.contracts import Refused
from cdpwatch.models import AuditLog, Connection, Contract, MonthClose, Workspace
from cdpwatch.readings import DayCount, UsageReading
from tests.factories import NOVEMBER, at, make_connection, make_live

DECEMBER = datetime(2026, 12, 2, 9, tzinfo=at(1).tzinfo)
M = 1_000_000


def usage(workspace: Workspace, source: str | None, calls: int, month: int, now: datetime) -> None:
    """The same calls on each day of a month, as Segment bills them."""
    first = date(2026, month, 1)
    days = (date(2026, month + 1, 1) - first).days if month < 12 else 1
    readings = [
        UsageReading(source, first, first + timedelta(days=n), calls * (n + 1)) for n in range(days)
    ]
    counting.record_usage(workspace, readings, now)


@pytest.fixture
def contract(workspace: Workspace) -> Contract:
    """November over: 45M by the workspace, of which the application 30M and the backend 12M."""
    app = workspace.apps.get(slug="application")
    web = make_connection(workspace, "web", name="Prod - Application", app=app)
    make_connection(workspace, "api", name="Prod - Backend")
    for month, total, of_web, of_api in ((10, M, 900_000, 100_000), (11, 1_500_000, M, 400_000)):
        for source, calls in ((None, total), ("web", of_web), ("api", of_api)):
            usage(workspace, source, calls, month, DECEMBER)
    make_live(web, at(12), 20 * M, "track", "Opened")
    row = contracts.contract_of(workspace)
    row.price, row.overage_price, row.confirmed_at = Decimal(4000), Decimal(150), DECEMBER
    return contracts.enter(row, "ada", DECEMBER)


def close(contract: Contract, **options: bool) -> Frozen:
    row = books.close(contract, NOVEMBER, "ada", DECEMBER, **options)
    return closing.from_json(MonthClose.objects.get(pk=row.pk).numbers)


def test_it_freezes_what_was_used_what_it_costs_and_who_moved(contract: Contract) -> None:
    told = close(contract)
    assert (told.used, told.allowance, told.over) == (45 * M, 40 * M, 5 * M)
    assert told.cost == Decimal("4750.00")
    assert [(row.label, row.calls, row.before) for row in told.sources.parts] == [
        ("Prod - Application", 30 * M, 27_900_000),
        ("Prod - Backend", 12 * M, 3_100_000),
        (books.UNBILLED_BY_SOURCE, 3 * M, 0),
    ]
    assert [(row.label, row.calls) for row in told.call_types.parts] == [
        ("track", 20 * M),
        (books.NOT_LIVE, 25 * M),
    ]
    assert [(row.label, row.change, row.reason) for row in told.movers] == [
        ("Prod - Backend", 8_900_000, ""),
        ("Prod - Application", 2_100_000, "Opened +20M"),
    ]
    assert told.coverage == Coverage(30, 0, 0, 2, 3 * M)
    assert len(told.days) == 30


def test_it_adds_up_in_every_table_of_a_close(contract: Contract) -> None:
    contracts.make_sub_budget(
        contract, SubBudget("Web", 9 * M, "app", ("application",)), "ada", at(2)
    )
    told = close(contract)
    for table in (told.sources, told.call_types):
        assert sum(part.calls for part in table.parts) == told.used
        assert sum(part.cost or 0 for part in table.parts) == table.total.cost
    rows = [(row.name, row.used) for row in told.sub_budgets.rows]
    assert rows == [("Web", 30 * M), ("Unassigned", 15 * M)]


def test_it_changes_nothing_of_a_close_by_what_comes_later(
    contract: Contract, workspace: Workspace
) -> None:
    before = close(contract)
    contracts.amend(contract, date(2026, 12, 1), "ada", DECEMBER, allowance=60 * M)
    Connection.objects.filter(segment_id="web").update(name="Renamed")
    usage(workspace, None, 1_600_000, 11, DECEMBER + timedelta(days=1))
    row = contract.closes.get()
    assert closing.from_json(row.numbers) == before
    assert books.is_intact(row)
    told = books.restatements(row)
    assert (len(told), sum(day.calls for day in told)) == (30, 3 * M)
    past = books.past_uses(contract, contracts.terms_of(contract), DECEMBER.date())
    assert (past[-1].period.start, past[-1].used) == (NOVEMBER, 45 * M)


@pytest.mark.parametrize("whole", [True, False])
def test_it_refuses_an_amendment_of_a_closed_month(contract: Contract, whole: bool) -> None:
    close(contract)
    with pytest.raises(Refused, match="Everything before Tue 1 Dec 2026 is closed"):
        contracts.amend(
            contract, date(2026, 11, 16), "ada", DECEMBER, allowance=60 * M, whole=whole
        )


def test_it_refuses_to_withdraw_an_amendment_that_a_close_has_counted(contract: Contract) -> None:
    made = contracts.amend(contract, date(2026, 11, 16), "ada", DECEMBER, allowance=60 * M)
    assert close(contract).allowance == 50 * M
    with pytest.raises(Refused, match="reopen it first"):
        contracts.withdraw(made, "ada", DECEMBER, "Wrong.")


def test_it_reopens_with_a_reason_and_closes_again_as_another_row(contract: Contract) -> None:
    close(contract)
    row = contract.closes.get()
    with pytest.raises(Refused, match="closed already"):
        close(contract)
    with pytest.raises(Refused, match="Say why"):
        books.reopen(row, "bob", DECEMBER, "")
    books.reopen(row, "bob", DECEMBER, "An amendment came late.")
    with pytest.raises(Refused, match="reopened already"):
        books.reopen(row, "bob", DECEMBER, "Again.")
    close(contract)
    told = contract.closes.values_list("reopened_why", flat=True)
    assert sorted(told) == ["", "An amendment came late."]
    log = AuditLog.objects.order_by("pk").values_list("action", flat=True)
    assert list(log)[-3:] == ["period closed", "period reopened", "period closed"]


def test_it_notices_numbers_that_were_changed(contract: Contract) -> None:
    close(contract)
    row = contract.closes.get()
    row.numbers["used"] = 1
    assert not books.is_intact(row)


def test_it_refuses_a_close_that_would_freeze_an_assumption(contract: Contract) -> None:
    contract.confirmed_at = None
    contracts.enter(contract, "ada", DECEMBER)
    with pytest.raises(Refused, match="Nobody has confirmed the contract"):
        close(contract)


def test_it_refuses_a_period_that_is_not_over_or_not_covered(contract: Contract) -> None:
    with pytest.raises(Refused, match="December is not over: it ends with Thu 31 Dec."):
        books.close(contract, DECEMBER.date(), "ada", DECEMBER)
    with pytest.raises(Refused, match="November is not over"):
        books.close(contract, NOVEMBER, "ada", at(30, 23))
    with pytest.raises(Refused, match="The contract says nothing of October."):
        books.close(contract, date(2026, 10, 5), "ada", DECEMBER)


def test_it_closes_with_a_gap_only_when_somebody_accepts_it(
    contract: Contract, workspace: Workspace
) -> None:
    workspace.days.filter(day__in=[date(2026, 11, 29), date(2026, 11, 30)]).update(calls=None)
    with pytest.raises(Refused, match="2 days of November have no billed number, Sun 29 Nov first"):
        close(contract)
    told = close(contract, gaps_accepted=True)
    assert (told.coverage.unknown_days, told.used) == (2, 42 * M)


def test_it_carries_over_what_closed_months_left(contract: Contract) -> None:
    contract.starts_on, contract.carries_over = date(2026, 10, 1), True
    contracts.enter(contract, "ada", DECEMBER)
    told = close(contract)  # October used 31M of 40M
    assert (told.carried, told.allowance, told.cost) == (9 * M, 49 * M, Decimal("4000.00"))
    terms = contracts.terms_of(contract)
    december = Period(date(2026, 12, 1), date(2027, 1, 1))
    assert books.carried_into(contract, terms, december).calls == 4 * M


# --- the value --------------------------------------------------------------------------------
def make_frozen(calls: dict[str, int], total: int, days: dict[date, int | None]) -> Frozen:
    table = shares(calls, total, labels={}, rest="Rest", before={"a": 3}, total_before=9)
    return closing.frozen(
        period=Period(NOVEMBER, date(2026, 12, 1)),
        allowance=40 * M,
        carried=5,
        rate=Rate("USD", Decimal("4000.5"), Decimal(150)),
        sources=table,
        call_types=table,
        sub_budgets=split([], [], {}, total),
        movers=(closing.Mover("a", 5, 3, "why"),),
        coverage=Coverage(30, 0, 0, 1, 0),
        days=days,
    )


@given(
    calls=st.dictionaries(st.text(max_size=5), st.integers(0, 10**9), max_size=5),
    total=st.integers(0, 10**10),
    day=st.none() | st.integers(0, 10**9),
)
def test_it_reads_back_what_it_froze(calls: dict[str, int], total: int, day: int | None) -> None:
    made = make_frozen(calls, total, {NOVEMBER: day})
    assert closing.from_json(closing.to_json(made)) == made


def test_it_refuses_numbers_of_another_release() -> None:
    told = closing.to_json(make_frozen({}, 0, {}))
    with pytest.raises(ValueError, match="schema 2, not 1"):
        closing.from_json({**told, "schema": 2})


def test_it_calls_no_day_restated_that_is_gone_or_the_same() -> None:
    made = make_frozen({"a": 5}, 5, {NOVEMBER: 5, date(2026, 11, 2): 6})
    now = {NOVEMBER: None, date(2026, 11, 2): 6, date(2026, 11, 3): 7}
    assert closing.restatements(made, now) == [closing.Restatement(date(2026, 11, 3), None, 7)]
    assert made.sources.parts[0].key != REST


# --- what was known ---------------------------------------------------------------------------
def test_it_makes_the_days_again_as_they_were_known(workspace: Workspace) -> None:
    make_connection(workspace, "web")
    for source in (None, "web"):
        early = [UsageReading(source, NOVEMBER, date(2026, 11, n), 10 * n) for n in (1, 2)]
        counting.record_usage(workspace, early, at(4))
        late = [UsageReading(source, NOVEMBER, date(2026, 11, n), 12 * n) for n in (1, 2, 3)]
        counting.record_usage(workspace, late, at(6))
    then = snapshot.days_known(workspace, at(5))
    assert [then[day].calls for day in sorted(then)] == [10, 10, None, None]
    now = snapshot.days_known(workspace, at(6))
    assert now == snapshot.workspace_days(workspace, NOVEMBER)
    [web] = snapshot.source_days_known(workspace, at(5)).values()
    assert web[NOVEMBER] == DayCount(NOVEMBER, 10)


def test_it_looks_back_beyond_its_first_reading_by_what_was_read_first(
    workspace: Workspace,
) -> None:
    for calls, now in ((10, at(6)), (12, at(8))):
        readings = [UsageReading(None, NOVEMBER, date(2026, 11, n), calls * n) for n in range(1, 6)]
        counting.record_usage(workspace, readings, now)
    then = snapshot.days_known(workspace, at(4, 12))
    assert [then[day].calls for day in sorted(then)] == [10, 10, 10]
