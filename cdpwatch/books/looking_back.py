"""The months behind a contract, whatever its periods are: what a renewal is judged by."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cdpwatch import budget, snapshot
from cdpwatch.budget.renewal import MONTHS
from cdpwatch.models import Contract

_MONTH = range(28, 32)  # days


def past_months(contract: Contract, terms: budget.Terms, today: date) -> list[budget.PeriodUse]:
    """Whole months before that of `today`, oldest first.

    Of a contract by quarter, year or term, and where an amendment cut one of the last months
    short, they are calendar months, each with its days' share of the allowance.
    """
    uses = snapshot.past_uses(contract, terms, today)
    held = budget.period_at(terms, today)
    if all(use.days in _MONTH for use in (held, *(use.period for use in uses[-MONTHS:]))):
        return uses
    plain = replace(terms, kind="month", cycle_day=1, ends_on=None, amendments=(), anchor=None)
    found = snapshot.past_periods(
        plain, snapshot.contract_days(contract, date.min), snapshot.contract_months(contract), today
    )
    return [
        budget.PeriodUse(past.period, _share(terms, past.period), past.used, past.unknown_days)
        for past in reversed(found)
    ]


def _share(terms: budget.Terms, month: budget.Period) -> int | None:
    """What the contract's periods allow to the days of a calendar month."""
    share, day = 0.0, month.start
    while day < month.end:
        period = budget.period_at(terms, day)
        allowance = budget.allowance_of(terms, period)
        if allowance is None:
            return None
        end = min(period.end, month.end)
        share += allowance * (end - day).days / period.days
        day = end
    return round(share)
