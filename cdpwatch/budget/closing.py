"""Month close: what is frozen of a period that is over, and what has changed since.

A close is a value of its own: later amendments, restatements or renames change nothing in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from cdpwatch import wording

from .money import Rate, period_cost
from .periods import Period
from .shares import Shares
from .subbudgets import Split
from .terms import Terms, covers

SCHEMA = 1  # of the frozen numbers; a reader knows every version that was ever written


@dataclass(frozen=True)
class Mover:
    """A part that changed much against the period before, and why, as far as is known."""

    label: str
    calls: int
    change: int
    reason: str


@dataclass(frozen=True)
class Coverage:
    """How much of the period is counted."""

    days: int
    unknown_days: int  # without a number, alone or in a joint sum
    joint_days: int  # known only in their sum
    sources: int  # with calls
    unexplained: int  # calls that no source explains


@dataclass(frozen=True)
class Frozen:
    """The numbers of a closed period, in calls and money, as they stood."""

    schema: int
    period: Period
    allowance: int | None  # what is carried in included
    carried: int
    used: int
    rate: Rate
    cost: Decimal | None  # the price, and the overage
    sources: Shares  # against the period before
    call_types: Shares
    sub_budgets: Split
    movers: tuple[Mover, ...]
    coverage: Coverage
    days: Mapping[date, int | None]

    @property
    def over(self) -> int | None:
        """Calls above the allowance; negative is what was left."""
        return None if self.allowance is None else self.used - self.allowance


def frozen(
    *,
    period: Period,
    allowance: int | None,
    carried: int,
    rate: Rate,
    sources: Shares,
    call_types: Shares,
    sub_budgets: Split,
    movers: tuple[Mover, ...],
    coverage: Coverage,
    days: Mapping[date, int | None],
) -> Frozen:
    """Freeze a period; what it used is the total of its sources. `allowance` is its own."""
    whole, used = None if allowance is None else allowance + carried, sources.total.calls
    return Frozen(
        schema=SCHEMA,
        period=period,
        allowance=whole,
        carried=carried,
        used=used,
        rate=rate,
        cost=None if whole is None else period_cost(rate, whole, used),
        sources=sources,
        call_types=call_types,
        sub_budgets=sub_budgets,
        movers=movers,
        coverage=coverage,
        days={day: days.get(day) for day in _days(period)},
    )


def to_json(close: Frozen) -> dict[str, Any]:
    """Plain JSON for a row; money as text, days as ISO dates."""
    told: dict[str, Any] = msgspec.to_builtins(close, str_keys=True)
    return told


def from_json(told: Mapping[str, Any]) -> Frozen:
    """What `to_json` wrote. Raises ValueError for numbers of another release."""
    if told.get("schema") != SCHEMA:
        raise ValueError(f"These numbers have schema {told.get('schema')}, not {SCHEMA}.")
    return msgspec.convert(told, Frozen, strict=False)


def refusal(
    terms: Terms,
    period: Period,
    today: date,
    days: Mapping[date, int | None],
    joint: Iterable[date],
    *,
    gaps_accepted: bool = False,
) -> str:
    """Why a period cannot be closed yet; "" when it can.

    `days` are billed calls; those of `joint` are known in their sum. With `gaps_accepted` somebody
    has seen that days are missing.
    """
    if not terms.confirmed:
        return "Nobody has confirmed the contract: a close would freeze an assumption."
    if not covers(terms, period):
        return f"The contract says nothing of {period.name}."
    if today < period.end:
        return f"{period.title} is not over: it ends with {wording.day(period.last_day)}."
    unknown = unknown_days(period, days, joint)
    if not unknown or gaps_accepted:
        return ""
    first = wording.day(unknown[0])
    return (
        f"{wording.plural(len(unknown), 'day')} of {period.name} have no billed number, {first} "
        "first: wait for it, or close with the gap."
    )


def unknown_days(
    period: Period, days: Mapping[date, int | None], joint: Iterable[date]
) -> list[date]:
    """Days of the period without a number, alone or in a joint sum."""
    known = {day for day, calls in days.items() if calls is not None} | set(joint)
    return [day for day in _days(period) if day not in known]


@dataclass(frozen=True)
class Restatement:
    """A day that says something else than when its period was closed."""

    day: date
    then: int | None
    now: int | None

    @property
    def calls(self) -> int:
        return (self.now or 0) - (self.then or 0)


def restatements(close: Frozen, days: Mapping[date, int | None]) -> list[Restatement]:
    """Days of a closed period whose billed calls have changed since.

    A day that is not known any more is no restatement.
    """
    changed = [(day, then, days.get(day)) for day, then in sorted(close.days.items())]
    return [
        Restatement(day, then, now) for day, then, now in changed if now is not None and now != then
    ]


def _days(period: Period) -> Sequence[date]:
    first = period.start.toordinal()
    return [date.fromordinal(first + n) for n in range(period.days)]
