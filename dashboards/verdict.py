"""The verdict: will the contract be crossed. One sentence, its badge and the numbers behind it.

The overview and the budget page show the same `live` texts, and the overview's refresh sends
them again under the same keys: what stays open cannot say anything else than what is opened.
"""

from __future__ import annotations

from datetime import date, datetime

from cdpwatch import budget, snapshot, wording
from cdpwatch.days import DAY, start_of
from dashboards import parts
from dashboards.doubts import doubts

STATES = {
    budget.Verdict.ON_TRACK: ("ok", "On track"),
    budget.Verdict.WATCH: ("warn", "Watch"),
    budget.Verdict.OVER: ("bad", "Over"),
    budget.Verdict.LEARNING: ("late", "Learning"),
    budget.Verdict.UNJUDGED: ("off", "Not judged"),
}
TOO_EARLY = "Too early"


def verdict(sheet: snapshot.Sheet) -> dict[str, object]:
    """Context of templates/components/_verdict.html and of the numbers below it."""
    state = sheet.standing
    badge_state, word = STATES[state.verdict]
    return {
        "state": state,
        "badge_state": badge_state,
        "badge_word": word,
        "live": texts(sheet),
        "used_percent": min(100.0, 100 * state.used / state.allowance) if state.allowance else 0,
        "even_percent": 100 * passed(state),
        "assumption": assumption(sheet),
        "allowance_of": allowance_of(sheet),
        "doubts": doubts(sheet),
        "present": present(sheet),
    }


def texts(sheet: snapshot.Sheet) -> dict[str, str]:
    """Every text of the verdict that changes with the counts, by its `data-live` key."""
    state = sheet.standing
    crosses, crosses_day, crosses_note = crossing(state, sheet.made_at.date())
    return {
        "headline": budget.headline(state),
        "pace": budget.pace(state),
        "outlook": outlook(sheet),
        "clock": clock(sheet),
        "used": wording.short(state.used),
        "of": of_allowance(sheet),
        "day": f"day {day_number(state)} of {state.period.days}",
        "allowed": wording.short(state.allowed_per_day),
        "rate": rate(state),
        "crosses": crosses,
        "crosses_day": crosses_day,
        "crosses_note": crosses_note,
        "ends": f"{state.period.title} ends at",
        "total": TOO_EARLY if state.learning else wording.short(state.total),
        "span80": state.learning
        or f"80% sure of {wording.span_of_calls(state.low80, state.high80)}",
        "spans": state.learning or spans(state),
        "chance": chance(state),
    }


def of_allowance(sheet: snapshot.Sheet) -> str:
    allowance = sheet.standing.allowance
    if not allowance:
        return ""
    return f"of {wording.short(allowance)} a {terms_now(sheet).kind}"


def terms_now(sheet: snapshot.Sheet) -> budget.Terms:
    """The terms as amended by the running day."""
    return budget.terms_at(sheet.terms, sheet.made_at.date())


def allowance_of(sheet: snapshot.Sheet) -> str:
    """Why this period may use another number than the contract says; "" where it may not."""
    state, told = sheet.standing, [budget.made_of(sheet.terms, sheet.period)]
    if state.carried:
        of = wording.short((state.allowance or 0) - state.carried)
        told.append(f"{wording.short(state.carried)} were carried over, on top of {of}.")
    return " ".join(text for text in told if text)


def passed(state: budget.Standing) -> float:
    """How much of the period is over, 0 to 1."""
    return 1 - state.days_left / state.period.days


def day_number(state: budget.Standing) -> int:
    return min(state.period.days, int(passed(state) * state.period.days) + 1)


def is_crossed(state: budget.Standing) -> bool:
    return state.allowance is not None and state.used > state.allowance


def chance(state: budget.Standing) -> str:
    """The chance of going over; what has happened is certain, whatever is projected."""
    if is_crossed(state):
        return "certain"
    if state.allowance is not None and state.learning:
        return TOO_EARLY
    return wording.chance(state.chance_over)


def rate(state: budget.Standing) -> str:
    if state.learning:
        return "too early to project"
    return f"projected {wording.short(state.pace_per_day)} a day"


def present(sheet: snapshot.Sheet) -> str:
    """now 1.3M a day: the mean of the known ones of the last seven whole days."""
    today, calls = sheet.made_at.date(), parts.calls_by_day(sheet)
    week = [today - n * DAY for n in range(1, 8)]
    known = [n for day in week if (n := calls.get(day, sheet.used_by_day.get(day))) is not None]
    return f"now {wording.short(sum(known) / len(known))} a day" if known else ""


def spans(state: budget.Standing) -> str:
    likely = wording.span_of_calls(state.low80, state.high80)
    return f"80% {likely}, 95% {wording.span_of_calls(state.low95, state.high95)}"


def crossing(state: budget.Standing, today: date) -> tuple[str, str, str]:
    """Title, day and note of "when is the contract crossed", past or to come."""
    period = state.period
    if state.allowance is None:
        return "Crosses the contract", "Not judged", state.uncovered
    limit = wording.short(state.allowance)
    if is_crossed(state):
        known = state.crosses_on is not None and state.crosses_on <= today
        return (
            f"Crossed {limit}",
            f"on {state.crossing}" if known else "Already",
            ("the contract is used up"),
        )
    if state.learning:
        return f"Crosses {limit}", TOO_EARLY, state.learning
    if state.crosses_on:
        return f"Crosses {limit}", f"on {state.crossing}", "on the median path"
    ends = f"{period.title} ends {wording.day(period.last_day)}"
    return f"Crosses {limit}", f"Not this {period.noun}", ends


def outlook(sheet: snapshot.Sheet) -> str:
    """The chance of going over, and what the total would be without the leaks that go on."""
    state, told = sheet.standing, []
    if state.chance_over is not None:
        told.append(f"Chance of going over: {chance(state)}.")
    if sheet.found and not state.learning:
        leaks = "leak" if len(sheet.found) == 1 else "leaks"
        without = wording.short(state.total - leaked(sheet))
        told.append(f"Without the open {leaks} it would be {without}.")
    return " ".join(told)


def leaked(sheet: snapshot.Sheet) -> int:
    """Calls of the period that its open leaks made and will make, if they are left."""
    return sum(leak.in_period + leak.to_end for leak in sheet.found)


def clock(sheet: snapshot.Sheet) -> str:
    """Up to when the numbers are billed and live, and when they were counted."""
    to, live_to = sheet.billed_to, sheet.live_to
    billed = f"Billed to {wording.day(to)}, 24:00 UTC" if to else "Nothing billed yet"
    live = f"{_live_for(sheet, live_to)} to {wording.moment(live_to)}" if live_to else ""
    return f"{billed}{live}. Counted {wording.moment(sheet.made_at)}."


def _live_for(sheet: snapshot.Sheet, live_to: datetime) -> str:
    """ ", plus live 12 h": how much of the time since the last bill is known from live volume."""
    if sheet.billed_to is None:
        return ", live"
    since = start_of(sheet.billed_to + DAY)
    return f", plus live {wording.length(live_to - since)}" if live_to > since else ", live"


def assumption(sheet: snapshot.Sheet) -> str:
    """What an unconfirmed contract takes for granted, with the evidence."""
    terms = terms_now(sheet)
    if terms.confirmed:
        return ""
    billed, months = snapshot.billed_in_months(sheet.months, sheet.made_at.date())
    evidence = budget.evidence(terms.allowance, billed, months)
    return f"{wording.short(terms.allowance)} a {terms.kind} is assumed. {evidence}"
