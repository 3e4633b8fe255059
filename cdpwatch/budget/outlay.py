"""What a projected span comes to by the contract: calls over the allowance, and their money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from cdpwatch.forecast import Forecast

from .money import cost_of, overage_cost, period_cost
from .periods import Period
from .terms import Terms, allowance_of, covers, period_after, period_at, rate_of


@dataclass(frozen=True)
class Outlay:
    """The whole periods of a span at the median. Money is None where a price was not entered."""

    periods: int  # that the contract covers and the span holds; 0: the rest says nothing
    over: int  # calls above the allowance of each, added up
    overage: Decimal | None
    worth: Decimal | None  # of all calls at the contract's rate
    cost: Decimal | None  # the price, and the overage


def outlay(
    terms: Terms, span: Period, projected: Forecast, carried: int, running: Period
) -> Outlay:
    """Judge each period by itself: what one leaves over pays for no other.

    `carried` calls were left over into `running`; what later periods may carry is not counted.
    All periods have the currency of the last one, or money is not added up.
    """
    over, overage, worth, cost = 0, [], [], []
    rates = set()
    for period in whole_periods(terms, span):
        allowance, rate = allowance_of(terms, period) or 0, rate_of(terms, period)
        calls = _calls(projected, span, period)
        may_use = allowance + (carried if period == running else 0)
        rates.add(rate.currency)
        over += max(0, round(calls) - may_use)
        overage.append(overage_cost(rate, calls - may_use))
        worth.append(cost_of(rate, allowance, calls))
        cost.append(period_cost(rate, may_use, calls))
    one = len(rates) == 1
    return Outlay(len(cost), over, *(_sum(row) if one else None for row in (overage, worth, cost)))


def whole_periods(terms: Terms, span: Period) -> Iterator[Period]:
    """The contract's periods that lie in a span from their first day to their last."""
    period = period_at(terms, span.start)
    while period.end <= span.end:
        if period.start >= span.start and covers(terms, period):
            yield period
        period = period_after(terms, period)


def _calls(projected: Forecast, span: Period, period: Period) -> float:
    """Calls of a part of the span, on the median path."""
    path = (0.0, *projected.path[0.5])
    return path[span.until(period.end)] - path[span.until(period.start)]


def _sum(amounts: list[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None
