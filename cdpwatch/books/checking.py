"""Checks of the books: an invoice against what was counted, what an open period has accrued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from cdpwatch import budget, contracts, snapshot
from cdpwatch.budget import invoices
from cdpwatch.budget.shares import REST
from cdpwatch.models import Invoice
from cdpwatch.readings import DayCount

from .ledger import Ledger, source_table, sources_under


def invoice_check(invoice: Invoice) -> invoices.Check:
    """What Segment billed against what is counted now, by day and source."""
    contract = invoice.contract
    span = budget.Period(invoice.period_start, invoice.period_end)
    before = budget.Period(span.start - timedelta(days=span.days), span.start)
    days = snapshot.contract_days(contract, before.start)
    read = Ledger(contract, contracts.terms_of(contract), span, before, days)
    return invoices.check(
        invoice.calls,
        contracts.lines_of(invoice),
        _whole_days(days, span),
        {part.key: part.calls for part in source_table(read).parts if part.key != REST},
        dict(sources_under(contract).values_list("segment_id", "name")),
    )


def _whole_days(days: Mapping[date, DayCount], span: budget.Period) -> dict[date, int | None]:
    """Calls of every day; the share of a joint sum rounded so that the days add up to it."""
    calls = snapshot.shared(days)
    told = [span.start + timedelta(days=n) for n in range(span.days)]
    sums = [0.0]
    for day in told:
        sums.append(sums[-1] + (calls.get(day) or 0))
    steps = [round(end) - round(start) for start, end in pairwise(sums)]
    return {
        day: None if calls.get(day) is None else step for day, step in zip(told, steps, strict=True)
    }


@dataclass(frozen=True)
class Accrued:
    """What the running period has cost by the last billed day."""

    to: date  # the day, counted in
    days: int  # whole days of the period up to it
    used: int  # billed calls in them
    unknown_days: int  # of them, so that `used` is at least that
    allowance: int
    rate: budget.Rate
    accrual: budget.Accrual


def accrued(read: Ledger, projected: float | None, today: date) -> Accrued | None:
    """The accrual of the period of `read`, None before its first billed day or without terms.

    `projected` is the median of its total in calls, None while that is not known.
    """
    own = budget.allowance_of(read.terms, read.span)
    to = snapshot.billed_to(read.days, min(today, read.span.end))
    if own is None or to is None or not read.span.holds(to):
        return None
    used, days = read.billed(read.span), read.span.until(to) + 1
    calls = snapshot.shared(read.days)
    known = sum(calls.get(read.span.start + timedelta(days=n)) is not None for n in range(days))
    rate = budget.rate_of(read.terms, read.span)
    allowance = own + snapshot.carried_into(read.contract, read.terms, read.span).calls
    accrual = budget.accrual(rate, read.span, allowance, used, projected or used, days)
    if projected is None:
        accrual = budget.Accrual(accrual.committed, accrual.overage, None)
    return Accrued(to, days, used, days - known, allowance, rate, accrual)
