"""Why a part of the total moved, as far as the rows tell: the first reason that fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from cdpwatch import wording

from .periods import Period
from .shares import Part

_MAIN = 0.5  # of a change: an event that made this much of it is its reason


@dataclass(frozen=True)
class Evidence:
    """What is known of one part in the period."""

    first_day: date | None = None  # on which it was ever counted
    last_day: date | None = None  # on which it was last counted
    leaks: tuple[str, ...] = ()  # "page calls since Thu 12 Nov"
    plans: tuple[str, ...] = ()  # names of planned events in the period
    events: tuple[Part, ...] = ()  # its events by name, as they moved


def reason(part: Part, evidence: Evidence, period: Period) -> str:
    """A sentence without its full stop, "" where nothing tells: 'new since Thu 12 Nov'."""
    first, last, change = evidence.first_day, evidence.last_day, part.change or 0
    if change > 0 and first is not None and period.holds(first):
        return f"new since {wording.day(first)}"
    if change < 0 and last is not None and last < period.last_day:
        return f"no calls since {wording.day(last)}"
    if change > 0 and evidence.leaks:
        return f"leak: {', '.join(evidence.leaks)}"
    if evidence.plans:
        return f"planned: {', '.join(evidence.plans)}"
    return _by_event(change, evidence.events)


def _by_event(change: int, events: Sequence[Part]) -> str:
    """The event that made most of the change."""
    same = [event for event in events if (event.change or 0) * change > 0]
    top = max(same, key=lambda event: abs(event.change or 0), default=None)
    if top is None or abs(top.change or 0) < _MAIN * abs(change):
        return ""
    sign = "+" if change > 0 else "-"
    return f"{wording.one_line(top.label)} {sign}{wording.short(abs(top.change or 0))}"
