"""The contract's rows: what may be entered, who entered it, and what was known when."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cdpwatch import budget, contracts, snapshot
from cdpwatch.budget import Period
from cdpwatch.budget.invoices import Line
from cdpwatch.budget.subbudgets import SubBudget
from cdpwatch.contracts import Refused
from cdpwatch.forecast.events import Event
from cdpwatch.models import AuditLog, Contract, Workspace
from tests.factories import NOVEMBER, NOW, make_connection

LATER = NOW + timedelta(hours=1)
JANUARY = date(2027, 1, 1)


@pytest.fixture
def contract(workspace: Workspace) -> Contract:
    return contracts.contract_of(workspace)


def actions() -> list[str]:
    return list(AuditLog.objects.order_by("pk").values_list("action", flat=True))


# --- terms ------------------------------------------------------------------------------------
def test_it_reads_the_terms_that_were_entered(contract: Contract) -> None:
    contract.price, contract.currency, contract.carries_over = Decimal(4000), "EUR", True
    contract.carry_cap, contract.ends_on = 5, date(2027, 11, 1)
    contracts.enter(contract, "ada", NOW)
    terms = contracts.terms_of(Contract.objects.get())
    assert terms.rate == budget.Rate("EUR", Decimal("4000.0000"), None)
    assert (terms.carry_over, terms.ends_on) == (budget.CarryOver(5), date(2027, 11, 1))
    assert (contract.entered_by, contract.entered_at) == ("ada", NOW)
    assert actions() == ["contract entered"]


def test_it_keeps_who_entered_which_price_and_when(contract: Contract) -> None:
    for hours, price in enumerate((4000, 5000), 1):
        contract.price = Decimal(price)
        contracts.enter(contract, f"ada{hours}", NOW + timedelta(hours=hours))
    assert [(row.by, row.terms["price"]) for row in contract.entries.all()] == [
        ("", None),
        ("ada1", "4000"),
        ("ada2", "5000"),
    ]


def test_it_tells_the_terms_as_they_were_known(contract: Contract) -> None:
    contract.allowance, contract.confirmed_at = 50_000_000, LATER
    contracts.enter(contract, "ada", LATER)
    before, after = contracts.terms_of(contract, NOW), contracts.terms_of(contract, LATER)
    assert (before.allowance, before.confirmed) == (40_000_000, False)
    assert (after.allowance, after.confirmed) == (50_000_000, True)
    assert contracts.terms_of(contract, NOW - timedelta(days=400)) == before


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"allowance": 0}, "An allowance lies between 1"),
        ({"allowance": 10**16}, "An allowance lies between 1"),
        ({"cycle_day": 32}, "a day from 1 to 31"),
        ({"period": "week"}, "A period is one of month, quarter, year, term."),
        ({"period": "term"}, "needs the day on which it ends"),
        (
            {"ends_on": date(2026, 10, 1)},
            "The contract ends on Thu 1 Oct 2026, before it starts on Sun 1 Nov 2026.",
        ),
        ({"starts_on": date(1026, 1, 1)}, "The contract lies between 2000 and 2100."),
        ({"price": Decimal(-1)}, "A negative price is not a price."),
        ({"price": Decimal(99_000_000)}, "The price comes to 2.48 USD a call"),
        (
            {"overage_price": Decimal(1500), "overage_unit": 1_000},
            "The overage price comes to 1.50 USD a call",
        ),
        ({"overage_unit": 7}, "by 1,000 or by 1,000,000 calls"),
        ({"currency": "eur"}, "three capitals"),
        ({"carry_cap": 5}, "A cap goes with carry-over only"),
    ],
)
def test_it_refuses_terms_that_cannot_be(
    contract: Contract, fields: dict[str, Any], said: str
) -> None:
    for name, value in fields.items():
        setattr(contract, name, value)
    with pytest.raises(Refused, match=said):
        contracts.enter(contract, "ada", NOW)
    assert Contract.objects.get().allowance == 40_000_000
    assert contract.entries.count() == 1
    assert actions() == []


# --- amendments -------------------------------------------------------------------------------
def test_it_amends_from_a_day_on_as_far_as_was_known(contract: Contract) -> None:
    contracts.amend(contract, JANUARY, "ada", LATER, allowance=60_000_000)
    now = contracts.terms_of(Contract.objects.get())
    assert budget.terms_at(now, JANUARY).allowance == 60_000_000
    assert budget.terms_at(now, date(2026, 12, 31)).allowance == 40_000_000
    assert contracts.terms_of(contract, NOW).amendments == ()
    assert contracts.terms_of(contract, LATER) == now


def test_it_withdraws_an_amendment_with_a_reason_and_keeps_its_row(contract: Contract) -> None:
    made = contracts.amend(contract, JANUARY, "ada", NOW, allowance=60_000_000)
    with pytest.raises(Refused, match="Say why"):
        contracts.withdraw(made, "bob", LATER, " ")
    contracts.withdraw(made, "bob", LATER, "Not signed.")
    assert contracts.terms_of(Contract.objects.get()).amendments == ()
    assert len(contracts.terms_of(contract, NOW).amendments) == 1
    contracts.amend(contract, JANUARY, "ada", LATER, allowance=70_000_000)
    with pytest.raises(Refused, match="withdrawn already"):
        contracts.withdraw(made, "bob", LATER, "Again.")
    assert actions() == ["contract amended", "amendment withdrawn", "contract amended"]


@pytest.mark.parametrize(
    ("starts_on", "fields", "said"),
    [
        (NOVEMBER, {"allowance": 5}, "begins after the contract does on Sun 1 Nov 2026"),
        (date(2026, 12, 1), {"allowance": 5}, "There is an amendment from Tue 1 Dec 2026 already"),
        (JANUARY, {}, "An amendment changes something."),
        (JANUARY, {"cycle_day": 40}, "a day from 1 to 31"),
        (JANUARY, {"ends_on": date(2026, 12, 1)}, "before it starts"),
        (JANUARY, {"period": "year", "allowance": 5, "whole": True}, "Only a new allowance"),
        (
            date(2027, 1, 9),
            {"priced": True, "currency": "EUR"},
            "The currency changes only where a period begins, such as on Fri 1 Jan 2027.",
        ),
        (JANUARY, {"priced": True, "price": Decimal(10**9)}, "a call"),
    ],
)
def test_it_refuses_an_amendment_that_cannot_be(
    contract: Contract, starts_on: date, fields: dict[str, Any], said: str
) -> None:
    contracts.amend(contract, date(2026, 12, 1), "ada", NOW, allowance=50_000_000)
    with pytest.raises(Refused, match=said):
        contracts.amend(contract, starts_on, "ada", NOW, **fields)
    assert contract.amendments.count() == 1


def test_it_shows_what_an_amendment_within_a_month_would_do(contract: Contract) -> None:
    terms = contracts.amended_terms(contract, starts_on=date(2026, 11, 16), allowance=60_000_000)
    november = budget.period_at(terms, NOVEMBER)
    assert budget.made_of(terms, november).startswith("50M: 40M from Sun 1 Nov, 60M from")
    assert contract.amendments.count() == 0


# --- workspaces -------------------------------------------------------------------------------
def test_it_charges_several_workspaces_to_one_contract(contract: Contract) -> None:
    other = Workspace.objects.create(segment_id="ws2", name="Labs")
    contracts.cover(contract, other, "ada")
    assert contracts.contract_of(other) == contract
    assert contract.workspaces.count() == 2
    for row, calls in zip(contract.workspaces.order_by("pk"), (10, 5), strict=True):
        row.days.create(day=NOVEMBER, calls=calls)
    contract.workspaces.get(name="Labs").days.create(day=date(2026, 11, 2), calls=7)
    days = snapshot.contract_days(contract, NOVEMBER)
    assert [days[day].calls for day in sorted(days)] == [15, None]
    with pytest.raises(Refused, match="Labs is under a contract already"):
        contracts.cover(contract, other, "ada")


def test_it_takes_a_workspace_off_and_back_under(contract: Contract) -> None:
    with pytest.raises(Refused, match="is the only workspace under the contract"):
        contracts.release(contract, contract.workspaces.get(), "ada", NOW)
    other = Workspace.objects.create(segment_id="ws2", name="Labs", contract=contract)
    contract.confirmed_at, contract.confirmed_by = NOW, "ada"
    contracts.enter(contract, "ada", NOW)
    contracts.release(contract, other, "bob", LATER)
    own = contracts.contract_of(other)
    assert (own.allowance, own.confirmed_at, own.entries.count()) == (40_000_000, None, 1)
    assert contract.workspaces.count() == 1
    with pytest.raises(Refused, match="is not under this contract"):
        contracts.release(own, contract.workspaces.get(), "bob", LATER)
    contracts.cover(contract, other, "ada")  # nobody has entered the terms of its own
    assert contracts.contract_of(other) == contract
    assert actions()[-2:] == ["workspace off contract", "workspace under contract"]


def test_it_takes_no_workspace_off_a_closed_period(contract: Contract) -> None:
    other = Workspace.objects.create(segment_id="ws2", name="Labs", contract=contract)
    contract.closes.create(
        period_start=date(2026, 10, 1),
        period_end=NOVEMBER,
        closed_by="ada",
        closed_at=NOW,
        numbers={},
    )
    with pytest.raises(Refused, match="closed up to Sat 31 Oct 2026, and would no longer be"):
        contracts.release(contract, other, "ada", NOW)
    assert contracts.contract_of(other) == contract


# --- sub-budgets ------------------------------------------------------------------------------
GROWTH = SubBudget("Growth", 5_000_000, "label", ("team:growth",))


def test_it_changes_a_sub_budget_by_ending_the_old_one(contract: Contract) -> None:
    contracts.make_sub_budget(contract, GROWTH, "ada", NOW)
    more = SubBudget("Growth", 9_000_000, "label", ("team:growth",))
    contracts.make_sub_budget(contract, more, "bob", LATER)
    assert contracts.sub_budgets_of(contract) == [more]
    assert contracts.sub_budgets_of(contract, NOW) == [GROWTH]
    row = contract.sub_budgets.get(ended_at=None)
    contracts.end_sub_budget(row, "bob", LATER + timedelta(hours=1))
    assert contracts.sub_budgets_of(contract) == []
    with pytest.raises(Refused, match="ended already"):
        contracts.end_sub_budget(row, "bob", LATER)
    assert actions() == ["sub-budget", "sub-budget", "sub-budget ended"]


def test_it_refuses_a_source_in_two_sub_budgets(workspace: Workspace, contract: Contract) -> None:
    make_connection(workspace, labels={"team": "growth"}, owner="Ada")
    contracts.make_sub_budget(contract, GROWTH, "ada", NOW)
    with pytest.raises(Refused, match="Prod - Application is in Growth and in Ada"):
        contracts.make_sub_budget(contract, SubBudget("Ada", 5, "owner", ("Ada",)), "ada", NOW)


@pytest.mark.parametrize(
    "made",
    [
        SubBudget("Unassigned", 5, "owner", ("a",)),
        SubBudget("", 5, "owner", ("a",)),
        SubBudget("A", 0, "owner", ("a",)),
        SubBudget("A", 5, "planet", ("a",)),
        SubBudget("A", 5, "owner", ()),
    ],
)
def test_it_refuses_a_sub_budget_that_cannot_be(contract: Contract, made: SubBudget) -> None:
    with pytest.raises(Refused):
        contracts.make_sub_budget(contract, made, "ada", NOW)


# --- events, notes, scenarios -----------------------------------------------------------------
def test_it_plans_an_event_until_it_is_cancelled(contract: Contract) -> None:
    row = contracts.plan_event(contract, "Launch", JANUARY, "ada", NOW, per_day=50_000)
    assert contracts.events_of(contract) == [Event(JANUARY, 1.0, 50_000)]
    contracts.cancel_event(row, "bob", LATER)
    assert contracts.events_of(contract) == []
    assert contracts.events_of(contract, NOW) == [Event(JANUARY, 1.0, 50_000)]
    with pytest.raises(Refused, match="cancelled already"):
        contracts.cancel_event(row, "bob", LATER)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"scale": -1.0},
        {"scale": float("nan")},
        {"per_day": float("inf")},
        {"per_day": 5.0, "ends_on": JANUARY},
    ],
)
def test_it_refuses_an_event_that_cannot_be(contract: Contract, fields: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        contracts.plan_event(contract, "Launch", JANUARY, "ada", NOW, **fields)


def test_it_notes_a_day_and_takes_the_note_off(contract: Contract) -> None:
    note = contracts.note_day(contract, NOVEMBER, " Sale ", "ada", NOW)
    contracts.remove_note(note, "bob", LATER)
    with pytest.raises(Refused, match="removed already"):
        contracts.remove_note(note, "bob", LATER)
    with pytest.raises(Refused, match="1 to 300"):
        contracts.note_day(contract, NOVEMBER, " ", "ada", NOW)
    assert contract.day_notes.get().text == "Sale"


def test_it_removes_a_scenario_and_frees_its_name(contract: Contract) -> None:
    query = "c=app:backend:0.0:2026-12-01"
    row = contracts.keep_scenario(contract, "Calm", query, "ada", NOW)
    contracts.remove_scenario(row, "bob", LATER)
    with pytest.raises(Refused, match="removed already"):
        contracts.remove_scenario(row, "bob", LATER)
    contracts.keep_scenario(contract, "Calm", query, "bob", LATER)
    assert [row.removed_by for row in contract.scenarios.all()] == ["bob", ""]
    assert actions() == ["scenario kept", "scenario removed", "scenario kept"]


def test_it_keeps_a_scenario_under_one_name(contract: Contract) -> None:
    query = "c=app:backend:0.0:2026-12-01"
    assert contracts.keep_scenario(contract, "No backend", query, "ada", NOW).query == query
    for name, asked in (("No backend", query), ("Empty", ""), ("Bad", "c=x")):
        with pytest.raises(Refused):
            contracts.keep_scenario(contract, name, asked, "ada", NOW)


# --- invoices ---------------------------------------------------------------------------------
OCTOBER = Period(date(2026, 10, 1), NOVEMBER)


def test_it_keeps_an_invoice_with_its_lines(contract: Contract) -> None:
    lines = [Line(10, date(2026, 10, 1), "s1"), Line(30, None, "s2")]
    invoice = contracts.enter_invoice(contract, "INV-1", OCTOBER, 40, lines, "ada", NOW)
    assert sorted(contracts.lines_of(invoice), key=lambda line: line.calls) == lines
    contracts.replace_invoice(invoice, "bob", LATER)
    contracts.enter_invoice(contract, "INV-1", OCTOBER, 41, [], "bob", LATER)
    assert contract.invoices.count() == 2
    with pytest.raises(Refused, match="replaced already"):
        contracts.replace_invoice(invoice, "bob", LATER)


@pytest.mark.parametrize(
    ("number", "period", "calls", "lines", "said"),
    [
        ("INV-2", OCTOBER, 5, [], "Invoice INV-1 bills some of these days already"),
        ("INV-1", Period(NOVEMBER, date(2026, 12, 1)), 5, [], "There is an invoice INV-1 already"),
        ("", OCTOBER, 5, [], "has a number"),
        ("INV-2", Period(NOVEMBER, NOVEMBER), 5, [], "ends before it starts"),
        ("INV-2", OCTOBER, -5, [], "not negative"),
        ("INV-2", OCTOBER, 5, [Line(6)], "Its lines come to 6, more than the 5 billed."),
        ("INV-2", OCTOBER, 5, [Line(1, NOVEMBER)], "Sun 1 Nov is not a day of this invoice."),
        ("INV-2", OCTOBER, 5, [Line(1), Line(2)], "for the same day and source"),
    ],
)
def test_it_refuses_an_invoice_that_cannot_be(
    contract: Contract, number: str, period: Period, calls: int, lines: list[Line], said: str
) -> None:
    contracts.enter_invoice(contract, "INV-1", OCTOBER, 40, [], "ada", NOW)
    with pytest.raises(Refused, match=said):
        contracts.enter_invoice(contract, number, period, calls, lines, "ada", NOW)
    assert contract.invoices.count() == 1
