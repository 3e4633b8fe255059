"""Offers: terms to compare at a renewal, written so short that several fit into a link."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl, urlencode

from cdpwatch import wording

from .money import UNITS, Rate, overage_cost
from .periods import MONTHS

MOST_OFFERS = 8
MOST_CALLS, MOST_MONEY = 10**12, 10**9  # of an allowance, of a price
DIGITS = 4  # after the point of a price, as the contract keeps them
PARAMETER = "o"


class BadOffer(ValueError):
    """The text says what is wrong with it."""


@dataclass(frozen=True)
class Offer:
    """An allowance, the months that it and its price are for, and the rate."""

    allowance: int  # calls
    months: int
    rate: Rate

    @property
    def name(self) -> str:
        """40M a month, 480M a year, 1.2M for 18 months"""
        kind = {months: kind for kind, months in MONTHS.items()}.get(self.months)
        of = f"a {kind}" if kind else f"for {self.months} months"
        return f"{wording.short(self.allowance)} {of}"

    def cost(self, used: int, months: int) -> tuple[Decimal | None, int]:
        """(cost, calls above the allowance) of `used` calls in some of its months.

        Fewer months than it is for have their share of price and allowance. None where it takes a
        price that nobody entered.
        """
        over = max(0, used - self.allowance * months // self.months)
        extra = overage_cost(self.rate, over) if over else Decimal(0)
        if self.rate.price is None or extra is None:
            return None, over
        return self.rate.rounded(self.rate.price * months / self.months + extra), over


def to_query(offers: Iterable[Offer]) -> str:
    """The offers as the query of a link: "o=40000000:month:4000:150:1000000&o=..."."""
    return urlencode([(PARAMETER, written(offer)) for offer in offers], safe=":")


def written(offer: Offer) -> str:
    kind = next(kind for kind, months in MONTHS.items() if months == offer.months)
    rate = offer.rate
    parts = (offer.allowance, kind, _plain(rate.price), _plain(rate.overage), rate.unit)
    return ":".join(str(part) for part in parts)


def _plain(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount.normalize():f}"


def from_query(query: str, currency: str) -> tuple[Offer, ...]:
    """The offers of a link, each once; other parameters are not looked at. Raises BadOffer."""
    texts = [value for key, value in parse_qsl(query, keep_blank_values=True) if key == PARAMETER]
    offers = tuple(dict.fromkeys(read(text, currency) for text in texts))
    if len(offers) > MOST_OFFERS:
        raise BadOffer(f"At most {MOST_OFFERS} offers are compared at once.")
    return offers


def read(text: str, currency: str) -> Offer:
    """One offer as `written`. Raises BadOffer."""
    try:
        calls, kind, price, overage, unit = text.split(":")
        offer = Offer(
            _whole(calls),
            MONTHS[kind],
            Rate(currency, _money(price), _money(overage), _whole(unit)),
        )
    except (ValueError, KeyError, InvalidOperation):
        raise BadOffer("An offer is written allowance:month:price:overage price:unit.") from None
    return checked(offer)


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MOST_CALLS)):
        raise ValueError(text[:20])
    return int(text)


def _money(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def checked(offer: Offer) -> Offer:
    """The offer, where it can be compared. Raises BadOffer."""
    if not 1 <= offer.allowance <= MOST_CALLS:
        raise BadOffer(f"An allowance lies between 1 and {wording.exact(MOST_CALLS)} calls.")
    if offer.rate.price is None:
        raise BadOffer("An offer has a price: without one there is nothing to compare.")
    if offer.rate.unit not in UNITS:
        raise BadOffer("An overage is priced by 1 000 or by 1 000 000 calls.")
    money = [amount for amount in (offer.rate.price, offer.rate.overage) if amount is not None]
    if not all(amount.is_finite() and 0 <= amount <= MOST_MONEY for amount in money):
        raise BadOffer(f"A price lies between 0 and {wording.exact(MOST_MONEY)}.")
    if any(round(amount, DIGITS) != amount for amount in money):
        raise BadOffer(f"A price has at most {DIGITS} digits after the point.")
    return offer
