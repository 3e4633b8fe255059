"""What comes of a scenario: each span as it is and as it would be, in figures and in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.utils.safestring import SafeString, mark_safe

from cdpwatch import budget, snapshot, wording
from cdpwatch.books import whatif as scenarios
from cdpwatch.books.whatif import Outcome
from cdpwatch.budget.outlay import Outlay, outlay, whole_periods
from cdpwatch.forecast import Forecast
from dashboards import burn
from dashboards.charts import Burn, burn_svg
from dashboards.contract import money
from dashboards.templatetags.figures import moved
from dashboards.verdict import STATES, chance


@dataclass(frozen=True)
class Line:
    """One number now, and with the scenario; `difference` is "" where none can be told."""

    label: str
    now: str
    then: str
    difference: str = ""


@dataclass(frozen=True)
class Pictures:
    """The same chart for a desk and for a phone."""

    wide: SafeString
    narrow: SafeString


@dataclass(frozen=True)
class Span:
    """The lines of one span, its picture, and what is doubtful about them."""

    title: str
    lines: list[Line]
    notes: list[str]
    chart: Pictures | None


def sentence(sheet: snapshot.Sheet, outcomes: list[Outcome]) -> str:
    """Where the running period would end up."""
    running = next(row for row in outcomes if row.period == sheet.period)
    return budget.headline(standing(sheet, running, changed=True))


def standing(sheet: snapshot.Sheet, outcome: Outcome, *, changed: bool) -> budget.Standing:
    """Where the running period would stand, judged like the present one."""
    state = sheet.standing
    return budget.standing(
        sheet.terms,
        sheet.period,
        state.used,
        outcome.changed if changed else outcome.calm,
        sheet.made_at,
        state.verdict,
        state.unknown_days,
        state.carried,
    )


def span_of(sheet: snapshot.Sheet, outcome: Outcome, *, changed: bool) -> Span:
    if outcome.calm.learning:
        note = f"Too early to project, {outcome.calm.learning}: no figures until then."
        return Span(_title(sheet, outcome), [], [note], None)
    calm, then = outcome.calm, outcome.changed
    running = outcome.period == sheet.period
    totals = [each.quantile(0.5) for each in (calm, then)]
    both = [standing(sheet, outcome, changed=each) for each in (False, True)] if running else []
    if both:
        totals = [state.total for state in both]
    lines = [
        _calls("Ends at", *totals),
        Line("80% range", *(_range(each) for each in (calm, then))),
        *(_judged(both) if both else []),
        *_money(sheet, outcome),
    ]
    picture = chart(sheet, outcome) if changed else None
    return Span(_title(sheet, outcome), lines, _notes(sheet, outcome), picture)


def _title(sheet: snapshot.Sheet, outcome: Outcome) -> str:
    span = outcome.period
    if span == scenarios.calendar_year(span.start):
        return f"Year {span.start.year}"
    if span != sheet.period and span.days > 31:
        return f"Contract year to {wording.day(span.last_day)} {span.last_day.year}"
    return span.dated_title


def _calls(label: str, now: float, then: float) -> Line:
    return Line(label, wording.short(now), wording.short(then), str(moved(round(then - now))))


def _range(projected: Forecast) -> str:
    return wording.span_of_calls(projected.quantile(0.1), projected.quantile(0.9))


def _judged(both: list[budget.Standing]) -> list[Line]:
    """What the contract says of the running period."""
    return [
        Line("State", *(STATES[state.verdict][1] for state in both)),
        Line("Chance of over", *(chance(state) for state in both)),
        Line("Crosses the contract", *(_crossing(state) for state in both)),
        _calls("Calls a day to come", *(state.pace_per_day for state in both)),
    ]


def _crossing(state: budget.Standing) -> str:
    if state.allowance is None:
        return "not judged"
    return state.crossing if state.crosses_on else f"not this {state.period.noun}"


# --- money ------------------------------------------------------------------------------------
def _outlays(sheet: snapshot.Sheet, outcome: Outcome) -> tuple[Outlay, Outlay]:
    carried = sheet.standing.carried
    now, then = (
        outlay(sheet.terms, outcome.period, each, carried, sheet.period)
        for each in (outcome.calm, outcome.changed)
    )
    return now, then


def _money(sheet: snapshot.Sheet, outcome: Outcome) -> list[Line]:
    """Calls over the allowance and what they cost; money only where its price was entered."""
    now, then = _outlays(sheet, outcome)
    if not now.periods:
        return []
    currency = budget.rate_of(sheet.terms, sheet.period).currency
    amounts = (
        ("Worth at the contract’s rate", now.worth, then.worth),
        ("Price of the overage", now.overage, then.overage),
        ("Price with the overage", now.cost, then.cost),
    )
    return [
        _calls("Calls over the allowance", now.over, then.over),
        *(_amount(*row, currency) for row in amounts if row[1:] != (None, None)),
    ]


def _amount(label: str, now: Decimal | None, then: Decimal | None, currency: str) -> Line:
    more = "" if now is None or then is None else _signed(then - now, currency)
    return Line(label, money(now, currency), money(then, currency), more)


def _signed(amount: Decimal, currency: str) -> str:
    sign = "+" if amount > 0 else wording.MINUS if amount < 0 else ""
    return f"{sign}{money(abs(amount), currency)}"


# --- what is doubtful -------------------------------------------------------------------------
def _notes(sheet: snapshot.Sheet, outcome: Outcome) -> list[str]:
    notes = []
    if outcome.unknown_days:
        days = wording.plural(outcome.unknown_days, "past day")
        notes.append(f"{days} of it not known: estimated from the days that are.")
    if outcome.period != sheet.period:
        count = sum(1 for _ in whole_periods(sheet.terms, outcome.period))
        periods = wording.plural(count, "whole period")
        notes.append(
            f"Allowance and money are of the contract’s {periods} in it, each at its median."
            if count
            else "No whole period of the contract lies in it, so it is not judged."
        )
        if count and sheet.terms.carry_over:
            notes.append("What later periods may carry over is not counted.")
    return notes


# --- pictures ---------------------------------------------------------------------------------
def chart(sheet: snapshot.Sheet, outcome: Outcome) -> Pictures:
    """The span with the scenario's band, and behind it the median as it is."""
    days, running = burn.period_days(outcome.period), outcome.period == sheet.period
    billed = burn.cumulative(sheet.days, days, sheet.billed_to)
    picture = Burn(
        days=days,
        billed=billed,
        summary=_summary(sheet, outcome),
        live=burn.live_points(sheet, billed) if running else (),
        band=outcome.changed.path,
        allowance=sheet.standing.allowance if running else _allowance(sheet, outcome.period),
        previous=tuple(outcome.calm.path[0.5]),
        previous_label="As it is",
        marks=burn.marks_of(sheet) if running else (),
    )
    return Pictures(_svg(picture, 560, 260), _svg(picture, 360, 260))


def _summary(sheet: snapshot.Sheet, outcome: Outcome) -> str:
    now, then = (wording.short(each.quantile(0.5)) for each in (outcome.calm, outcome.changed))
    return f"{_title(sheet, outcome)}: {now} as it is, {then} with the scenario."


def _allowance(sheet: snapshot.Sheet, span: budget.Period) -> int | None:
    """Of all periods together, where they fill the span: else no line is that of the span."""
    periods = list(whole_periods(sheet.terms, span))
    if sum(period.days for period in periods) != span.days:
        return None
    return sum(budget.allowance_of(sheet.terms, period) or 0 for period in periods)


def _svg(picture: Burn, width: int, height: int) -> SafeString:
    return mark_safe(burn_svg(picture, width=width, height=height))  # it escapes every text
