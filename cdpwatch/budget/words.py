"""What the budget says, in sentences: consequence first, one interval each."""

from __future__ import annotations

from cdpwatch import wording

from .periods import Period
from .standing import Standing
from .terms import Terms, allowance_of, is_cut, pieces


def headline(state: Standing) -> str:
    """The verdict in one sentence, consequence first."""
    name = state.period.title
    if state.learning:
        used = wording.short(state.used)
        return f"{name}: {used} used so far, too early to say more ({state.learning})."
    ends = f"{name} ends at {wording.short(state.total)}"
    if state.allowance is None:
        return f"{ends}; {state.uncovered}, so there is no allowance to judge it by."
    if state.used > state.allowance:
        over = wording.short(state.used - state.allowance)
        total = wording.short(state.total)
        return f"The contract is used up: {over} over, and {state.period.name} ends at {total}."
    if state.total > state.allowance:
        crossing = f"; it crosses on {state.crossing}" if state.crosses_on else ""
        return (
            f"{ends}, {wording.short(state.total - state.allowance)} over the contract{crossing}."
        )
    return f"{ends}, {wording.short(state.allowance - state.total)} under the contract."


def pace(state: Standing) -> str:
    """25.8M of 40M used, 12 days left; at this pace 43.1M (41.8–44.6M), crossing on Sun 28 Nov."""
    of = "" if state.allowance is None else f" of {wording.short(state.allowance)}"
    left = wording.plural(max(1, round(state.days_left)), "day")
    text = f"{wording.short(state.used)}{of} used, {left} left"
    if state.unknown_days:
        text = f"{text}, {wording.plural(state.unknown_days, 'day')} unknown"
    if state.learning:
        return f"{text}; {state.learning}."
    span = wording.span_of_calls(state.low80, state.high80)
    text = f"{text}; at this pace {wording.short(state.total)} ({span})"
    if state.allowance is None or state.crosses_on is None:
        return f"{text}."
    verb = "crossed" if state.used > state.allowance else "crossing"
    return f"{text}, {verb} {wording.short(state.allowance)} on {state.crossing}."


def evidence(allowance: int, billed_a_year: int, months: int) -> str:
    """What the history says about "a month" or "a year", for whoever confirms the contract."""
    if not months:
        return "Nothing has been billed yet, so the history cannot tell a month from a year."
    monthly = billed_a_year / months
    looks = "monthly" if abs(monthly - allowance) < abs(12 * monthly - allowance) else "yearly"
    told = "month" if months == 1 else f"{months} months"
    return (
        f"The last {told} billed {wording.short(billed_a_year)}: "
        f"{wording.short(allowance)} looks {looks}."
    )


def made_of(terms: Terms, period: Period) -> str:
    """Why a period's allowance is not the contract's own; "" where it is.

    50M: 40M until Sat 14 Nov, 60M from then on, by days.
    """
    allowance, parts = allowance_of(terms, period), pieces(terms, period)
    if allowance is None or (len(parts) == 1 and not is_cut(terms, period)):
        return ""
    total = wording.short(allowance)
    if len(parts) == 1:
        of = wording.short(parts[0].allowance)
        return f"{total}: the share of {of} that falls on {wording.plural(period.days, 'day')}."
    told = [f"{wording.short(part.allowance)} from {wording.day(part.since)}" for part in parts]
    return f"{total}: {', '.join(told)}, by days."


def unconfirmed(terms: Terms) -> str:
    """What every page says while nobody has confirmed the contract; "" once somebody has."""
    if terms.confirmed:
        return ""
    return f"{wording.short(terms.allowance)} a {terms.kind} is assumed: nobody has confirmed it."
