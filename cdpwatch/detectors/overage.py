"""Overage: the running period is projected over its allowance, or is over it already.

The hysteresis is the verdict's own (`budget.verdict`), so page and alert never disagree.
"""

from __future__ import annotations

from collections.abc import Iterator

from cdpwatch import budget, wording
from cdpwatch.readings import Finding

from .situation import Situation


def find(situation: Situation) -> Iterator[Finding]:
    state = situation.standing
    if state.verdict != budget.Verdict.OVER or state.allowance is None:
        return
    period = state.period
    facts = [
        ("Used", f"{wording.short(state.used)} of {wording.short(state.allowance)}"),
        ("Projected", _projected(state)),
        ("Chance of over", wording.chance(state.chance_over)),
        ("Crossed on" if state.used > state.allowance else "Crosses on", state.crossing),
        ("Still allowed a day", wording.short(state.allowed_per_day)),
        ("Projected a day", wording.short(state.pace_per_day)),
    ]
    if not situation.terms.confirmed:
        facts.append(("Contract", f"assumed to be a {situation.terms.kind}; not confirmed yet"))
    yield Finding(
        fingerprint=f"overage:{period.start}",
        kind="overage",
        severity="critical",
        title=f"{period.title}: over the contract",
        consequence=f"{budget.headline(state)} {_days_left(state)}",
        facts=tuple(facts),
        data={
            "period_start": period.start.isoformat(),
            "used": state.used,
            "month_end": round(state.total),
            "allowance": state.allowance,
            "clock": wording.moment(situation.live_to),
        },
    )


def _projected(state: budget.Standing) -> str:
    span = wording.span_of_calls(state.low80, state.high80)
    return f"{wording.short(state.total)} ({span}, 80%)"


def _days_left(state: budget.Standing) -> str:
    return f"{wording.plural(max(1, round(state.days_left)), 'day')} left."
