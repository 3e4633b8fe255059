"""The months of a contract, and one of them: what was used, closed, billed and changed since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from cdpwatch import books, budget, contracts, snapshot, wording
from cdpwatch.budget import closing, invoices
from cdpwatch.budget.shares import Shares, folded
from cdpwatch.models import Contract, Invoice, MonthClose, Workspace

LISTED = 50  # sources on the page; the files have them all
FIRST_YEAR = 2000  # before it nobody billed a call


@dataclass(frozen=True)
class Result:
    """What a period that is over used of its allowance, in calls; what is not known is None.

    With days unknown it used at least `used`: over it may be for sure, under it may not.
    """

    used: int | None
    allowance: int | None  # what is carried in included
    unknown_days: int
    taken: bool = False  # somebody has closed it and taken its number for whole

    @property
    def over(self) -> int | None:
        if self.used is None or self.allowance is None:
            return None
        over = self.used - self.allowance
        return over if over > 0 or self.taken or not self.unknown_days else None

    @property
    def state(self) -> str:
        if self.allowance is None:
            return "off"
        return "warn" if self.over is None else "bad" if self.over > 0 else "ok"

    @property
    def word(self) -> str:
        return {"off": "Not judged", "warn": "Not known", "bad": "Over", "ok": "Under"}[self.state]


@dataclass(frozen=True)
class MonthRow:
    """One period of the list; `row` is its close, if it is closed."""

    use: budget.PeriodUse  # its allowance with what is carried in
    row: MonthClose | None
    restated: int  # days that are billed differently now
    restated_calls: int

    @property
    def result(self) -> Result:
        use = self.use
        used = None if use.unknown_days >= use.period.days else use.used
        return Result(used, use.allowance, use.unknown_days, taken=self.row is not None)


def month_rows(contract: Contract, terms: budget.Terms, today: date) -> list[MonthRow]:
    """Whole periods, newest first."""
    billed = {d: n.calls for d, n in snapshot.contract_days(contract, date.min).items()}
    closed = {row.period_start: row for row in contract.closes.filter(reopened_at=None)}
    uses = books.past_uses(contract, terms, today)
    rows = [
        _month_row(_carried(terms, uses, n), closed.get(use.period.start), billed)
        for n, use in enumerate(uses)
    ]
    return rows[::-1]


def _carried(terms: budget.Terms, uses: list[budget.PeriodUse], n: int) -> budget.PeriodUse:
    """A period with what the ones before it leave to it."""
    use = uses[n]
    if use.allowance is None or terms.carry_over is None:
        return use
    carried = budget.carried(terms.carry_over, uses[:n]).calls
    return replace(use, allowance=use.allowance + carried)


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

    @property
    def percent(self) -> float | None:
        """The difference in percent of what was counted."""
        check = self.check
        return 100 * (check.calls or 0) / check.ours if check.ours else None


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
    assumed: bool  # nobody has confirmed its contract
    restated: list[closing.Restatement]
    accrued: books.Accrued | None  # None too of a closed one
    learning: str  # why nothing is projected
    history: list[MonthClose]
    billed: list[Billed]
    replaced: list[Invoice]

    @property
    def result(self) -> Result:
        kept = self.numbers
        unknown = kept.coverage.unknown_days
        used = None if self.known_days == 0 else kept.used
        return Result(used, kept.allowance, unknown, taken=self.closed is not None)

    @property
    def known_days(self) -> int:
        return self.numbers.coverage.days - self.numbers.coverage.unknown_days

    @property
    def headline(self) -> str:
        """November 2026 used 41.2M of 40M: 1.2M over."""
        title, result = self.span.dated_title, self.result
        if result.used is None:
            return f"{title}: no day of it has a billed number."
        least = "at least " if result.unknown_days and not (self.running or result.taken) else ""
        of = "" if result.allowance is None else f" of {wording.short(result.allowance)}"
        used = f"{least}{wording.short(result.used)}{of}"
        if self.running:
            return f"{title} has used {used} so far."
        if result.over is None:
            return f"{title} used {used}."
        side = "over" if result.over > 0 else "under"
        return f"{title} used {used}: {wording.short(abs(result.over))} {side}."

    @property
    def cost(self) -> Decimal | None:
        """What it comes to; a period that may have used more than is known has no cost yet."""
        return None if self.result.over is None else self.numbers.cost

    @property
    def why_no_cost(self) -> str:
        if self.numbers.allowance is None:
            return "no contract covers it"
        return "days are unknown" if self.result.over is None else "no price is entered"

    @property
    def joint_calls(self) -> int:
        """Calls that are known only as the sum of several days."""
        return self.numbers.used - sum(calls or 0 for calls in self.numbers.days.values())

    @property
    def stamp(self) -> str:
        """Of the numbers shown: what a close must find again."""
        if self.closed is not None:
            return self.closed.stamp
        return books.stamp_of(closing.to_json(self.numbers))

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
    accrued, learning = (None, "") if closed else _accrued(workspace, read, now)
    refusal = "" if closed else books.refusal(read, today)
    entered = list(_invoices(contract, span))
    gap = bool(refusal) and not books.refusal(read, today, gaps_accepted=True)
    return Month(
        span=span,
        numbers=numbers,
        running=running,
        closed=closed,
        intact=closed is None or books.is_intact(closed),
        refusal=refusal,
        gap=gap,
        assumed=not read.terms.confirmed,
        restated=books.restatements(closed) if closed else [],
        accrued=accrued,
        learning=learning,
        history=history,
        billed=[Billed(row, books.invoice_check(row)) for row in entered if not row.replaced_at],
        replaced=[row for row in entered if row.replaced_at],
    )


def _accrued(
    workspace: Workspace, read: books.Ledger, now: datetime
) -> tuple[books.Accrued | None, str]:
    """What an open period has accrued; of one that is over, what it used is what it comes to."""
    today = now.date()
    if not read.span.holds(today):
        whole = None if books.unknown_days(read) else float(read.billed(read.span))
        return books.accrued(read, whole, today), ""
    state = snapshot.current(workspace, now).standing
    return books.accrued(read, None if state.learning else state.total, today), state.learning


def _invoices(contract: Contract, span: budget.Period) -> QuerySet[Invoice]:
    """Those that bill a day of it, set aside or not."""
    return contract.invoices.filter(period_start__lt=span.end, period_end__gt=span.start)
