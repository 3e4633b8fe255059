"""What cannot be a contract, in sentences. Pure but for the shape of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from cdpwatch import budget, wording
from cdpwatch.budget.money import UNITS
from cdpwatch.models import Amendment, Contract
from cdpwatch.models.budget import Priced

_FIRST, _LAST = date(2000, 1, 1), date(2100, 1, 1)
_MOST_CALLS = 10**15
# More than this for a call is a slip of the unit: a call costs a fraction of a cent.
_DEAREST = Decimal(1)


def of_contract(row: Contract) -> Iterator[str]:
    """Sentences on what is wrong with the terms of `row`."""
    yield from _calls(row.allowance)
    yield from _cycle(row.period, row.cycle_day)
    yield from _span(row.starts_on, row.ends_on, "The contract")
    if row.period == budget.TERM and row.ends_on is None:
        yield "A contract for its whole term needs the day on which it ends."
    if row.carry_cap is not None and not (row.carries_over and row.carry_cap >= 0):
        yield "A cap goes with carry-over only, and is no less than zero."
    yield from _money(row, row.allowance)


def of_amendment(row: Amendment, terms: budget.Terms, closed_to: date | None) -> Iterator[str]:
    """Sentences on what is wrong with an amendment of `terms`; `closed_to` ends what is closed."""
    end = budget.end_of(terms)
    if row.starts_on <= terms.starts_on or (end and row.starts_on >= end):
        until = f" and before its end on {_day(end)}" if end else ""
        yield f"An amendment begins after the contract does on {_day(terms.starts_on)}{until}."
    if any(other.starts_on == row.starts_on for other in terms.amendments):
        yield f"There is an amendment from {_day(row.starts_on)} already: withdraw it first."
    if not (row.allowance is not None or row.period or row.cycle_day or row.ends_on or row.priced):
        yield "An amendment changes something."
    if row.whole and (row.allowance is None or row.period or row.cycle_day):
        yield "Only a new allowance of the same cycle can hold for the whole of a running period."
    yield from _calls(row.allowance)
    yield from _cycle(row.period or "month", row.cycle_day or 1)
    if row.ends_on is not None:
        yield from _span(row.starts_on, row.ends_on, "The amended contract")
    if row.priced:
        yield from _money(row, row.allowance or terms.allowance)
    yield from _closed(row, terms, closed_to)
    yield from _currency(row, terms)


def _closed(row: Amendment, terms: budget.Terms, closed_to: date | None) -> Iterator[str]:
    """A change never rewrites a closed month."""
    first = budget.period_at(terms, row.starts_on).start if row.whole else row.starts_on
    if closed_to is not None and first < closed_to:
        yield (
            f"Everything before {_day(closed_to)} is closed: an amendment begins then at the "
            "earliest, or the months are reopened first."
        )


def _currency(row: Amendment, terms: budget.Terms) -> Iterator[str]:
    held = budget.terms_at(terms, row.starts_on)
    start = budget.period_at(terms, row.starts_on).start
    if row.priced and row.currency != held.rate.currency and row.starts_on != start:
        yield f"The currency changes only where a period begins, such as on {_day(start)}."


def _calls(allowance: int | None) -> Iterator[str]:
    if allowance is not None and not 0 < allowance <= _MOST_CALLS:
        yield "An allowance lies between 1 and a thousand million million calls."


def _cycle(kind: str, day: int) -> Iterator[str]:
    if kind not in budget.KINDS:
        yield f"A period is one of {', '.join(budget.KINDS)}."
    if not 1 <= day <= 31:
        yield "A period begins on a day from 1 to 31."


def _span(start: date, end: date | None, what: str) -> Iterator[str]:
    if not _FIRST <= start < _LAST or (end is not None and end > _LAST):
        yield f"{what} lies between {_FIRST.year} and {_LAST.year}."
    if end is not None and end <= start:
        yield f"{what} ends on {_day(end)}, before it starts on {_day(start)}."


def _money(row: Priced, allowance: int) -> Iterator[str]:
    if not (row.currency.isascii() and row.currency.isalpha() and row.currency.isupper()):
        yield "A currency is written in three capitals, such as USD or EUR."
    if row.overage_unit not in UNITS:
        yield "An overage is priced by 1,000 or by 1,000,000 calls."
        return
    for name, price, calls in (
        ("price", row.price, allowance),
        ("overage price", row.overage_price, row.overage_unit),
    ):
        if price is not None and price < 0:
            yield f"A negative {name} is not a price."
        elif price is not None and calls and price / calls > _DEAREST:
            yield (
                f"The {name} comes to {price / calls:,.2f} {row.currency} a call: "
                "look at the amount and at the calls it is for."
            )


def _day(value: date) -> str:
    return f"{wording.day(value)} {value.year}"
