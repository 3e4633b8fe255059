"""Renewal: twelve months against the commitment, their growth, what other terms would cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from .carry import PeriodUse
from .money import Rate, period_cost

MONTHS = 12
_ENDS = 3  # months at either end that growth is told from


@dataclass(frozen=True)
class Offer:
    """Terms to compare: an allowance a month or a year, at a rate."""

    name: str
    allowance: int
    kind: str  # "month" or "year"
    rate: Rate


@dataclass(frozen=True)
class OfferCost:
    """What the months would have cost under an offer; None where a price is missing."""

    offer: Offer
    cost: Decimal | None
    over: int  # calls above it, over all months
    months_over: int | None  # None of an allowance for the year


@dataclass(frozen=True)
class Renewal:
    """The last whole months, twelve at most, oldest first."""

    months: tuple[PeriodUse, ...]
    left_out: int  # of the last twelve, months that have unknown days
    used: int
    committed: int | None  # None where one of the months had no allowance
    months_over: int
    p90: float | None  # calls a month that nine of ten months stay below
    growth: float | None  # a month: 0.02 is two percent more each month
    offers: tuple[OfferCost, ...]


def renewal(past: Sequence[PeriodUse], offers: Sequence[Offer]) -> Renewal:
    """Look back over whole months, oldest first; months with unknown days tell nothing and are
    left out."""
    last = past[-MONTHS:]
    months = tuple(use for use in last if not use.unknown_days)
    used = [use.used for use in months]
    allowances = [use.allowance for use in months if use.allowance is not None]
    return Renewal(
        months=months,
        left_out=len(last) - len(months),
        used=sum(used),
        committed=sum(allowances) if len(allowances) == len(months) else None,
        months_over=sum(use.allowance is not None and use.used > use.allowance for use in months),
        p90=float(np.quantile(used, 0.9)) if len(used) >= _ENDS else None,
        growth=growth(used) if len(months) == len(last) else None,
        offers=tuple(_cost(offer, used) for offer in offers),
    )


def growth(used: Sequence[int]) -> float | None:
    """Growth a month, compounded, from the first three months to the last three.

    None with fewer than six months, or where the first three had no calls.
    """
    if len(used) < 2 * _ENDS:
        return None
    first, last = sum(used[:_ENDS]), sum(used[-_ENDS:])
    if not first:
        return None
    return float((last / first) ** (1 / (len(used) - _ENDS)) - 1)


def _cost(offer: Offer, used: Sequence[int]) -> OfferCost:
    """Of a year's offer, as many twelfths of price and allowance as there are months."""
    if offer.kind == "year":
        allowance = offer.allowance * len(used) // MONTHS
        whole = _year_cost(offer, allowance, used)
        return OfferCost(offer, whole, max(0, sum(used) - allowance), None)
    costs = [period_cost(offer.rate, offer.allowance, calls) for calls in used]
    known = [cost for cost in costs if cost is not None]
    return OfferCost(
        offer,
        sum(known, Decimal(0)) if len(known) == len(costs) else None,
        sum(max(0, calls - offer.allowance) for calls in used),
        sum(calls > offer.allowance for calls in used),
    )


def _year_cost(offer: Offer, allowance: int, used: Sequence[int]) -> Decimal | None:
    rate = offer.rate
    if rate.price is None:
        return None
    price = rate.price * len(used) / MONTHS
    over = period_cost(
        Rate(rate.currency, Decimal(0), rate.overage, rate.unit), allowance, sum(used)
    )
    return None if over is None else rate.rounded(price + over)
