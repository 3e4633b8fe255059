"""The contract's page, and the forms by which an admin enters, amends and withdraws its terms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from django.contrib import messages
from django.db import transaction
from django.forms import BaseForm, Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from cdpwatch import budget, contracts
from cdpwatch.models import Amendment, Contract, Role, Workspace
from dashboards import cards
from dashboards import contract as told
from dashboards.access import needs, person
from dashboards.context import the_workspace, visit
from dashboards.contract_forms import AmendmentForm, CoverForm, ReasonForm, TermsForm, after
from dashboards.contract_forms import last_before as last_day

T = TypeVar("T")
METHODS = ["GET", "HEAD", "POST"]
LATEST = 100  # notes and events on the page


@require_safe
def contract(request: HttpRequest) -> HttpResponse:
    seen, actor = visit(request), person(request)
    row, today = contracts.contract_of(seen.workspace), seen.now.date()
    amendments = list(row.amendments.all())
    terms = contracts.terms_of(row)
    return render(
        request,
        "budget/contract.html",
        {
            "now": seen.now,
            "contract": row,
            "facts": told.facts(terms, row, today),
            "amendments": [
                (amendment, told.amended(amendment), amendment.starts_on > today)
                for amendment in amendments
                if amendment.withdrawn_at is None
            ],
            "acts": told.history(list(row.entries.all()), amendments),
            "may_admin": actor.can(Role.ADMIN),
            "may_edit": actor.can(Role.EDITOR),
            **workspaces(row),
            **laid_over(row, terms, today),
        },
    )


def workspaces(row: Contract) -> dict[str, object]:
    return {
        "workspaces": list(row.workspaces.order_by("pk")),
        "free": contracts.coverable(row).exists(),
        "own": the_workspace(),
    }


def laid_over(row: Contract, terms: budget.Terms, today: date) -> dict[str, object]:
    """Sub-budgets, planned events and notes: what people lay over the terms."""
    allowance = budget.terms_at(terms, today).allowance
    pks = row.sub_budgets.filter(ended_at=None).values_list("pk", flat=True)
    made = dict(zip(pks, contracts.sub_budgets_of(row), strict=True))
    events = row.planned_events.filter(cancelled_at=None).select_related("source")
    return {
        "sub_budgets": told.sub_rows(made, contracts.members(row), allowance) if made else [],
        "events": [(event, last_day(event.ends_on)) for event in events.reverse()[:LATEST]],
        "notes": row.day_notes.filter(removed_at=None).reverse()[:LATEST],
    }


# --- what every form of the contract does -----------------------------------------------------
def sent(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def kept(form: BaseForm, keep: Callable[[], T]) -> T | None:
    """What `keep` made of a valid form; None with the reasons in the form."""
    if not form.is_valid():
        return None
    try:
        return keep()
    except contracts.Refused as refused:
        form.add_error(None, str(refused))
        return None


def ask(request: HttpRequest, form: BaseForm, title: str, button: str, **more: Any) -> HttpResponse:
    """The one page of all these forms."""
    context = {"form": form, "title": title, "button": button, **more}
    return render(request, "budget/contract_form.html", context)


# --- terms ------------------------------------------------------------------------------------
@require_http_methods(METHODS)
@needs(Role.ADMIN)
@transaction.atomic
def terms(request: HttpRequest) -> HttpResponse:
    """Enter the terms that the contract began with; what is sent is what is confirmed."""
    workspace, actor = the_workspace(), person(request)
    row = Contract.objects.select_for_update(of=("self",)).get(workspace=workspace)
    now, confirm = datetime.now(UTC), request.POST.get("act") == "confirm"
    form = terms_form(row, sent(request))
    entered = kept(form, lambda: enter_terms(form, confirm, actor.get_username(), now))
    if entered:
        messages.success(request, said_of(form, confirm))
        return redirect("budget-contract")
    evidence = cards.evidence(workspace, row, now.date())
    return ask(request, form, "Terms of the contract", "", why=evidence, terms=True)


def terms_form(row: Contract, data: QueryDict | None) -> TermsForm:
    newest = row.entries.last()
    initial = {"last_day": last_day(row.ends_on), "seen": newest.pk if newest else None}
    return TermsForm(data, instance=row, initial=initial)


def said_of(form: TermsForm, confirm: bool) -> str:
    if form.corrects:
        return "It is corrected. The terms are what they were."
    said = "confirmed" if confirm else "saved, and assumed until somebody confirms them"
    return f"The terms are {said}."


def enter_terms(form: TermsForm, confirm: bool, by: str, now: datetime) -> Contract:
    """Raises Refused, also where somebody else has entered terms since the form was opened."""
    row = form.save(commit=False)
    newest = row.entries.last()
    if newest and form.cleaned_data["seen"] != newest.pk:
        raise contracts.Refused(
            f"{newest.by or 'Somebody'} entered other terms meanwhile. Nothing is saved: open "
            "this page again and look at them first."
        )
    if form.corrects:  # whoever confirmed the terms has confirmed these
        return contracts.enter(row, by, now, "contract corrected")
    row.ends_on = after(form.cleaned_data["last_day"])
    row.confirmed_by, row.confirmed_at = (by, now) if confirm else ("", None)
    return contracts.enter(row, by, now, "contract confirmed" if confirm else "contract entered")


# --- amendments -------------------------------------------------------------------------------
@require_http_methods(METHODS)
@needs(Role.ADMIN)
def amend(request: HttpRequest) -> HttpResponse:
    """Fill in, see what it changes, then amend: what was seen is what is done."""
    row, actor = contracts.contract_of(the_workspace()), person(request)
    form, act = AmendmentForm(sent(request)), request.POST.get("act")
    why = "What is left empty stays as it is. Nothing is changed before you have seen what it does."
    if act != "change":
        shown = kept(form, lambda: previewed(row, form))
        if shown and act == "amend":
            by, now = actor.get_username(), datetime.now(UTC)
            if kept(form, lambda: contracts.amend(row, by=by, now=now, **fields_of(row, form))):
                since = told.dated(form.cleaned_data["starts_on"])
                messages.success(request, f"The contract is amended from {since}.")
                return redirect("budget-contract")
        elif shown:
            return render(request, "budget/contract_preview.html", {"form": form, **shown})
    return ask(request, form, "Amend the contract", "Show what it changes", why=why)


def fields_of(row: Contract, form: AmendmentForm) -> dict[str, Any]:
    held = budget.terms_at(contracts.terms_of(row), form.cleaned_data["starts_on"])
    return form.fields_of(held.rate)


def previewed(row: Contract, form: AmendmentForm) -> dict[str, object]:
    """What the amendment would change. Raises Refused as the amendment itself would."""
    fields = fields_of(row, form)
    changed = contracts.amended_terms(row, **fields)
    closed = contracts.last_closed(row)
    since = fields["starts_on"]
    return {
        "since": since,
        "what": told.amended(Amendment(**fields)),
        "rows": told.preview(contracts.terms_of(row), changed, since),
        "stays": told.stays(closed.period_end if closed else None),
    }


@require_http_methods(METHODS)
@needs(Role.ADMIN)
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    row = contracts.contract_of(the_workspace())
    amendment = get_object_or_404(row.amendments.filter(withdrawn_at=None), pk=pk)
    form, by = ReasonForm(sent(request)), person(request).get_username()
    since = told.dated(amendment.starts_on)

    def keep() -> bool:
        contracts.withdraw(amendment, by, datetime.now(UTC), form.cleaned_data["why"])
        return True

    if kept(form, keep):
        messages.success(request, f"The amendment from {since} is withdrawn.")
        return redirect("budget-contract")
    what = ", ".join(f"{label.lower()} {text}" for label, text in told.amended(amendment))
    why = f"It changes: {what}. Its row stays in the history; the terms go on without it."
    return ask(request, form, f"Withdraw the amendment from {since}?", "Withdraw it", why=why)


# --- workspaces -------------------------------------------------------------------------------
@require_http_methods(METHODS)
@needs(Role.ADMIN)
def cover(request: HttpRequest) -> HttpResponse:
    row, by = contracts.contract_of(the_workspace()), person(request).get_username()
    form = CoverForm(row, sent(request))

    def keep() -> Workspace:
        chosen: Workspace = form.cleaned_data["workspace"]
        contracts.cover(row, chosen, by)
        return chosen

    if covered := kept(form, keep):
        messages.success(request, f"{covered} is charged to the contract from now on.")
        return redirect("budget-contract")
    why = "Its calls count against the same allowance. A workspace has one contract at a time."
    return ask(request, form, "Put a workspace under the contract", "Put it under it", why=why)


@require_http_methods(METHODS)
@needs(Role.ADMIN)
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a workspace off the contract; not the one that these pages are of."""
    own, by = the_workspace(), person(request).get_username()
    row = contracts.contract_of(own)
    workspace = get_object_or_404(row.workspaces.exclude(pk=own.pk), pk=pk)
    form = Form(sent(request))

    def keep() -> bool:
        contracts.release(row, workspace, by, datetime.now(UTC))
        return True

    if kept(form, keep):
        messages.success(request, f"{workspace} is off the contract.")
        return redirect("budget-contract")
    why = (
        "None of its calls count against the allowance any more, those of the running period and "
        "of past ones that are not closed neither. It goes on under the same terms of its own, "
        "assumed until somebody confirms them; it can be put under the contract again."
    )
    return ask(request, form, f"Take {workspace} off the contract?", "Take it off", why=why)
