"""The contract's page: terms with their history, amendments seen before they are made."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from cdpwatch import budget, contracts
from cdpwatch.budget import Rate, Terms
from cdpwatch.budget.subbudgets import Member, SubBudget
from cdpwatch.models import AuditLog, Contract, Workspace
from dashboards import contract as told
from tests.dashboards.conftest import text
from tests.factories import NOVEMBER, TERMS, make_sources

PAGE = reverse("budget-contract")
ENTERED = datetime(2026, 11, 1, tzinfo=UTC)
TERMS_SENT = {
    "allowance": "50000000",
    "period": "quarter",
    "cycle_day": "31",
    "starts_on": "2026-11-01",
    "last_day": "2028-10-31",
    "carries_over": "on",
    "carry_cap": "5000000",
    "currency": "eur",
    "price": "4000",
    "overage_price": "0.125",
    "overage_unit": "1000",
    "purchase_order": "PO-7",
    "cost_centre": "CC-1",
    "act": "confirm",
}


@pytest.fixture
def contract(workspace: Workspace) -> Contract:
    """Of a month that is long over, so that no test depends on the day it runs on."""
    row = contracts.contract_of(workspace)
    row.starts_on = NOVEMBER
    row.save()
    return row


def send(browser: Client, name: str, sent: dict[str, str], **kwargs: object) -> str:
    """The page that the form leads to."""
    reply = browser.post(reverse(f"budget-contract-{name}", kwargs=kwargs), sent, follow=True)
    assert reply.status_code == 200
    return reply.content.decode()


def send_terms(browser: Client, contract: Contract, **fields: str) -> str:
    newest = contract.entries.last()
    assert newest
    return send(browser, "terms", {**TERMS_SENT, "seen": str(newest.pk), **fields})


# --- words ------------------------------------------------------------------------------------
def test_it_says_what_day_31_means() -> None:
    terms = Terms(1, "month", 31, date(2027, 1, 31), confirmed=True)
    said = told.cycle(terms, date(2027, 1, 31))
    assert said.startswith("on day 31, in a shorter month on its last day; next on Sun 28 Feb 2027")
    assert said.endswith("Wed 31 Mar 2027 and Fri 30 Apr 2027")
    assert "shorter" not in told.cycle(TERMS, NOVEMBER)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (None, "not entered"),
        (Decimal("4000.0000"), "4\u2009000.00 USD"),
        (Decimal("0.1250"), "0.125 USD"),
        (Decimal(0), "0.00 USD"),
    ],
)
def test_it_writes_money_with_its_digits(amount: Decimal | None, said: str) -> None:
    assert told.money(amount, "USD") == said


def test_it_tells_what_differs_between_two_entries() -> None:
    before = {"allowance": 40_000_000, "price": None, "ends_on": None, "carries_over": False}
    after = {"allowance": 40_000_000, "price": "5", "ends_on": "2027-11-01", "carries_over": True}
    assert [(row.label, row.before, row.after) for row in told.changes(before, after)] == [
        ("Last day", "no end", "Sun 31 Oct 2027"),
        ("Carry-over", "no", "yes"),
        ("Price", "not entered", "5"),
    ]


def test_it_compares_the_periods_that_an_amendment_touches() -> None:
    added = budget.Amendment(date(2026, 12, 17), allowance=80_000_000, rate=Rate(price=Decimal(9)))
    after = Terms(**{**TERMS.__dict__, "amendments": (added,)})
    rows = told.preview(TERMS, after, added.starts_on)
    assert [(row.period.name, row.before, row.changed) for row in rows[:2]] == [
        ("December", "40\u2009000\u2009000", True),
        ("January", "40\u2009000\u2009000", True),
    ]
    assert rows[0].made_of.startswith("59.4M: 40M from Tue 1 Dec, 80M from Thu 17 Dec")
    assert len(rows) == told.SHOWN_PERIODS
    assert (rows[1].price_before, rows[1].price_after) == ("not entered", "9.00 USD")


def test_it_names_a_period_that_there_is_only_then() -> None:
    added = budget.Amendment(date(2026, 12, 17), cycle_day=17)
    after = Terms(**{**TERMS.__dict__, "amendments": (added,)})
    rows = told.preview(TERMS, after, added.starts_on)
    assert rows[0].period == budget.Period(date(2026, 12, 1), date(2026, 12, 17))
    assert {row.before for row in rows} == {"another period"}


def test_it_stops_where_the_contract_ends() -> None:
    ending = Terms(**{**TERMS.__dict__, "ends_on": date(2027, 2, 1)})
    rows = told.preview(ending, ending, date(2026, 12, 5))
    assert [row.period.name for row in rows] == ["December", "January"]


def test_it_adds_sub_budgets_up_to_the_allowance() -> None:
    made = {7: SubBudget("Ada", 30, "owner", ("Ada",)), 8: SubBudget("Web", 90, "app", ("web",))}
    members = [Member(1, "a", owner="Ada"), Member(2, "b", app="web"), Member(3, "c")]
    rows = told.sub_rows(made, members, 100)
    assert [(row.name, row.allowance, row.sources) for row in rows] == [
        ("Ada", 30, 1),
        ("Web", 90, 1),
        ("Unassigned", -20, 1),
    ]
    assert told.unheard_of(SubBudget("x", 1, "owner", ("Ada", "Bob")), members) == ["Bob"]


# --- the page ---------------------------------------------------------------------------------
def test_it_says_what_is_empty_and_what_is_assumed(contract: Contract, viewer: Client) -> None:
    page = text(viewer, PAGE)
    for part in (
        "Nobody has confirmed them",
        "No amendment: the terms hold",
        "No sub-budget",
        "No event is planned",
        "No day is noted",
        "no other workspace without a contract",
        "Assumed at the first start",
    ):
        assert part in page


def test_it_offers_each_role_its_own_forms(
    contract: Contract, viewer: Client, editor: Client, admin: Client
) -> None:
    def offered(browser: Client) -> set[str]:
        return set(re.findall(r'href="/budget/contract/([\w-]+)/"', text(browser, PAGE)))

    assert offered(viewer) == set()
    assert offered(editor) == {"sub-budget", "event", "note"}
    assert offered(admin) == {"sub-budget", "event", "note", "terms", "amend"}


def test_it_is_read_with_as_many_queries_whatever_it_holds(
    workspace: Workspace,
    contract: Contract,
    admin: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    now = datetime.now(UTC)
    sources = make_sources(workspace, 60, now)
    for n, source in enumerate(sources[:20]):
        made = SubBudget(f"s{n}", 5, "owner", (f"o{n}",))
        contracts.make_sub_budget(contract, made, "ada", now)
        contracts.plan_event(contract, f"e{n}", NOVEMBER, "ada", now, scale=2, source=source)
        contracts.note_day(contract, NOVEMBER, f"n{n}", "ada", now)
        contracts.amend(contract, NOVEMBER + timedelta(days=n + 1), "ada", now, allowance=n + 1)
    with django_assert_max_num_queries(26):
        assert "Unassigned" in text(admin, PAGE)


# --- terms ------------------------------------------------------------------------------------
def test_it_confirms_the_terms_that_were_sent(contract: Contract, admin: Client) -> None:
    page = send_terms(admin, contract)
    row = Contract.objects.get()
    assert (row.allowance, row.period, row.cycle_day) == (50_000_000, "quarter", 31)
    assert (row.ends_on, row.carries_over, row.carry_cap) == (date(2028, 11, 1), True, 5_000_000)
    assert (row.currency, row.price, row.overage_price) == ("EUR", 4_000, Decimal("0.125"))
    assert (row.overage_unit, row.purchase_order, row.cost_centre) == (1_000, "PO-7", "CC-1")
    assert (row.confirmed_by, row.entered_by) == ("admin", "admin")
    assert "0.125 EUR for 1\u2009000 calls" in page
    assert "<del>40\u2009000\u2009000</del> <ins>50\u2009000\u2009000</ins>" in page
    assert AuditLog.objects.get().action == "contract confirmed"


def test_it_saves_terms_that_nobody_vouches_for(contract: Contract, admin: Client) -> None:
    send_terms(admin, contract)
    page = send_terms(admin, contract, act="assume", price="")
    row = Contract.objects.get()
    assert (row.confirmed_at, row.confirmed_by, row.price) == (None, "", None)
    assert "Assumed" in page


def test_it_opens_with_what_is_stored(contract: Contract, admin: Client) -> None:
    send_terms(admin, contract)
    page = text(admin, reverse("budget-contract-terms"))
    assert 'value="2028-10-31"' in page
    assert 'value="50000000"' in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"allowance": "0"}, "greater than or equal to 1"),
        ({"allowance": "x"}, "Enter a whole number."),
        ({"cycle_day": "32"}, "less than or equal to 31"),
        ({"period": "week"}, "Select a valid choice"),
        ({"period": "term", "last_day": ""}, "needs the day on which it ends"),
        ({"last_day": "2026-10-01"}, "before it starts on Sun 1 Nov 2026"),
        ({"starts_on": "0001-01-01"}, "between 2000 and 2099"),
        ({"last_day": "9999-12-31"}, "between 2000 and 2099"),
        ({"carries_over": ""}, "A cap goes with carry-over only"),
        ({"price": "-1"}, "greater than or equal to 0"),
        ({"price": "NaN"}, "Enter a number."),
        ({"overage_price": "1500"}, "The overage price comes to 1.50 EUR a call"),
        ({"overage_unit": "7"}, "Select a valid choice"),
        ({"currency": "€€€"}, "three capitals"),
        ({"seen": ""}, "entered other terms meanwhile"),
    ],
)
def test_it_refuses_terms_that_cannot_be(
    contract: Contract, admin: Client, fields: dict[str, str], said: str
) -> None:
    page = send_terms(admin, contract, **fields)
    assert said in page
    assert Contract.objects.get().allowance == 40_000_000
    assert contract.entries.count() == 1


def test_it_tells_whoever_comes_second(contract: Contract, admin: Client) -> None:
    opened = contract.entries.last()
    send_terms(admin, contract)
    page = send_terms(admin, contract, seen=str(opened and opened.pk), allowance="1")
    assert "admin entered other terms meanwhile" in page
    assert Contract.objects.get().allowance == 50_000_000


# --- amendments -------------------------------------------------------------------------------
AMENDED = {"starts_on": "2027-01-01", "allowance": "50000000", "note": "Signed."}


def hidden(page: str) -> dict[str, str]:
    """What the form of a preview would send."""
    fields = re.findall(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?', page)
    return {name: value for name, value in fields if name != "csrfmiddlewaretoken"}


def test_it_shows_what_an_amendment_changes_before_it_is_made(
    contract: Contract, admin: Client
) -> None:
    page = send(admin, "amend", AMENDED)
    assert "From Fri 1 Jan 2027: allowance <b>50\u2009000\u2009000 calls</b>" in page
    assert "Days before it keep their terms" in page
    assert contract.amendments.count() == 0


def test_it_amends_as_it_was_seen(contract: Contract, admin: Client) -> None:
    seen = hidden(send(admin, "amend", {**AMENDED, "price": "5000"}))
    page = send(admin, "amend", {**seen, "act": "amend"})
    row = contract.amendments.get()
    assert (row.starts_on, row.allowance, row.whole) == (date(2027, 1, 1), 50_000_000, False)
    assert (row.priced, row.price, row.currency) == (True, 5_000, "USD")
    assert (row.note, row.entered_by) == ("Signed.", "admin")
    assert "The contract is amended from Fri 1 Jan 2027." in page
    assert reverse("budget-contract-withdraw", args=[row.pk]) in page


def test_it_leaves_money_that_an_amendment_does_not_name(contract: Contract, admin: Client) -> None:
    send_terms(admin, contract)
    send(admin, "amend", {"starts_on": "2027-01-01", "price": "6000", "act": "amend"})
    row = contract.amendments.get()
    assert (row.price, row.overage_price, row.overage_unit, row.currency) == (
        6_000,
        Decimal("0.125"),
        1_000,
        "EUR",
    )
    assert row.allowance is None


def test_it_goes_back_to_the_form_as_it_was_filled_in(contract: Contract, admin: Client) -> None:
    page = send(admin, "amend", {**AMENDED, "act": "change"})
    assert 'value="50000000"' in page
    assert "Show what it changes" in page


@pytest.mark.parametrize("act", ["", "amend"])
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"starts_on": "2026-11-01"}, "An amendment begins after the contract does"),
        ({"starts_on": "9999-12-31"}, "between 2000 and 2099"),
        ({"starts_on": ""}, "This field is required."),
        ({"allowance": "", "note": "x"}, "An amendment changes something."),
        ({"last_day": "2026-12-01"}, "before it starts"),
        ({"period": "year", "whole": "on"}, "Only a new allowance"),
        ({"starts_on": "2027-01-09", "currency": "EUR"}, "The currency changes only where"),
    ],
)
def test_it_refuses_an_amendment_that_cannot_be(
    contract: Contract, admin: Client, fields: dict[str, str], said: str, act: str
) -> None:
    assert said in send(admin, "amend", {**AMENDED, **fields, "act": act})
    assert contract.amendments.count() == 0


def test_it_says_which_months_stay_closed(contract: Contract, admin: Client) -> None:
    contract.closes.create(
        period_start=NOVEMBER,
        period_end=date(2026, 12, 1),
        closed_by="ada",
        closed_at=ENTERED,
        stamp="x",
        numbers={},
    )
    page = send(admin, "amend", AMENDED)
    assert "the periods closed up to Mon 30 Nov 2026 stay" in page
    refused = send(admin, "amend", {**AMENDED, "starts_on": "2026-11-20", "act": "amend"})
    assert "Everything before Tue 1 Dec 2026 is closed" in refused


def test_it_withdraws_an_amendment_with_a_reason(contract: Contract, admin: Client) -> None:
    row = contracts.amend(contract, date(2027, 1, 1), "ada", ENTERED, allowance=5)
    assert "Say why" in send(admin, "withdraw", {"why": " "}, pk=row.pk)
    page = send(admin, "withdraw", {"why": "Not signed."}, pk=row.pk)
    row.refresh_from_db()
    assert (row.withdrawn_by, row.withdrawn_why) == ("admin", "Not signed.")
    assert "withdrawn</b>: Not signed." in page
    gone = reverse("budget-contract-withdraw", args=[row.pk])
    assert admin.get(gone).status_code == 404


# --- workspaces -------------------------------------------------------------------------------
def test_it_puts_another_workspace_under_the_contract(contract: Contract, admin: Client) -> None:
    other = Workspace.objects.create(segment_id="ws2", name="Labs")
    assert reverse("budget-contract-cover") in text(admin, PAGE)
    page = send(admin, "cover", {"workspace": str(other.pk)})
    assert contract.workspaces.count() == 2
    assert "Their calls count together" in page
    assert "Select a valid choice" in send(admin, "cover", {"workspace": str(other.pk)})


def test_it_takes_a_workspace_off_the_contract(
    workspace: Workspace, contract: Contract, admin: Client, viewer: Client
) -> None:
    other = Workspace.objects.create(segment_id="ws2", name="<b>Labs</b>", contract=contract)
    address = reverse("budget-contract-release", args=[other.pk])
    assert address in text(admin, PAGE)
    assert address not in text(viewer, PAGE)
    assert "None of its calls count" in text(admin, address)
    page = send(admin, "release", {}, pk=other.pk)
    assert "&lt;b&gt;Labs&lt;/b&gt; is off the contract." in page
    assert list(contract.workspaces.all()) == [workspace]
    own = reverse("budget-contract-release", args=[workspace.pk])
    assert admin.get(own).status_code == 404  # these pages are of it
    assert "Labs" in text(admin, reverse("budget-contract-cover"))


def test_it_says_why_a_workspace_stays(contract: Contract, admin: Client) -> None:
    other = Workspace.objects.create(segment_id="ws2", name="Labs", contract=contract)
    contract.closes.create(
        period_start=date(2026, 10, 1),
        period_end=NOVEMBER,
        closed_by="ada",
        closed_at=ENTERED,
        numbers={},
    )
    assert "reopen them first" in send(admin, "release", {}, pk=other.pk)
    assert contract.workspaces.count() == 2


# --- what it is booked on ---------------------------------------------------------------------
BOOKED = {"purchase_order": "PO-8", "cost_centre": "CC-2"}


def test_it_corrects_what_it_is_booked_on_and_stays_confirmed(
    contract: Contract, admin: Client
) -> None:
    send_terms(admin, contract)
    Contract.objects.update(confirmed_by="ada")
    page = send_terms(admin, contract, act="assume", **BOOKED)
    row = Contract.objects.get()
    assert (row.purchase_order, row.cost_centre, row.confirmed_by) == ("PO-8", "CC-2", "ada")
    assert row.confirmed_at
    assert "It is corrected." in page
    assert "<del>PO-7</del> <ins>PO-8</ins>" in page
    log = AuditLog.objects.get(action="contract corrected")
    assert (log.before["cost_centre"], log.after["cost_centre"]) == ("CC-1", "CC-2")
    send_terms(admin, contract, act="assume", allowance="60000000", **BOOKED)
    assert Contract.objects.get().confirmed_at is None  # that was more than a correction


def test_it_brings_nothing_to_life_that_people_typed(contract: Contract, admin: Client) -> None:
    evil = "<script>x</script>"
    send_terms(admin, contract, purchase_order=evil, cost_centre=evil)
    send(admin, "note", {"day": "2026-11-05", "text": evil})
    send(admin, "event", {"name": evil, "starts_on": "2026-12-01", "scale": "2"})
    fields = {"name": evil, "allowance": "5", "by": "label", "values": f"team:{evil}"}
    send(admin, "sub-budget", fields)
    terms = {"starts_on": "2027-02-01", "allowance": "5", "note": evil, "act": "amend"}
    page = send(admin, "amend", terms)
    assert evil not in page
    assert page.count("&lt;script&gt;x&lt;/script&gt;") >= 8
