"""Carry-over: what a period leaves unused, and the next one may use on top of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cdpwatch import wording

from .periods import Period
from .terms import CarryOver


@dataclass(frozen=True)
class PeriodUse:
    """What one whole period was allowed and used, in calls."""

    period: Period
    allowance: int | None  # its own, without what was carried in; None: it is not judged
    used: int
    unknown_days: int = 0


@dataclass(frozen=True)
class Carried:
    """Calls carried into a period; `why` says when nothing could be carried that may be there."""

    calls: int
    why: str = ""


def carried(rule: CarryOver | None, past: Iterable[PeriodUse]) -> Carried:
    """What the periods of `past`, oldest first, leave to the one after them.

    Carried calls add up from period to period, never above the cap. A period with unknown days
    may have used more than is known: it carries nothing on.
    """
    left = Carried(0)
    if rule is None:
        return left
    for use in past:
        left = _after(rule, use, left.calls)
    return left


def _after(rule: CarryOver, use: PeriodUse, calls: int) -> Carried:
    if use.allowance is None:
        return Carried(0)
    if use.unknown_days:
        days = wording.plural(use.unknown_days, "day")
        return Carried(0, f"{use.period.dated_title} has {days} unknown, so it carries nothing on.")
    unused = max(0, use.allowance + calls - use.used)
    return Carried(unused if rule.cap is None else min(unused, rule.cap))
