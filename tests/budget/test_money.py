"""Prices, overage, accrual and carry-over: in money and calls."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdpwatch import budget
from cdpwatch.budget import CarryOver, Period, PeriodUse, Rate
from cdpwatch.budget.money import apportioned

NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
RATE = Rate("USD", Decimal(4000), Decimal(150), 1_000_000)
M = 1_000_000


def test_it_prices_the_overage_by_its_unit() -> None:
    assert budget.overage_cost(RATE, 2_500_000) == Decimal("375.00")
    assert budget.overage_cost(Rate("USD", None, Decimal("0.15"), 1_000), 2_500_000) == Decimal(
        "375"
    )
    assert budget.overage_cost(RATE, -5) == 0
    assert budget.overage_cost(Rate(), 5) is None


def test_it_costs_the_price_up_to_the_allowance_and_the_overage_above() -> None:
    assert budget.period_cost(RATE, 40 * M, 39 * M) == Decimal("4000.00")
    assert budget.period_cost(RATE, 40 * M, 42 * M) == Decimal("4300.00")
    no_overage = Rate("USD", Decimal(4000))
    assert budget.period_cost(no_overage, 40 * M, 39 * M) == Decimal("4000.00")
    assert budget.period_cost(no_overage, 40 * M, 42 * M) is None


def test_it_values_a_slice_at_the_contracts_rate() -> None:
    assert budget.cost_of(RATE, 40 * M, 1 * M) == Decimal("100.00")
    assert budget.cost_of(Rate("JPY", Decimal(4000)), 40 * M, 1_234_567) == Decimal("123")
    assert budget.cost_of(RATE, None, M) is budget.cost_of(Rate(), 40 * M, M) is None


@given(
    parts=st.lists(st.integers(-(10**6), 10**9), min_size=1, max_size=30),
    cents=st.integers(0, 10**9),
)
def test_it_divides_an_amount_into_parts_that_add_up(parts: list[int], cents: int) -> None:
    whole = Decimal(cents) / 100
    shares = apportioned(RATE, whole, parts)
    assert len(shares) == len(parts)
    assert sum(shares) == (whole if sum(parts) else 0)
    assert all(share == RATE.rounded(share) for share in shares)


def test_it_accrues_the_price_by_day_and_the_overage_as_it_happens() -> None:
    early = budget.accrual(RATE, NOVEMBER, 40 * M, 20 * M, 43e6, days=15)
    assert (early.committed, early.overage) == (Decimal("2000.00"), Decimal(0))
    assert (early.total, early.expected) == (Decimal("2000.00"), Decimal("4450.00"))
    over = budget.accrual(RATE, NOVEMBER, 40 * M, 42 * M, 41e6, days=30)
    assert (over.total, over.expected) == (Decimal("4300.00"), Decimal("4300.00"))


def test_it_accrues_nothing_that_has_no_price() -> None:
    assert budget.accrual(Rate(), NOVEMBER, 40 * M, 20 * M, 43e6, days=15).total is None


# --- carry-over -------------------------------------------------------------------------------
def use(used: int, month: int = 10, unknown: int = 0, allowance: int | None = 40 * M) -> PeriodUse:
    return PeriodUse(
        Period(date(2026, month, 1), date(2026, month + 1, 1)), allowance, used, unknown
    )


@pytest.mark.parametrize(
    ("cap", "used", "calls"),
    [
        (None, [30, 35], 15),
        (12, [30, 35], 12),
        (None, [30, 48], 2),
        (None, [30, 60], 0),
        (None, [60, 30], 10),  # an overage is paid, not carried
        (0, [30], 0),
        (None, [], 0),
    ],
)
def test_it_carries_over_what_is_left_up_to_the_cap(
    cap: int | None, used: list[int], calls: int
) -> None:
    rule = CarryOver(None if cap is None else cap * M)
    past = [use(n * M, month) for month, n in enumerate(used, 8)]
    assert budget.carried(rule, past).calls == calls * M


def test_it_carries_nothing_out_of_a_month_that_is_not_known() -> None:
    left = budget.carried(CarryOver(), [use(30 * M, 9), use(30 * M, 10, unknown=2)])
    assert (left.calls, left.why) == (
        0,
        "October 2026 has 2 days unknown, so it carries nothing on.",
    )
    assert budget.carried(CarryOver(), [use(1, allowance=None)]).calls == 0
    assert budget.carried(None, [use(1)]).calls == 0


@given(used=st.lists(st.integers(0, 10**8), max_size=12), cap=st.none() | st.integers(0, 10**8))
def test_it_never_carries_more_than_the_cap_or_what_was_allowed(
    used: list[int], cap: int | None
) -> None:
    calls = budget.carried(CarryOver(cap), [use(n) for n in used]).calls
    assert 0 <= calls <= (40 * M * len(used) if cap is None else cap)
