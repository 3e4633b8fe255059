"""Terms over time: amendments, cuts, what a period may use."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdpwatch import budget
from cdpwatch.budget import Amendment, Period, Rate, Terms
from tests.factories import TERMS

DAYS = st.dates(date(2024, 1, 1), date(2031, 12, 31))
KINDS = st.sampled_from(["month", "quarter", "year"])
CYCLE = st.integers(1, 31)
AMENDMENTS = st.lists(
    st.builds(
        Amendment,
        starts_on=st.dates(date(2026, 11, 2), date(2029, 12, 31)),
        allowance=st.none() | st.integers(1, 10**9),
        kind=st.none() | KINDS,
        cycle_day=st.none() | CYCLE,
        whole=st.booleans(),
    ),
    max_size=4,
    unique_by=lambda row: row.starts_on,
).map(lambda rows: tuple(sorted(rows, key=lambda row: row.starts_on)))
CONTRACTS = st.builds(
    Terms,
    allowance=st.integers(1, 10**9),
    kind=KINDS,
    cycle_day=CYCLE,
    starts_on=st.just(date(2026, 11, 1)),
    confirmed=st.just(True),
    ends_on=st.none() | st.dates(date(2030, 1, 1), date(2031, 6, 30)),
    amendments=AMENDMENTS,
)


@given(terms=CONTRACTS, day=DAYS)
def test_it_leaves_no_day_without_exactly_one_period(terms: Terms, day: date) -> None:
    period = budget.period_at(terms, day)
    assert period.holds(day)
    assert (
        budget.period_at(terms, period.start) == period == budget.period_at(terms, period.last_day)
    )
    assert budget.period_before(terms, period).end == period.start
    assert budget.period_after(terms, period).start == period.end


@pytest.mark.parametrize("kind", ["month", "quarter", "year"])
@pytest.mark.parametrize("cycle_day", range(1, 32))
def test_it_tiles_the_calendar_for_every_cycle_day(kind: str, cycle_day: int) -> None:
    terms = replace(TERMS, kind=kind, cycle_day=cycle_day)
    day = date(2027, 1, 1)
    while day < date(2030, 1, 1):
        period = budget.period_at(terms, day)
        assert period.holds(day)
        assert budget.period_before(terms, period).end == period.start
        day = period.end


@given(terms=CONTRACTS, day=DAYS)
def test_it_says_of_closed_days_what_it_said_before_a_later_amendment(
    terms: Terms, day: date
) -> None:
    period = budget.period_at(terms, day)
    later = Amendment(period.end + timedelta(days=1), allowance=7, kind="year", cycle_day=9)
    kept = [row for row in terms.amendments if row.starts_on < later.starts_on]
    known = replace(terms, amendments=tuple(kept))
    amended = replace(terms, amendments=(*kept, later))
    assert budget.period_at(amended, day) == budget.period_at(known, day)
    assert budget.allowance_of(amended, period) == budget.allowance_of(known, period)


def test_it_counts_quarters_from_the_month_of_the_contract() -> None:
    terms = replace(TERMS, kind="quarter", cycle_day=15)
    quarter = Period(date(2026, 11, 15), date(2027, 2, 15))
    assert budget.period_at(terms, date(2027, 1, 31)) == quarter
    assert (quarter.noun, quarter.name) == ("quarter", "the quarter to 14 Feb 2027")


def test_it_takes_a_term_for_one_period_with_months_around_it() -> None:
    terms = replace(TERMS, kind="term", ends_on=date(2028, 5, 15), allowance=800_000_000)
    term = Period(date(2026, 11, 1), date(2028, 5, 15))
    assert budget.period_at(terms, date(2027, 7, 7)) == term
    assert budget.allowance_of(terms, term) == 800_000_000
    assert budget.period_before(terms, term) == Period(date(2026, 10, 1), date(2026, 11, 1))
    after = budget.period_after(terms, term)
    assert after == Period(date(2028, 5, 15), date(2028, 6, 1))
    assert budget.allowance_of(terms, after) is None


NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))


def test_it_shares_an_allowance_that_changes_within_a_month_by_days() -> None:
    terms = replace(TERMS, amendments=(Amendment(date(2026, 11, 16), allowance=60_000_000),))
    assert budget.period_at(terms, date(2026, 11, 20)) == NOVEMBER
    assert budget.allowance_of(terms, NOVEMBER) == 50_000_000
    assert budget.made_of(terms, NOVEMBER) == (
        "50M: 40M from Sun 1 Nov, 60M from Mon 16 Nov, by days."
    )
    december = budget.period_after(terms, NOVEMBER)
    assert (budget.allowance_of(terms, december), budget.made_of(terms, december)) == (
        60_000_000,
        "",
    )


def test_it_lets_an_amendment_hold_for_the_whole_of_a_running_month() -> None:
    whole = Amendment(date(2026, 11, 16), allowance=60_000_000, whole=True)
    terms = replace(TERMS, amendments=(whole,))
    assert budget.allowance_of(terms, NOVEMBER) == 60_000_000
    assert budget.allowance_of(terms, budget.period_before(terms, NOVEMBER)) is None


def test_it_ends_a_period_on_the_day_on_which_the_cycle_changes() -> None:
    terms = replace(TERMS, amendments=(Amendment(date(2026, 11, 16), kind="year", cycle_day=16),))
    cut = Period(date(2026, 11, 1), date(2026, 11, 16))
    assert budget.period_at(terms, date(2026, 11, 3)) == cut
    assert budget.allowance_of(terms, cut) == 20_000_000
    assert budget.made_of(terms, cut) == "20M: the share of 40M that falls on 15 days."
    assert budget.period_after(terms, cut) == Period(date(2026, 11, 16), date(2027, 11, 16))


def test_it_covers_nothing_after_its_end_unless_an_amendment_extends_it() -> None:
    terms = replace(TERMS, ends_on=date(2026, 12, 1))
    december = Period(date(2026, 12, 1), date(2027, 1, 1))
    assert budget.allowance_of(terms, december) is None
    longer = Amendment(date(2026, 11, 20), ends_on=date(2027, 12, 1))
    assert budget.allowance_of(replace(terms, amendments=(longer,)), december) == 40_000_000


def test_it_shares_a_price_that_changes_within_a_month_by_days() -> None:
    old, new = Rate("EUR", Decimal(1000), Decimal(30)), Rate("EUR", Decimal(1600), Decimal(20))
    terms = replace(TERMS, rate=old, amendments=(Amendment(date(2026, 11, 21), rate=new),))
    assert budget.rate_of(terms, NOVEMBER) == Rate("EUR", Decimal("1200.00"), Decimal(20))
    assert budget.rate_of(terms, budget.period_after(terms, NOVEMBER)) == Rate(
        "EUR", Decimal("1600.00"), Decimal(20)
    )


def test_it_knows_when_its_periods_are_calendar_months() -> None:
    assert budget.in_calendar_months(TERMS)
    assert not budget.in_calendar_months(replace(TERMS, cycle_day=2))
    cut = Amendment(date(2026, 11, 16), kind="year")
    assert not budget.in_calendar_months(replace(TERMS, amendments=(cut,)))


def test_it_adds_to_the_allowance_what_was_carried_into_the_period() -> None:
    from tests.factories import NOW, make_forecast

    state = budget.standing(
        TERMS, NOVEMBER, 20_000_000, make_forecast(45e6), NOW, carried=6_000_000
    )
    assert (state.allowance, state.carried, state.verdict) == (46_000_000, 6_000_000, "on_track")


def test_it_says_that_nobody_has_confirmed_the_contract() -> None:
    assert budget.unconfirmed(TERMS) == ""
    assert budget.unconfirmed(replace(TERMS, confirmed=False)) == (
        "40M a month is assumed: nobody has confirmed it."
    )
