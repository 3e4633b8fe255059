"""Gap: two counts of the same calls no longer differ by what they usually differ.

A gap that stays is how the two sides count, and is for the Reconcile page; one that moves says
that calls began to be lost, doubled or kept back somewhere between the two. The same is true of
a vendor that saw nothing at all of many calls, where its number is a sign of life and no count.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from cdpwatch import wording
from cdpwatch.readings import Finding
from cdpwatch.reconciling import Pair, Trend, moved, silent

from .situation import Situation

MINUS = "\u2212"


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per pair whose newest settled day lies outside of what is usual."""
    for trend in moved(situation.compared, situation.now):
        yield _finding(trend)
    for pair, since in silent(situation.compared, situation.now):
        yield _nothing(pair, since)


def _finding(trend: Trend) -> Finding:
    pair, (day, share, covered) = trend.pair, trend.newest
    less = "fewer" if trend.calls < 0 else "more"
    calls = wording.short(abs(trend.calls))
    return Finding(
        fingerprint=f"gap:{pair.key}",
        kind="gap",
        severity="warning",
        title=f"{pair.subject}: “{pair.other.title}” drifts from “{pair.base.title}”",
        consequence=(
            f"On {wording.day(day)} it counted {calls} calls {less} than it usually would: "
            f"{_signed(share)} instead of {_signed(trend.usual)}."
        ),
        facts=(
            ("Since", wording.day(trend.since)),
            (pair.base.title, f"{wording.exact(pair.base_days[day])} calls, by {pair.base.clock}"),
            (
                pair.other.title,
                f"{wording.exact(pair.other_days[day])} calls, by {pair.other.clock}",
            ),
            ("Should have counted", f"{wording.exact(covered)} calls"),
            ("Usual", f"{_signed(trend.usual)}, median of {len(trend.days) - 1} days before"),
        ),
        data={
            "pair": pair.key,
            "day": day.isoformat(),
            "since": trend.since.isoformat(),
            "calls": trend.calls,
        },
    )


def _nothing(pair: Pair, since: date) -> Finding:
    day = max(pair.base_days.keys() & pair.other_days.keys())
    delivered = pair.base_days[day]
    return Finding(
        fingerprint=f"gap:{pair.key}",
        kind="gap",
        severity="warning",
        title=f"{pair.subject}: “{pair.other.title}” fell to zero",
        consequence=(
            f"On {wording.day(day)} it saw nothing, while Segment counted "
            f"{wording.short(delivered)} calls there: they may be lost."
        ),
        facts=(
            ("Since", wording.day(since)),
            (pair.base.title, f"{wording.exact(delivered)} calls, by {pair.base.clock}"),
            (pair.other.title, f"0, by {pair.other.clock}"),
        ),
        data={
            "pair": pair.key,
            "day": day.isoformat(),
            "since": since.isoformat(),
            "calls": -delivered,
        },
    )


def _signed(share: float) -> str:
    """+1.2%, −0.4%"""
    return f"{MINUS if share < 0 else '+'}{abs(100 * share):.1f}%"
