"""The contract as its page tells it: terms now, who entered what, what a change would do.

Pure but for `history`, which reads the rows that it is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from cdpwatch import budget, wording
from cdpwatch.budget import Period, Rate, Terms
from cdpwatch.budget.subbudgets import UNASSIGNED, Member, SubBudget, homes
from cdpwatch.models import Amendment, Contract, ContractEntry

NOT_ENTERED = "not entered"
SHOWN_PERIODS = 5  # of what an amendment changes
KINDS = {"month": "month", "quarter": "quarter", "year": "year", "term": "whole term"}
LABELS = {
    "allowance": "Allowance",
    "period": "Period",
    "cycle_day": "Cycle day",
    "starts_on": "First day",
    "ends_on": "Last day",
    "carries_over": "Carry-over",
    "carry_cap": "Carry-over cap",
    "currency": "Currency",
    "price": "Price",
    "overage_price": "Overage price",
    "overage_unit": "Overage unit",
    "purchase_order": "Purchase order",
    "cost_centre": "Cost centre",
    "confirmed_at": "Confirmed",
}


# --- words ------------------------------------------------------------------------------------
def dated(day: date) -> str:
    """Fri 1 Jan 2027"""
    return f"{wording.day(day)} {day.year}"


def money(amount: Decimal | None, currency: str) -> str:
    """4 000.00 USD, 0.125 EUR: with the digits that were entered, two at least."""
    if amount is None:
        return NOT_ENTERED
    digits = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{amount:,.{digits}f} {currency}".replace(",", wording.THIN_SPACE)


def overage(rate: Rate) -> str:
    if rate.overage is None:
        return NOT_ENTERED
    return f"{money(rate.overage, rate.currency)} for {wording.exact(rate.unit)} calls"


def cycle(terms: Terms, today: date) -> str:
    """Where periods begin; beyond day 28 what that means in shorter months."""
    if terms.kind == budget.TERM:
        return "one period from the first day to the last"
    short = ", in a shorter month on its last day" if terms.cycle_day > 28 else ""
    return f"on day {terms.cycle_day}{short}; next on {_starts(terms, today)}"


def _starts(terms: Terms, today: date) -> str:
    starts, day = [], today
    for _ in range(3):
        day = budget.period_at(terms, day).end
        starts.append(dated(day))
    return f"{', '.join(starts[:2])} and {starts[2]}"


def carry(terms: Terms) -> str:
    if terms.carry_over is None:
        return "unused calls are lost"
    if terms.carry_over.cap is None:
        return "unused calls go into the next period, all of them"
    return f"unused calls go into the next period, {wording.exact(terms.carry_over.cap)} at most"


def term(terms: Terms) -> str:
    end = budget.end_of(terms)
    until = f"to {dated(end - timedelta(days=1))}" if end else "with no end"
    return f"from {dated(terms.starts_on)} {until}"


def facts(terms: Terms, contract: Contract, today: date) -> list[tuple[str, str]]:
    """What holds today, amendments included: labels and texts."""
    held = budget.terms_at(terms, today)
    period = budget.period_at(terms, today)
    running = f"{period.dated_title}: {dated(period.start)} to {dated(period.last_day)}"
    made = budget.made_of(terms, period)
    return [
        ("Allowance", f"{wording.exact(held.allowance)} calls a {KINDS[held.kind]}"),
        ("Running period", f"{running}. {made}".strip()),
        ("Periods begin", cycle(terms if terms.amendments else held, today)),
        ("Term", term(terms)),
        ("Carry-over", carry(held)),
        ("Price of a period", money(held.rate.price, held.rate.currency)),
        ("Overage price", overage(held.rate)),
        ("Purchase order", contract.purchase_order or NOT_ENTERED),
        ("Cost centre", contract.cost_centre or NOT_ENTERED),
    ]


# --- history ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Change:
    label: str
    before: str  # "": it was not there
    after: str


@dataclass(frozen=True)
class Act:
    """Something that somebody did to the terms."""

    at: datetime
    by: str
    title: str
    changes: tuple[Change, ...] = ()
    note: str = ""


def history(entries: Sequence[ContractEntry], amendments: Iterable[Amendment]) -> list[Act]:
    """Every entry and amendment, newest first."""
    acts = [*_entered(entries), *(act for row in amendments for act in _amended(row))]
    return sorted(acts, key=lambda act: act.at, reverse=True)


def _entered(entries: Sequence[ContractEntry]) -> Iterator[Act]:
    before: Mapping[str, Any] = {}
    for entry in entries:
        found = tuple(changes(before, entry.terms))
        title = "Terms entered" if entry.by else "Assumed at the first start"
        yield Act(entry.at, entry.by or "cdpwatch", title, found if before else ())
        before = entry.terms


def _amended(row: Amendment) -> Iterator[Act]:
    what = tuple(Change(label, "", text) for label, text in amended(row))
    since = f"from {dated(row.starts_on)}"
    yield Act(row.entered_at, row.entered_by, f"Amended {since}", what, row.note)
    if row.withdrawn_at:
        title = f"Amendment {since} withdrawn"
        yield Act(row.withdrawn_at, row.withdrawn_by, title, note=row.withdrawn_why)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What differs between two entries, as `contracts.told` keeps them."""
    return [
        Change(label, _said(name, before.get(name)), _said(name, after.get(name)))
        for name, label in LABELS.items()
        if before.get(name) != after.get(name)
    ]


