"""The months: their list, one of them, its close, and all of it as files."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.contrib import messages
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from cdpwatch import books, contracts, snapshot
from cdpwatch.contracts import Refused
from cdpwatch.models import Role
from cdpwatch.sheets import Table, xlsx
from dashboards.access import needs, person
from dashboards.bills import CloseForm, InvoiceForm, ReopenForm, fresh
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
    told = {"now": seen.now, "rows": rows, "running": sheet, "contract": contract}
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
    """Freeze the numbers that were on the page; where there are others by now, show those."""
    one, form = found(day), CloseForm(request.POST, auto_id="close-%s")
    title, by = one.span.dated_title, person(request).get_username()
    if not form.is_valid():
        return page(request, one, close_form=form)
    told = form.cleaned_data
    asked = {"note": told["note"], "gaps_accepted": told["gaps"], "seen": told["seen"]}
    contract = contracts.contract_of(the_workspace())
    try:
        books.close(contract, one.span.start, by, datetime.now(UTC), **asked)
    except Refused as why:
        form.add_error(None, str(why))
        return page(request, found(day), close_form=form)
    messages.success(request, f"{title} is closed.")
    return redirect("budget-month", day)


@require_POST
@needs(Role.EDITOR)
def reopen(request: HttpRequest, day: str) -> HttpResponse:
    one, form = found(day), ReopenForm(request.POST, auto_id="reopen-%s")
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
        return page(request, found(day), reopen_form=form)
    messages.success(request, f"{one.span.dated_title} is open again.")
    return redirect("budget-month", day)


def page(request: HttpRequest, one: Month, **forms: BaseForm) -> HttpResponse:
    """The month's page; `forms` are those that came back with errors."""
    told = {
        "close_form": CloseForm(auto_id="close-%s"),
        "reopen_form": ReopenForm(auto_id="reopen-%s"),
        "invoice_form": InvoiceForm(one.span, fresh(one.span, one.numbers.rate.currency)),
        **forms,
        "month": one,
        "files": [(name, table.name) for name, table in tables(one).items()],
        "now": datetime.now(UTC),
        "may_edit": person(request).can(Role.EDITOR),
    }
    return render(request, "budget/month.html", told)


def found(day: str) -> Month:
    """The month that begins on the ISO day of an address, else a 404."""
    try:
        start = datetime.strptime(day, "%Y-%m-%d").date()
    except ValueError:
        raise Http404("A month is named by its first day.") from None
    one = month_of(the_workspace(), start, datetime.now(UTC))
    if one is None:
        raise Http404("No month of the contract begins on that day.")
    return one
