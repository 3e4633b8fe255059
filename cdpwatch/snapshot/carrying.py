"""What earlier periods leave to the running one, where the contract lets calls carry over."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import Q

from cdpwatch import budget
from cdpwatch.budget import closing
from cdpwatch.models import Contract, MonthClose

from .counts import months_in, past_periods
from .known import contract_days, contract_days_known, contract_months


def past_uses(
    contract: Contract, terms: budget.Terms, today: date, at: datetime | None = None
) -> list[budget.PeriodUse]:
    """Whole periods before that of `today`, oldest first; closed ones as they were frozen.

    With `at`, as they were known and closed at that moment.
    """
    if at is None:
        days, months = contract_days(contract, date.min), contract_months(contract)
    else:
        days = contract_days_known(contract, at)
        months = months_in(days)
    found = past_periods(terms, days, months, today)
    uses = {
        past.period.start: budget.PeriodUse(
            past.period, past.allowance, past.used, past.unknown_days
        )
        for past in found
    }
    for row in contract.closes.filter(_closed(at), period_end__lte=today):
        uses[row.period_start] = _frozen(row)
    return [uses[start] for start in sorted(uses)]


def _closed(at: datetime | None) -> Q:
    if at is None:
        return Q(reopened_at=None)
    return Q(closed_at__lte=at) & (Q(reopened_at=None) | Q(reopened_at__gt=at))


def _frozen(row: MonthClose) -> budget.PeriodUse:
    kept = closing.from_json(row.numbers)
    own = None if kept.allowance is None else kept.allowance - kept.carried
    # Whoever closed it with a gap has taken its number for whole.
    return budget.PeriodUse(kept.period, own, kept.used)


def carried_into(
    contract: Contract, terms: budget.Terms, period: budget.Period, at: datetime | None = None
) -> budget.Carried:
    """What the periods before `period` leave to it."""
    if terms.carry_over is None:
        return budget.Carried(0)
    return budget.carried(terms.carry_over, past_uses(contract, terms, period.start, at))