def _said(name: str, value: Any) -> str:
    if value in (None, ""):
        return {"ends_on": "no end", "carry_cap": "none", "confirmed_at": "no"}.get(
            name, NOT_ENTERED
        )
    if name in ("confirmed_at", "starts_on", "ends_on"):
        return _said_time(name, str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return wording.exact(value)
    return KINDS[value] if name == "period" and value in KINDS else str(value)


def _said_time(name: str, value: str) -> str:
    """A moment or a day of an entry; what is none (another release wrote it) as it stands."""
    try:
        if name == "confirmed_at":
            return wording.moment(datetime.fromisoformat(value))
        return dated(date.fromisoformat(value) - timedelta(days=name == "ends_on"))
    except ValueError:
        return value


def amended(row: Amendment) -> list[tuple[str, str]]:
    """What an amendment changes: labels and texts."""
    found = []
    if row.allowance is not None:
        span = ", for the whole of its first period" if row.whole else ""
        found.append(("Allowance", f"{wording.exact(row.allowance)} calls{span}"))
    if row.period:
        found.append(("Period", KINDS[row.period]))
    if row.cycle_day:
        found.append(("Cycle day", str(row.cycle_day)))
    if row.ends_on:
        found.append(("Last day", dated(row.ends_on - timedelta(days=1))))
    if row.priced:
        rate = Rate(row.currency, row.price, row.overage_price, row.overage_unit)
        found += [("Price", money(rate.price, rate.currency)), ("Overage price", overage(rate))]
    return found


# --- what an amendment would do ---------------------------------------------------------------
@dataclass(frozen=True)
class PeriodChange:
    """A period under the amended terms, beside what it would be without the amendment."""

    period: Period
    span: str
    before: str
    after: str
    price_before: str
    price_after: str
    made_of: str

    @property
    def changed(self) -> bool:
        return (self.before, self.price_before) != (self.after, self.price_after)


def preview(before: Terms, after: Terms, since: date) -> list[PeriodChange]:
    """The period that an amendment falls into, and the next ones that the contract covers."""
    rows: list[PeriodChange] = []
    period = budget.period_at(after, budget.period_at(before, since).start)
    while len(rows) < SHOWN_PERIODS and budget.covers(after, period):
        rows.append(_compared(before, after, period))
        period = budget.period_after(after, period)
    return rows


def _compared(before: Terms, after: Terms, period: Period) -> PeriodChange:
    same = budget.period_at(before, period.start) == period
    old = budget.rate_of(before, period)
    new = budget.rate_of(after, period)
    return PeriodChange(
        period,
        span=f"{dated(period.start)} to {dated(period.last_day)}",
        before=_calls(budget.allowance_of(before, period)) if same else "another period",
        after=_calls(budget.allowance_of(after, period)),
        price_before=money(old.price, old.currency) if same else "another period",
        price_after=money(new.price, new.currency),
        made_of=budget.made_of(after, period),
    )


def _calls(allowance: int | None) -> str:
    return "not covered" if allowance is None else wording.exact(allowance)


def stays(closed_to: date | None) -> str:
    """What no amendment touches."""
    if closed_to is None:
        return "Days before it keep their terms. No period is closed yet."
    last = dated(closed_to - timedelta(days=1))
    return f"Days before it keep their terms, and the periods closed up to {last} stay."


# --- sub-budgets ------------------------------------------------------------------------------
@dataclass(frozen=True)
class SubRow:
    name: str
    allowance: int  # calls a period; of "Unassigned" what is left, below zero where none is
    sources: int
    pk: int | None = None  # None: "Unassigned"
    made: SubBudget | None = None


def sub_rows(
    made: Mapping[int, SubBudget], members: Iterable[Member], allowance: int
) -> list[SubRow]:
    """Every sub-budget, by the key of its row, and last what none has; they add up to `allowance`.

    In calls a period.
    """
    budgets = list(made.values())
    held = Counter(next(iter(homes(budgets, member)), UNASSIGNED) for member in members)
    left = allowance - sum(row.allowance for row in budgets)
    rows = [SubRow(row.name, row.allowance, held[row.name], pk, row) for pk, row in made.items()]
    return [*rows, SubRow(UNASSIGNED, left, held[UNASSIGNED])]


def unheard_of(made: SubBudget, members: Iterable[Member]) -> list[str]:
    """Values of a sub-budget that no source has: a slip of the pen, or something yet to come."""
    known = {value for member in members for value in member.values(made.by)}
    return [value for value in made.values if value not in known]


def choices(members: Sequence[Member], by: Sequence[str]) -> list[tuple[str, list[str]]]:
    """What a sub-budget can be for: the values that sources have, by kind."""
    return [
        (kind, sorted({value for member in members for value in member.values(kind)}))
        for kind in by
    ]
