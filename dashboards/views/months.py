"""The months: their list, one of them, its close, its invoice check, and all of it as files."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

from django.contrib import messages
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from cdpwatch import books, contracts, snapshot
from cdpwatch.contracts import Refused
from cdpwatch.models import Connection, Contract, Invoice, Role
from cdpwatch.sheets import Table, xlsx
from dashboards.access import needs, person
from dashboards.bills import CloseForm, InvoiceForm, ReopenForm
from dashboards.closes import Month, month_of, month_rows
from dashboards.context import the_workspace, visit
from dashboards.month_tables import as_csv, months_table, tables

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
WHOLE = "month"  # the workbook of all tables


@require_safe
def months(request: HttpRequest) -> HttpResponse:
    seen = visit(request)
    contract = contracts.contract_of(seen.workspace)
    rows = month_rows(contract, contracts.terms_of(contract), seen.now.date())
    sheet = snapshot.current(seen.workspace, seen.now)
    told = {"now": seen.now, "rows": rows, "sheet": sheet, "contract": contract}
    return render(request, "budget/months.html", told)


@require_safe
def months_file(request: HttpRequest, form: str) -> HttpResponse:
    now = datetime.now(UTC)
    contract = contracts.contract_of(the_workspace())
    rows = month_rows(contract, contracts.terms_of(contract), now.date())
    return as_file([months_table(rows)], "months", form, now.date())


@require_safe
def month(request: HttpRequest, day: str) -> HttpResponse:
    return page(request, found(day))


@require_safe
def month_print(request: HttpRequest, day: str) -> HttpResponse:
    """The month on paper: every day and its tables, without anything to click."""
    told = {"month": found(day), "now": datetime.now(UTC)}
    return render(request, "budget/print_month.html", told)


@require_safe
def month_file(request: HttpRequest, day: str, table: str, form: str) -> HttpResponse:
    """One table as CSV, or all of them as a workbook."""
    one = found(day)
    made = tables(one)
    if form == "xlsx" and table == WHOLE:
        return as_file(list(made.values()), WHOLE, form, one.span.start)
    if table not in made:
        raise Http404("There is no such table.")
    return as_file([made[table]], table, form, one.span.start)


def as_file(made: list[Table], name: str, form: str, day: date) -> HttpResponse:
    if form not in TYPES:
        raise Http404("There is no such file.")
    content = xlsx(made) if form == "xlsx" else as_csv(made[0])
    response = HttpResponse(content, content_type=TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="cdpwatch-{name}-{day}.{form}"'
    return response


@require_POST
@needs(Role.EDITOR)
def close(request: HttpRequest, day: str) -> HttpResponse:
    one, form, contract = found(day), CloseForm(request.POST), _contract()
    if not form.is_valid():
        return page(request, one, close_form=form)
    by, now = person(request).get_username(), datetime.now(UTC)
    note, gaps = form.cleaned_data["note"], form.cleaned_data["gaps"]
    try:
        books.close(contract, one.span.start, by, now, note=note, gaps_accepted=gaps)
    except Refused as why:
        form.add_error(None, str(why))
        return page(request, one, close_form=form)
    messages.success(request, f"{one.span.dated_title} is closed.")
    return redirect("budget-month", day)


@require_POST
@needs(Role.EDITOR)
def reopen(request: HttpRequest, day: str) -> HttpResponse:
    one, form = found(day), ReopenForm(request.POST)
    if one.closed is None:
        messages.error(request, f"{one.span.dated_title} is not closed.")
        return redirect("budget-month", day)
    if not form.is_valid():
        return page(request, one, reopen_form=form)
    try:
        who = person(request).get_username()
        books.reopen(one.closed, who, datetime.now(UTC), form.cleaned_data["why"])
    except Refused as why:
        form.add_error(None, str(why))
        return page(request, one, reopen_form=form)
    messages.success(request, f"{one.span.dated_title} is open again.")
    return redirect("budget-month", day)


@require_POST
@needs(Role.EDITOR)
def invoice(request: HttpRequest, day: str) -> HttpResponse:
    one, contract = found(day), _contract()
    rate = one.numbers.rate
    form = InvoiceForm(one.span, rate.currency, request.POST, sources=_sources())
    if not form.is_valid():
        return page(request, one, invoice_form=form)
    told, by = form.cleaned_data, person(request).get_username()
    money = {"amount": told["amount"], "currency": told["currency"]}
    args = (told["number"], form.period, told["calls"], told["lines"], by, datetime.now(UTC))
    try:
        contracts.enter_invoice(contract, *args, **money)
    except Refused as why:
        form.add_error(None, str(why))
        return page(request, one, invoice_form=form)
    messages.success(request, f"Invoice {told['number']} is entered.")
    return redirect("budget-month", day)


@require_POST
@needs(Role.EDITOR)
def replace_invoice(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Invoice, pk=pk, contract=_contract())
    try:
        contracts.replace_invoice(row, person(request).get_username(), datetime.now(UTC))
        messages.success(request, f"Invoice {row.number} is set aside: enter it anew.")
    except Refused as why:
        messages.error(request, str(why))
    return redirect("budget-months")


def page(request: HttpRequest, one: Month, **forms: BaseForm) -> HttpResponse:
    """The month's page; `forms` are those that came back with errors."""
    told = {
        "close_form": CloseForm(auto_id="close-%s"),
        "reopen_form": ReopenForm(auto_id="reopen-%s"),
        "invoice_form": InvoiceForm(one.span, one.numbers.rate.currency),
        **forms,
        "month": one,
        "now": datetime.now(UTC),
        "may_edit": person(request).can(Role.EDITOR),
    }
    return render(request, "budget/month.html", told)


def found(day: str) -> Month:
    """The month that begins on the ISO day of an address, else a 404."""
    try:
        start = date.fromisoformat(day)
    except ValueError:
        raise Http404("A month is named by its first day.") from None
    one = month_of(the_workspace(), start, datetime.now(UTC))
    if one is None:
        raise Http404("No month of the contract begins on that day.")
    return one


def _contract() -> Contract:
    return contracts.contract_of(the_workspace())


def _sources() -> dict[str, str]:
    """Segment ids by id, and by name where one source has it."""
    rows = list(
        Connection.objects.sources()
        .filter(workspace__contract=_contract())
        .values_list("segment_id", "name")
    )
    names = Counter(name for _, name in rows)
    ids = {name: key for key, name in rows if names[name] == 1}
    return {**ids, **{key: key for key, _ in rows}}
