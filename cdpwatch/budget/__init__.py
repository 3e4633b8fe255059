"""Arithmetic of the contract: periods, what is used, what a day may still cost, what it costs.

Pure: terms, counts and a clock in, numbers and sentences out. Days are UTC days; a period is
[start, end).

    periods, terms   which days belong together, and what they may use
    standing, words  where a period stands, and how that is said
    money, carry     prices, overage, accrual; what is left over for the next period
    shares, reasons  parts of a total that add up to it; who moved, and why
    subbudgets       the same by app, environment, owner or label
    scenario, outlay what if, and what it comes to
    closing          what a month close freezes
    renewal, offers  twelve months against the commitment, and against other terms
    invoices         what Segment billed against what was counted
    inputs           what a projection was made from
"""

from .carry import Carried, PeriodUse, carried
from .inputs import Extra, Inputs, packed, series, unpacked
from .money import Accrual, Rate, accrual, cost_of, overage_cost, period_cost
from .periods import Period, usage_periods
from .standing import Standing, Verdict, standing, verdict, with_extra
from .terms import (
    KINDS,
    TERM,
    Amendment,
    CarryOver,
    Terms,
    allowance_of,
    covers,
    end_of,
    in_calendar_months,
    is_cut,
    period_after,
    period_at,
    period_before,
    pieces,
    rate_of,
    terms_at,
)
from .words import evidence, headline, made_of, pace, unconfirmed

__all__ = [
    "KINDS",
    "TERM",
    "Accrual",
    "Amendment",
    "Carried",
    "CarryOver",
    "Extra",
    "Inputs",
    "Period",
    "PeriodUse",
    "Rate",
    "Standing",
    "Terms",
    "Verdict",
    "accrual",
    "allowance_of",
    "carried",
    "cost_of",
    "covers",
    "end_of",
    "evidence",
    "headline",
    "in_calendar_months",
    "is_cut",
    "made_of",
    "overage_cost",
    "pace",
    "packed",
    "period_after",
    "period_at",
    "period_before",
    "period_cost",
    "pieces",
    "rate_of",
    "series",
    "standing",
    "terms_at",
    "unconfirmed",
    "unpacked",
    "usage_periods",
    "verdict",
    "with_extra",
]
