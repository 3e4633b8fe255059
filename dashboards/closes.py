"""The months of a contract, and one of them: what was used, closed, billed and changed since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cdpwatch import books, budget, contracts, snapshot
from cdpwatch.budget import closing, invoices
from cdpwatch.budget.shares import Shares, folded
from cdpwatch.models import Contract, Invoice, MonthClose, Workspace

LISTED = 50  # sources on the page; the files have them all
FIRST_YEAR = 2000  # before it nobody billed a call


@dataclass(frozen=True)
class MonthRow:
    """One period of the list; `row` is its close, if it is closed."""

    use: budget.PeriodUse
    row: MonthClose | None
    restated: int  # days that are billed differently now
    restated_calls: int

    @property
    def over(self) -> int | None:
        return None if self.use.allowance is None else self.use.used - self.use.allowance


def month_rows(contract: Contract, terms: budget.Terms, today: date) -> list[MonthRow]:
    """Whole periods, newest first."""
    billed = {d: n.calls for d, n in snapshot.contract_days(contract, date.min).items()}
    closed = {row.period_start: row for row in contract.closes.filter(reopened_at=None)}
    return [
        _month_row(use, closed.get(use.period.start), billed)
        for use in reversed(books.past_uses(contract, terms, today))
    ]


def _month_row(
    use: budget.PeriodUse, row: MonthClose | None, billed: dict[date, int | None]
) -> MonthRow:
    if row is None:
        return MonthRow(use, None, 0, 0)
    kept = closing.from_json(row.numbers)
    found = closing.restatements(kept, billed)
    use = budget.PeriodUse(kept.period, kept.allowance, kept.used, kept.coverage.unknown_days)
    return MonthRow(use, row, len(found), sum(day.calls for day in found))


@dataclass(frozen=True)
class Billed:
    """An invoice with its check; `last_day` is counted in."""

    invoice: Invoice
    check: invoices.Check

    @property
    def last_day(self) -> date:
        return self.invoice.period_end - timedelta(days=1)


@dataclass(frozen=True)
class Month:
    """One period. `numbers` are as they were frozen, or as a close would freeze them now."""

    span: budget.Period
    numbers: closing.Frozen
    running: bool
    closed: MonthClose | None
    intact: bool
    refusal: str  # why it cannot be closed, "" when it can
    gap: bool  # it can be closed by who accepts its unknown days
    restated: list[closing.Restatement]
    accrued: books.Accrued | None
    learning: str  # why nothing is projected
    history: list[MonthClose]
    billed: list[Billed]

    @property
    def sources(self) -> Shares:
        return folded(self.numbers.sources, LISTED)

    @property
    def restated_calls(self) -> int:
        return sum(day.calls for day in self.restated)


def month_of(workspace: Workspace, start: date, now: datetime) -> Month | None:
    """The period that begins with `start`; None where there is none that has begun."""
    contract = contracts.contract_of(workspace)
    if start.year < FIRST_YEAR or start > now.date():
        return None
    history = list(contract.closes.filter(period_start=start))
    closed = next((row for row in history if row.reopened_at is None), None)
    read = books.ledger_of(contract, start)
    if closed is None and read.span.start != start:
        return None
    numbers = closing.from_json(closed.numbers) if closed else books.frozen(read, now)
    span, today = numbers.period, now.date()
    running = span.holds(today)
    accrued, learning = _accrued(workspace, read, now) if running else (None, "")
    refusal = "" if closed else books.refusal(read, today)
    gap = bool(refusal) and not books.refusal(read, today, gaps_accepted=True)
    return Month(
        span=span,
        numbers=numbers,
        running=running,
        closed=closed,
        intact=closed is None or books.is_intact(closed),
        refusal=refusal,
        gap=gap,
        restated=books.restatements(closed) if closed else [],
        accrued=accrued,
        learning=learning,
        history=history,
        billed=_billed(contract, span),
    )


def _accrued(
    workspace: Workspace, read: books.Ledger, now: datetime
) -> tuple[books.Accrued | None, str]:
    state = snapshot.current(workspace, now).standing
    return books.accrued(read, None if state.learning else state.total, now.date()), state.learning


def _billed(contract: Contract, span: budget.Period) -> list[Billed]:
    rows = contract.invoices.filter(
        replaced_at=None, period_start__lt=span.end, period_end__gt=span.start
    )
    return [Billed(row, books.invoice_check(row)) for row in rows]
