"""What Segment billed: entered on a month's page, corrected on a page of its own."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from cdpwatch import budget, contracts
from cdpwatch.contracts import Refused
from cdpwatch.models import Connection, Contract, Invoice, Role
from dashboards.access import needs, person
from dashboards.bills import InvoiceForm, again, fresh
from dashboards.context import the_workspace

from .months import found, page


@require_POST
@needs(Role.EDITOR)
def invoice(request: HttpRequest, day: str) -> HttpResponse:
    """Enter an invoice; its lines are compared on the month's page."""
    one, contract = found(day), contracts.contract_of(the_workspace())
    initial = fresh(one.span, one.numbers.rate.currency)
    form = InvoiceForm(one.span, initial, request.POST, sources=named(contract))
    if not form.is_valid():
        return page(request, one, invoice_form=form)
    try:
        row = contracts.enter_invoice(contract, **entered(request, form))
    except Refused as why:
        form.add_error(None, str(why))
        return page(request, one, invoice_form=form)
    messages.success(request, f"Invoice {row.number} is entered.")
    return redirect("budget-month", day)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Role.EDITOR)
def replace(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct an invoice, or set it aside; the row that was entered stays in the history."""
    contract = contracts.contract_of(the_workspace())
    row = get_object_or_404(contract.invoices.filter(replaced_at=None), pk=pk)
    month = budget.period_at(contracts.terms_of(contract), row.period_start)
    sent = request.POST if request.method == "POST" else None
    form, aside = (
        InvoiceForm(month, again(row), sent, sources=named(contract)),
        "aside" in request.POST,
    )
    if sent is not None and (aside or form.is_valid()):
        try:
            _replaced(request, row, None if aside else form)
            return redirect("budget-month", month.start)
        except Refused as why:
            form.add_error(None, str(why))
    told = {"form": form, "invoice": row, "month": month}
    return render(request, "budget/invoice.html", told)


@transaction.atomic
def _replaced(request: HttpRequest, row: Invoice, form: InvoiceForm | None) -> None:
    """Set `row` aside and enter what the form says; without a form nothing takes its place."""
    contracts.replace_invoice(row, person(request).get_username(), datetime.now(UTC))
    if form is not None:
        contracts.enter_invoice(row.contract, **entered(request, form))
    done = "set aside" if form is None else "corrected"
    messages.success(request, f"Invoice {row.number} is {done}.")


def entered(request: HttpRequest, form: InvoiceForm) -> dict[str, Any]:
    """What a valid form says, as `contracts.enter_invoice` takes it."""
    names = ("number", "calls", "lines", "amount", "currency", "note")
    told = {name: form.cleaned_data[name] for name in names}
    by, now = person(request).get_username(), datetime.now(UTC)
    return {**told, "period": form.period, "by": by, "now": now}


def named(contract: Contract) -> dict[str, str]:
    """Segment ids of the sources by id, and by name where one source has it."""
    sources = Connection.objects.sources().filter(workspace__contract=contract)
    rows = list(sources.values_list("segment_id", "name"))
    names = Counter(name for _, name in rows)
    ids = {name: key for key, name in rows if names[name] == 1}
    return {**ids, **{key: key for key, _ in rows}}
