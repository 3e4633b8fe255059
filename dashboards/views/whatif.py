"""The what-if page: the scenario is the address, so every one of them has a link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from cdpwatch import budget, contracts, snapshot
from cdpwatch.books import whatif as scenarios
from cdpwatch.books.whatif import Traffic
from cdpwatch.budget.scenario import BadScenario, Change, from_query, read, to_query
from cdpwatch.models import Role
from dashboards import outcomes
from dashboards.access import needs, person
from dashboards.context import visit
from dashboards.scenario_forms import Rows, told
from dashboards.verdict import clock
from dashboards.views.laid_over import undoable


@require_safe
def whatif(request: HttpRequest) -> HttpResponse:
    """The scenario of the address; a form that was sent becomes one, where nothing is refused."""
    seen = visit(request)
    sheet = snapshot.current(seen.workspace, seen.now)
    contract, today = contracts.contract_of(seen.workspace), seen.now.date()
    traffic = scenarios.recent(contract, sheet)
    spans = scenarios.spans(sheet.terms, sheet.period, today)
    linked, refused = read(urlsplit(request.get_full_path()).query)
    rows = Rows(request.GET, linked, traffic, today)
    if rows.sent:
        linked, refused = rows.asked()
    changes, more = sifted(linked, traffic, max(span.last_day for span in spans))
    refused += more
    if rows.sent and not refused:
        return redirect(address(changes))
    if refused and not rows.sent:
        rows = Rows(request.GET, changes, traffic, today)
    inputs = scenarios.inputs_now(seen.workspace, contract, sheet, seen.now)
    found = [scenarios.outcome(inputs, span, changes, traffic) for span in spans]
    return render(
        request,
        "budget/whatif.html",
        {
            "now": seen.now,
            "clock": clock(sheet),
            "refused": refused,
            "rows": rows,
            "query": to_query(changes),
            "link": address(changes),
            "changes": [Told(told(row, traffic, today), _without(changes, row)) for row in changes],
            "sentence": outcomes.sentence(sheet, found) if changes else "",
            "spans": [outcomes.span_of(sheet, each, changed=bool(changes)) for each in found],
            "unpriced": sheet.terms.rate.price is None,
            "assumption": budget.unconfirmed(sheet.terms),
            "kept": contract.scenarios.filter(removed_at=None),
            "may_keep": person(request).can(Role.EDITOR),
        },
        status=400 if refused and not rows.sent else 200,
    )


def sifted(
    changes: Sequence[Change], traffic: Traffic, last: date
) -> tuple[tuple[Change, ...], list[str]]:
    """The changes of what there is, by the last day that is shown, and why others are left out."""
    kept, refused = [], []
    for change in changes:
        why = traffic.refusal(change) or scenarios.outside(change, last)
        if why:
            refused.append(f"{why} This change is left out.")
        else:
            kept.append(change)
    return tuple(kept), refused


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
    messages.success(request, undoable(f"{row.name} is kept.", "scenarios", row.pk))
    return redirect(_again(row.query))


def _again(query: str) -> str:
    try:
        return address(from_query(query))
    except BadScenario:
        return reverse("budget-whatif")


def address(changes: Sequence[Change]) -> str:
    here = reverse("budget-whatif")
    return f"{here}?{to_query(changes)}" if changes else here


@dataclass(frozen=True)
class Told:
    """A change of the scenario, and the address of the scenario without it."""

    text: str
    without: str


def _without(changes: Sequence[Change], gone: Change) -> str:
    return address([row for row in changes if row is not gone])
