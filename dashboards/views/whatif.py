"""The what-if page: the scenario is the address, so every one of them has a link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST, require_safe

from cdpwatch import budget, contracts, snapshot, wording
from cdpwatch.books import whatif as scenarios
from cdpwatch.books.whatif import Outcome, Traffic
from cdpwatch.budget.scenario import BadScenario, Change, from_query, to_query
from cdpwatch.forecast import Forecast
from cdpwatch.models import Role
from dashboards import burn
from dashboards.access import needs, person
from dashboards.charts import Burn, burn_svg
from dashboards.context import visit
from dashboards.contract import money
from dashboards.scenario_forms import LaunchForm, SliceForm, told
from dashboards.templatetags.figures import moved
from dashboards.verdict import STATES, chance

ADD = "add"  # the button of each form; its value is the form's name


@require_safe
def whatif(request: HttpRequest) -> HttpResponse:
    seen = visit(request)
    sheet = snapshot.current(seen.workspace, seen.now)
    contract = contracts.contract_of(seen.workspace)
    traffic = scenarios.recent(contract, sheet)
    refused, changes = _asked(request)
    forms = _forms(request, traffic, seen.now.date())
    chosen = next((form for form in forms.values() if form.is_bound), None)
    if chosen and chosen.is_valid() and not refused:
        try:
            return redirect(address(from_query(to_query([*changes, chosen.change()]))))
        except BadScenario as error:
            chosen.add_error(None, str(error))
    inputs = scenarios.inputs_now(seen.workspace, contract, seen.now)
    spans = dict.fromkeys((sheet.period, scenarios.calendar_year(seen.now.date())))
    outcomes = [scenarios.outcome(inputs, span, changes, traffic) for span in spans]
    return render(
        request,
        "budget/whatif.html",
        {
            **forms,
            "now": seen.now,
            "refused": refused,
            "query": to_query(changes),
            "cells": [value for _, value in parse_qsl(to_query(changes))],
            "link": address(changes),
            "changes": [Told(told(row, traffic), _without(changes, row)) for row in changes],
            "sentence": sentence(sheet, outcomes[0]) if changes else "",
            "spans": [span_of(sheet, outcome) for outcome in outcomes],
            "chart": chart(sheet, outcomes[0]) if changes else None,
            "learning": outcomes[0].calm.learning,
            "assumption": budget.unconfirmed(sheet.terms),
            "kept": contract.scenarios.all(),
            "may_keep": person(request).can(Role.EDITOR),
        },
        status=400 if refused else 200,
    )


@require_POST
@needs(Role.EDITOR)
def keep(request: HttpRequest) -> HttpResponse:
    """Keep a scenario under a name; either way back to its page."""
    seen = visit(request)
    contract = contracts.contract_of(seen.workspace)
    name, query = request.POST.get("name", ""), request.POST.get("query", "")
    try:
        row = contracts.keep_scenario(
            contract, name, query, person(request).get_username(), seen.now
        )
    except contracts.Refused as error:
        messages.error(request, str(error))
        return redirect(_again(query))
    messages.success(request, f"{row.name} is kept.")
    return redirect(_again(row.query))


def _again(query: str) -> str:
    try:
        return address(from_query(query))
    except BadScenario:
        return reverse("budget-whatif")


def address(changes: Sequence[Change]) -> str:
    here = reverse("budget-whatif")
    return f"{here}?{to_query(changes)}" if changes else here


def _asked(request: HttpRequest) -> tuple[str, tuple[Change, ...]]:
    """What is wrong with the address, else its changes."""
    try:
        return "", from_query(urlsplit(request.get_full_path()).query)
    except BadScenario as error:
        return str(error), ()


def _forms(
    request: HttpRequest, traffic: Traffic, today: date
) -> dict[str, SliceForm | LaunchForm]:
    """Both forms; the one that was sent is bound."""
    sent, first = request.GET.get(ADD), {"since": today}
    return {
        "slice_form": SliceForm(traffic, request.GET)
        if sent == "slice"
        else SliceForm(traffic, initial={**first, "percent": 0}),
        "launch_form": LaunchForm(request.GET) if sent == "launch" else LaunchForm(initial=first),
    }


@dataclass(frozen=True)
class Told:
    """A change of the scenario, and the address of the scenario without it."""

    text: str
    without: str


def _without(changes: Sequence[Change], gone: Change) -> str:
    return address([row for row in changes if row is not gone])


# --- what comes of it -------------------------------------------------------------------------
@dataclass(frozen=True)
class Line:
    """One number now, and with the scenario."""

    label: str
    now: str
    then: str


@dataclass(frozen=True)
class Span:
    """The lines of one span, and what is doubtful about them."""

    title: str
    lines: list[Line]
    difference: str
    note: str


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


def sentence(sheet: snapshot.Sheet, outcome: Outcome) -> str:
    return budget.headline(standing(sheet, outcome, changed=True))


def span_of(sheet: snapshot.Sheet, outcome: Outcome) -> Span:
    calm, then = outcome.calm, outcome.changed
    difference = "" if calm.learning else str(moved(round(outcome.difference)))
    lines = [
        Line("Ends at", *(_total(each.quantile(0.5), calm.learning) for each in (calm, then))),
        Line("80% range", *(_span(each, calm.learning) for each in (calm, then))),
    ]
    if outcome.period == sheet.period:
        lines += _judged(sheet, outcome)
    return Span(_title(outcome.period), lines, difference, _note(outcome))


def _title(span: budget.Period) -> str:
    whole = scenarios.calendar_year(span.start)
    return f"Year {span.start.year}" if span == whole else span.dated_title


def _total(calls: float, learning: str) -> str:
    return learning or wording.short(calls)


def _span(projected: Forecast, learning: str) -> str:
    return learning or wording.span_of_calls(projected.quantile(0.1), projected.quantile(0.9))


def _judged(sheet: snapshot.Sheet, outcome: Outcome) -> list[Line]:
    """What the contract says of both; the overage's cost only where a price was entered."""
    both = [standing(sheet, outcome, changed=changed) for changed in (False, True)]
    rate = budget.rate_of(sheet.terms, sheet.period)
    lines = [
        Line("State", *(STATES[state.verdict][1] for state in both)),
        Line("Chance of over", *(chance(state) for state in both)),
        Line("Crosses on", *(crossing(state) for state in both)),
        Line("Calls a day to come", *(wording.short(state.pace_per_day) for state in both)),
    ]
    costs = [
        money(budget.overage_cost(rate, state.total - state.allowance), rate.currency)
        for state in both
        if rate.overage is not None and state.allowance is not None
    ]
    return [*lines, Line("Price of the overage", *costs)] if costs else lines


def crossing(state: budget.Standing) -> str:
    if state.allowance is None:
        return "not judged"
    return state.crossing if state.crosses_on else f"not this {state.period.noun}"


def _note(outcome: Outcome) -> str:
    if not outcome.unknown_days:
        return ""
    days = wording.plural(outcome.unknown_days, "past day")
    return f"{days} of it not known: estimated from the days that are."


def chart(sheet: snapshot.Sheet, outcome: Outcome) -> burn.BurnPictures:
    """The burn with the scenario's band, and behind it the median as it is now."""
    now = burn.burn_of(sheet)
    picture = Burn(
        days=now.days,
        billed=now.billed,
        summary=sentence(sheet, outcome),
        live=now.live,
        band=None if outcome.calm.learning else outcome.changed.path,
        allowance=now.allowance,
        previous=tuple(outcome.calm.path[0.5]),
        previous_label="As it is",
        marks=now.marks,
    )
    return burn.BurnPictures(_svg(picture, 1120, 300), _svg(picture, 360, 260))


def _svg(picture: Burn, width: int, height: int) -> SafeString:
    return mark_safe(burn_svg(picture, width=width, height=height))  # it escapes every text
