"""Renewal: twelve months against the commitment, how they grow, what other terms would cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import combinations
from math import ceil, expm1, floor, log, sqrt
from statistics import NormalDist, median

import numpy as np

from .carry import PeriodUse
from .offers import Offer
from .periods import MONTHS as KINDS
from .terms import Terms, end_of, terms_at

MONTHS = 12
FEWEST = 6  # whole months without which neither a P90 nor a growth is told
_TAIL = NormalDist().inv_cdf(0.9)  # of an interval that holds 80%
_DAYS = 365.2425 / 12  # of a month


# --- the months -------------------------------------------------------------------------------
@dataclass(frozen=True)
class Month:
    """One whole month; before the contract its allowance is a yardstick, today's."""

    use: PeriodUse
    allowance: int  # calls
    own: bool  # whether the contract covers it

    @property
    def over(self) -> int | None:
        """Calls above the allowance, negative below it; None where a day is unknown."""
        return None if self.use.unknown_days else self.use.used - self.allowance


@dataclass(frozen=True)
class Renewal:
    """The last whole months, twelve at most, oldest first. Sums are of those that are known."""

    months: tuple[Month, ...]
    p90: float | None  # calls a month that nine of ten months stay below
    growth: Growth | None

    @property
    def known(self) -> tuple[Month, ...]:
        """Months without an unknown day."""
        return tuple(month for month in self.months if not month.use.unknown_days)

    @property
    def used(self) -> int:
        return sum(month.use.used for month in self.known)

    @property
    def committed(self) -> int:
        return sum(month.allowance for month in self.known)

    @property
    def over(self) -> int:
        """Calls above what was committed, negative below it."""
        return self.used - self.committed

    @property
    def months_over(self) -> int:
        return sum(month.use.used > month.allowance for month in self.known)

    @property
    def largest(self) -> Month | None:
        return max(self.known, key=lambda month: month.use.used, default=None)


def renewal(past: Sequence[PeriodUse], yardstick: int) -> Renewal:
    """Look back over whole months, oldest first; `yardstick` judges those without an allowance."""
    months = tuple(
        Month(use, yardstick if use.allowance is None else use.allowance, use.allowance is not None)
        for use in past[-MONTHS:]
    )
    used = [month.use.used for month in months if not month.use.unknown_days]
    return Renewal(
        months,
        p90=float(np.quantile(used, 0.9)) if len(used) >= FEWEST else None,
        growth=growth([month.use for month in months]),
    )


# --- growth -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Growth:
    """Growth a month, compounded: 0.02 is two percent more each month. The interval holds 80%."""

    monthly: float
    low: float
    high: float

    @property
    def yearly(self) -> float:
        return float((1 + self.monthly) ** MONTHS - 1)


def growth(uses: Sequence[PeriodUse]) -> Growth | None:
    """The median growth between any two months, in calls a day, so that no February is a fall.

    One month that ran away moves it little. Months with unknown days are passed over; None with
    fewer than six others, or where one had no calls. Source of median and interval: Sen,
    Estimates of the regression coefficient based on Kendall's tau, JASA 63 (1968).
    """
    rates = [(n, use.used / use.period.days) for n, use in enumerate(uses) if not use.unknown_days]
    if len(rates) < FEWEST or min(rate for _, rate in rates) <= 0:
        return None
    slopes = sorted(
        (log(later) - log(rate)) / (m - n) for (n, rate), (m, later) in combinations(rates, 2)
    )
    count, months = len(slopes), len(rates)
    reach = _TAIL * sqrt(months * (months - 1) * (2 * months + 5) / 18)
    low = max(0, floor((count - reach) / 2) - 1)
    high = min(count - 1, ceil((count + reach) / 2))
    return Growth(expm1(median(slopes)), expm1(slopes[low]), expm1(slopes[high]))


# --- what other terms would cost --------------------------------------------------------------
@dataclass(frozen=True)
class Bill:
    """What one period of an offer would have cost; None where it takes a price nobody entered."""

    first: date
    last: date  # its last day
    over: int  # calls above the allowance
    cost: Decimal | None


@dataclass(frozen=True)
class OfferCost:
    """The months under an offer."""

    offer: Offer
    bills: tuple[Bill, ...]

    @property
    def cost(self) -> Decimal | None:
        costs = [bill.cost for bill in self.bills if bill.cost is not None]
        return sum(costs, Decimal(0)) if len(costs) == len(self.bills) else None

    @property
    def over(self) -> int:
        return sum(bill.over for bill in self.bills)

    @property
    def bills_over(self) -> int:
        return sum(bill.over > 0 for bill in self.bills)

    @property
    def worst(self) -> Bill | None:
        """The dearest bill, the last of equals; None where one has no cost."""
        if self.cost is None:
            return None
        return max(self.bills, key=lambda bill: (bill.cost, bill.first), default=None)


def cost_under(offer: Offer, months: Sequence[Month]) -> OfferCost:
    """Bill the known months, oldest first, by as many as the offer's allowance is for.

    The last bill of fewer months has their share of allowance and price. Nothing carries over.
    """
    uses = [month.use for month in months if not month.use.unknown_days]
    blocks = [uses[n : n + offer.months] for n in range(0, len(uses), offer.months)]
    return OfferCost(offer, tuple(_bill(offer, block) for block in blocks))


def _bill(offer: Offer, uses: Sequence[PeriodUse]) -> Bill:
    used = sum(use.used for use in uses)
    cost, over = offer.cost(used, len(uses))
    return Bill(uses[0].period.start, uses[-1].period.last_day, over, cost)


def cheapest(costs: Sequence[OfferCost]) -> Decimal | None:
    """The least cost of those that are known."""
    return min((told.cost for told in costs if told.cost is not None), default=None)


def present(terms: Terms, day: date) -> Offer:
    """The contract's own terms on a day, as an offer to compare others with."""
    held, end = terms_at(terms, day), end_of(terms)
    months = KINDS.get(held.kind)
    if months is None and end is not None:
        months = round((end - (held.anchor or held.starts_on)).days / _DAYS)
    return Offer(held.allowance, max(1, months or 1), held.rate)
