"""Renewal: the months against the commitment, their growth, and what other terms would cost."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdpwatch.budget import Amendment, Period, PeriodUse, Rate
from cdpwatch.budget.offers import BadOffer, Offer, from_query, read, to_query
from cdpwatch.budget.renewal import (
    Month,
    Renewal,
    cheapest,
    cost_under,
    growth,
    present,
    renewal,
)
from tests.factories import NOVEMBER, TERMS

M = 1_000_000
RATE = Rate("USD", Decimal(4000), Decimal(150), M)
MONTHLY, YEARLY = Offer(40 * M, 1, RATE), Offer(480 * M, 12, Rate("USD", Decimal(48_000)))


def use(n: int, used: int, unknown: int = 0, allowance: int | None = 40 * M) -> PeriodUse:
    """The month `n` months after November 2025."""
    year, month = divmod(2025 * 12 + 10 + n, 12)
    after = divmod(2025 * 12 + 11 + n, 12)
    period = Period(date(year, month + 1, 1), date(after[0], after[1] + 1, 1))
    return PeriodUse(period, allowance, used, unknown)


def uses(*used: int) -> list[PeriodUse]:
    return [use(n, calls * M) for n, calls in enumerate(used)]


YEAR = uses(30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 41, 42)


def months(*used: int) -> tuple[Month, ...]:
    return renewal(uses(*used), 40 * M).months


# --- the months -------------------------------------------------------------------------------
def test_it_holds_twelve_months_against_the_commitment() -> None:
    told = renewal([use(-1, 999 * M), *YEAR], 40 * M)
    assert (len(told.months), told.used, told.committed) == (12, 428 * M, 480 * M)
    assert (told.over, told.months_over) == (-52 * M, 2)
    assert told.p90 == pytest.approx(40.8 * M)
    assert told.largest and told.largest.use == YEAR[-1]


def test_it_counts_no_month_that_nobody_knows() -> None:
    told = renewal([*YEAR[:11], use(11, 5, unknown=3)], 40 * M)
    assert (len(told.months), len(told.known), told.used) == (12, 11, 386 * M)
    assert told.committed == 440 * M
    assert told.months[-1].over is None


def test_it_measures_months_before_the_contract_by_todays_allowance() -> None:
    told = renewal([use(0, 30 * M, allowance=None), use(1, 51 * M, allowance=50 * M)], 40 * M)
    assert [(row.allowance, row.own) for row in told.months] == [(40 * M, False), (50 * M, True)]
    assert (told.committed, told.months_over) == (90 * M, 1)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_it_tells_neither_p90_nor_growth_of_few_months(count: int) -> None:
    told = renewal(YEAR[:count], 40 * M)
    assert (told.p90, told.growth) == (None, None)
    assert (told.largest is None) == (count == 0)


# --- growth -----------------------------------------------------------------------------------
def steady(monthly: float, days: bool = True) -> list[PeriodUse]:
    """Months that grow evenly in calls a day."""
    found = [use(n, 0) for n in range(12)]
    return [
        PeriodUse(row.period, None, round(row.period.days * 1e6 * (1 + monthly) ** n))
        for n, row in enumerate(found)
    ]


@pytest.mark.parametrize("monthly", [0.02, 0.0, -0.05])
def test_it_finds_the_growth_of_even_months_whatever_their_length(monthly: float) -> None:
    told = growth(steady(monthly))
    assert told
    assert (told.monthly, told.low, told.high) == pytest.approx((monthly,) * 3, abs=1e-6)
    assert told.yearly == pytest.approx((1 + monthly) ** 12 - 1, abs=1e-5)


def test_it_is_moved_little_by_one_month_that_ran_away() -> None:
    wild = steady(0.02)
    wild[-1] = use(11, 10 * wild[-1].used)
    told = growth(wild)
    assert told
    assert told.monthly == pytest.approx(0.02, abs=0.005)


def test_it_passes_over_a_gap_without_taking_it_for_a_step() -> None:
    broken = steady(0.03)
    for n in (4, 5):
        broken[n] = use(n, 1, unknown=9)
    told = growth(broken)
    assert told
    assert told.monthly == pytest.approx(0.03, abs=1e-6)


def test_it_tells_no_growth_from_nothing() -> None:
    assert growth(uses(0, 0, 0, 4, 5, 6)) is None


def test_it_holds_the_true_growth_four_times_in_five() -> None:
    rolls, hits = random.Random(7), 0
    for _ in range(300):
        told = growth(
            [use(n, round(1e9 * 1.02**n * rolls.lognormvariate(0, 0.05))) for n in range(12)]
        )
        assert told
        hits += told.low <= 0.02 <= told.high
    assert 225 <= hits <= 285


@settings(max_examples=40)
@given(used=st.lists(st.integers(0, 10**12), max_size=14))
def test_it_never_tells_a_number_that_is_none(used: list[int]) -> None:
    told = renewal([use(n, calls) for n, calls in enumerate(used)], 40 * M)
    for value in (told.p90, told.growth and told.growth.monthly, told.growth and told.growth.high):
        assert value is None or (value == value and abs(value) < 1e300)


# --- offers -----------------------------------------------------------------------------------
def test_it_bills_each_month_under_a_monthly_offer() -> None:
    told = cost_under(MONTHLY, months(30, 42, 41))
    assert (told.cost, told.over, told.bills_over) == (Decimal(12_450), 3 * M, 2)
    assert told.worst
    assert (told.worst.first, told.worst.cost) == (date(2025, 12, 1), Decimal("4300.00"))


def test_it_bills_a_year_at_once() -> None:
    offer = Offer(400 * M, 12, Rate("USD", Decimal(40_000), Decimal(100), M))
    told = cost_under(offer, renewal(YEAR, 0).months)
    assert (told.cost, told.over, len(told.bills)) == (Decimal(42_800), 28 * M, 1)


def test_it_takes_the_share_of_a_year_that_is_known() -> None:
    offer = Offer(480 * M, 12, Rate("USD", Decimal(48_000), Decimal(100), M))
    told = cost_under(offer, months(30, 95))
    assert (told.cost, told.over) == (Decimal(12_500), 45 * M)


def test_it_has_no_cost_where_a_price_is_missing() -> None:
    bare = cost_under(Offer(40 * M, 1, Rate("USD", Decimal(4000))), months(41))
    assert (bare.cost, bare.worst, bare.over) == (None, None, M)
    assert cost_under(Offer(40 * M, 1, Rate()), months(30)).cost is None
    enough = cost_under(Offer(40 * M, 1, Rate("USD", Decimal(4000))), months(40))
    assert enough.cost == 4000


def test_it_costs_nothing_to_bill_no_month() -> None:
    told = cost_under(MONTHLY, ())
    assert (told.cost, told.worst) == (0, None)


def test_it_names_the_least_of_what_has_a_cost() -> None:
    rows = renewal(YEAR, 0).months
    costs = [cost_under(offer, rows) for offer in (MONTHLY, YEARLY, Offer(1, 1, Rate()))]
    assert [row.cost for row in costs] == [Decimal(48_450), Decimal(48_000), None]
    assert cheapest(costs) == 48_000
    assert cheapest(costs[2:]) is None


@pytest.mark.parametrize(
    ("kind", "months", "allowance"),
    [("month", 1, 60 * M), ("quarter", 3, 60 * M), ("year", 12, 60 * M)],
)
def test_it_takes_the_terms_of_the_day_as_the_present_offer(
    kind: str, months: int, allowance: int
) -> None:
    added = Amendment(date(2026, 11, 5), allowance=allowance, kind=kind, rate=RATE)
    terms = TERMS.__class__(**{**TERMS.__dict__, "amendments": (added,)})
    assert present(terms, NOVEMBER) == Offer(40 * M, 1, TERMS.rate)
    assert present(terms, date(2026, 11, 5)) == Offer(allowance, months, RATE)


def test_it_takes_a_term_by_its_months() -> None:
    ends = date(2028, 5, 1)
    terms = TERMS.__class__(**{**TERMS.__dict__, "kind": "term", "ends_on": ends})
    offer = present(terms, NOVEMBER)
    assert (offer.months, offer.name) == (18, "40M for 18 months")


# --- links ------------------------------------------------------------------------------------
def test_it_gives_back_the_offers_of_a_link() -> None:
    offers = (
        Offer(60 * M, 1, Rate("EUR", Decimal("5000.5"), Decimal("0.125"), 1_000)),
        Offer(480 * M, 12, Rate("EUR", Decimal(48_000))),
    )
    query = to_query(offers)
    assert query == "o=60000000:month:5000.5:0.125:1000&o=480000000:year:48000::1000000"
    assert from_query(f"add=offer&{query}&{query}", "EUR") == offers
    assert from_query("", "EUR") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is written"),
        ("40000000", "is written"),
        ("40000000:week:1::1000", "is written"),
        ("4e7:month:1::1000", "is written"),
        ("-1:month:1::1000", "is written"),
        ("٤٠:month:1::1000", "is written"),
        ("9" * 5_000 + ":month:1::1000", "is written"),
        ("0:month:1::1000", "An allowance lies between 1"),
        ("40:month:::1000", "An offer has a price"),
        ("40:month:NaN::1000", "A price lies between"),
        ("40:month:-1::1000", "A price lies between"),
        ("40:month:1e99:1:1000", "A price lies between"),
        ("40:month:1:Infinity:1000", "A price lies between"),
        ("40:month:1e-9::1000", "at most 4 digits"),
        ("40:month:1:1:7", "An overage is priced by"),
        ("40:month:x::1000", "is written"),
    ],
)
def test_it_refuses_an_offer_that_is_none(text: str, said: str) -> None:
    with pytest.raises(BadOffer, match=said):
        read(text, "USD")


def test_it_compares_so_many_and_no_more() -> None:
    with pytest.raises(BadOffer, match="At most 8"):
        from_query("&".join(f"o={n}:month:1::1000" for n in range(1, 10)), "USD")


def test_it_says_nothing_of_no_month() -> None:
    told = Renewal((), None, None)
    assert (told.used, told.committed, told.months_over, told.largest) == (0, 0, 0, None)


def test_it_dates_a_bill_by_its_days() -> None:
    [bill] = cost_under(Offer(1, 3, RATE), months(1, 2, 3)).bills
    assert (bill.first, bill.last + timedelta(days=1)) == (date(2025, 11, 1), date(2026, 2, 1))
