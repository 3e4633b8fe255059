"""Money of the contract: what calls cost, what an overage costs, what a month has accrued.

Amounts are Decimals in the contract's currency, rounded half up to its smallest coin. Parts of
an amount are rounded so that they add up to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from .periods import Period

UNITS = (1_000, 1_000_000)  # calls that an overage is priced by
# Digits after the point where they are not two. Source: ISO 4217, list one.
_DIGITS = {
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


@dataclass(frozen=True)
class Rate:
    """What the contract says of money; None where nobody has entered it."""

    currency: str = "USD"  # an ISO 4217 code
    price: Decimal | None = None  # of one period's allowance
    overage: Decimal | None = None  # of `unit` calls above it
    unit: int = 1_000_000  # one of UNITS

    def rounded(self, amount: Decimal) -> Decimal:
        return amount.quantize(_coin(self.currency), ROUND_HALF_UP)


def _coin(currency: str) -> Decimal:
    return Decimal(1).scaleb(-_DIGITS.get(currency, 2))


def overage_cost(rate: Rate, calls: float) -> Decimal | None:
    """What `calls` above the allowance cost; below it nothing. None: no price was entered."""
    if rate.overage is None:
        return None
    return rate.rounded(Decimal(max(0, round(calls))) * rate.overage / rate.unit)


def period_cost(rate: Rate, allowance: int, calls: float) -> Decimal | None:
    """What a period of `calls` costs: the price, and the overage where there is one.

    None where a price that this takes was not entered.
    """
    over = overage_cost(rate, calls - allowance) if calls > allowance else Decimal(0)
    return None if rate.price is None or over is None else rate.rounded(rate.price + over)


def cost_of(rate: Rate, allowance: int | None, calls: float) -> Decimal | None:
    """What `calls` are worth at the contract's rate: their share of the price of the allowance."""
    if rate.price is None or not allowance:
        return None
    return rate.rounded(rate.price * round(calls) / allowance)


def apportioned(rate: Rate, whole: Decimal, parts: Sequence[int]) -> list[Decimal]:
    """`whole`, an amount in whole coins, divided like `parts`, and adding up to it exactly.

    Each part is rounded down to a coin; the coins left over go to those that lost most.
    """
    total = sum(parts)
    if not total:
        return [Decimal(0) for _ in parts]
    coin = _coin(rate.currency)
    coins = int(whole / coin)
    shares = [divmod(coins * part, total) for part in parts]
    left = coins - sum(share for share, _ in shares)
    # With a negative total the rests are negative too: the largest loss is then the least rest.
    lost = sorted(range(len(parts)), key=lambda n: (-abs(shares[n][1]), n))
    given = set(lost[:left])
    return [(share + (n in given)) * coin for n, (share, _) in enumerate(shares)]


@dataclass(frozen=True)
class Accrual:
    """What an open period has cost by now, for the books."""

    committed: Decimal | None  # the price, by days that have passed
    overage: Decimal | None  # of the calls above the allowance so far
    expected: Decimal | None  # the whole period at the median of what is projected

    @property
    def total(self) -> Decimal | None:
        if self.committed is None or self.overage is None:
            return None
        return self.committed + self.overage


def accrual(
    rate: Rate, period: Period, allowance: int, used: int, projected: float, days: int
) -> Accrual:
    """Accrue `days` whole days of `period`: the price evenly by day, the overage as it happens.

    `used` is in calls up to the end of those days, `projected` the total of the whole period.
    """
    share = Decimal(min(days, period.days)) / period.days
    return Accrual(
        committed=None if rate.price is None else rate.rounded(rate.price * share),
        overage=Decimal(0) if used <= allowance else overage_cost(rate, used - allowance),
        expected=period_cost(rate, allowance, max(projected, used)),
    )
