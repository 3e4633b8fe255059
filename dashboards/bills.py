"""What people type on a month's page: a close, a reopening, and what Segment billed."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from cdpwatch import budget, contracts, wording
from cdpwatch.budget.invoices import Line
from cdpwatch.models import Invoice
from cdpwatch.sheets import Table
from dashboards.month_tables import as_csv

MOST_CALLS = 10**15
LONGEST_PASTE = 2_000_000  # characters: a month of a thousand sources, day by day
LONGEST = 1_100  # days of an invoice: a term of three years
SHOWN_ERRORS = 5
COLUMNS = ("day", "source", "calls")
DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
_BETWEEN = re.compile(r"[\s_,']")  # what people put between thousands


class CloseForm(forms.Form):
    """`seen` is the stamp of the numbers on the page that it was sent from."""

    note = forms.CharField(max_length=300, required=False)
    gaps = forms.BooleanField(label="Close with the days that are unknown", required=False)
    seen = forms.CharField(
        max_length=64,
        error_messages={"required": "Look at the numbers of this page first, then close."},
    )


class ReopenForm(forms.Form):
    why = forms.CharField(label="Why is it reopened?", max_length=300)


class InvoiceForm(forms.Form):
    """What Segment billed, its lines pasted as CSV; `sources` are Segment ids by id and name."""

    number = forms.CharField(max_length=100)
    first = forms.DateField(label="First day", widget=DAY)
    last = forms.DateField(label="Last day", widget=DAY)
    calls = forms.IntegerField(label="Calls billed", min_value=0, max_value=MOST_CALLS)
    amount = forms.DecimalField(min_value=0, max_digits=16, decimal_places=4, required=False)
    currency = forms.RegexField(r"^[A-Za-z]{3}$", max_length=3, help_text="As in USD.")
    lines = forms.CharField(
        required=False,
        max_length=LONGEST_PASTE,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text="CSV with the columns day, source and calls, or two of them: "
        "2026-11-23,Prod - Website,1200. A source is its Segment id or its name.",
    )
    note = forms.CharField(max_length=300, required=False)

    def __init__(
        self,
        month: budget.Period,
        initial: dict[str, Any],
        data: QueryDict | None = None,
        *,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(data, initial=initial, auto_id="invoice-%s")
        self.month, self.sources = month, sources or {}

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def clean_lines(self) -> list[Line]:
        return lines_of(str(self.cleaned_data["lines"]), self.sources)

    def clean(self) -> None:
        if not {"first", "last"} <= self.cleaned_data.keys():
            return
        span = self.period
        if span.days > LONGEST:
            self.add_error("last", f"An invoice bills {LONGEST:,} days at most.")
        if span.start < span.end and not (
            span.start < self.month.end and self.month.start < span.end
        ):
            self.add_error("first", f"It bills no day of {self.month.dated_title}.")

    @property
    def period(self) -> budget.Period:
        """The days that it bills; the last one of the calendar has no end to give."""
        last = min(self.cleaned_data["last"], date.max - timedelta(days=1))
        return budget.Period(self.cleaned_data["first"], last + timedelta(days=1))


def fresh(span: budget.Period, currency: str) -> dict[str, Any]:
    """What the form of a month's first invoice is filled with."""
    return {"first": span.start, "last": span.last_day, "currency": currency}


def again(invoice: Invoice) -> dict[str, Any]:
    """What the form is filled with that corrects an invoice: what was entered."""
    lines = [(line.day or "", line.source, line.calls) for line in contracts.lines_of(invoice)]
    table = Table("Lines", COLUMNS, lines)
    span = budget.Period(invoice.period_start, invoice.period_end)
    return {
        **fresh(span, invoice.currency),
        "number": invoice.number,
        "calls": invoice.calls,
        "amount": invoice.amount,
        "lines": as_csv(table) if lines else "",
        "note": invoice.note,
    }


# --- the lines ----------------------------------------------------------------------------------
def lines_of(pasted: str, sources: Mapping[str, str]) -> list[Line]:
    """The lines of a pasted table. Raises ValidationError with the number of each bad one."""
    rows = _rows(pasted)
    if not rows:
        return []
    first = [cell.lower() for cell in rows[0][1]]
    headed = "calls" in first
    columns = first if headed else _columns(rows[0][1])
    if unknown := [name for name in columns if name not in COLUMNS]:
        told = wording.one_line(unknown[0])[:40]
        raise ValidationError(f"“{told}” is none of the columns day, source and calls.")
    if len(set(columns)) < len(columns):
        raise ValidationError("A column is there twice.")
    found, wrong = [], []
    for number, row in rows[headed:]:
        try:
            found.append(_line(columns, row, sources))
        except ValueError as why:
            wrong.append(f"Line {number}: {why}")
    if wrong:
        more = len(wrong) - SHOWN_ERRORS
        rest = [f"{more} more line{'s' if more > 1 else ''} cannot be read."] if more > 0 else []
        raise ValidationError([*wrong[:SHOWN_ERRORS], *rest])
    return found


def _rows(pasted: str) -> list[tuple[int, list[str]]]:
    """Cells of the rows that say something, each with the number of its line."""
    reader = csv.reader(pasted.splitlines(), delimiter=_delimiter(pasted))
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error:
        raise ValidationError(f"Line {reader.line_num} is not CSV.") from None
    return [(number, row) for number, row in rows if any(row)]


def _delimiter(pasted: str) -> str:
    first = pasted.strip().partition("\n")[0]
    return max(",", "\t", ";", key=lambda mark: (first.count(mark), mark == ","))


def _columns(row: list[str]) -> list[str]:
    """What a table without a head tells in its columns, as far as its first row shows."""
    if len(row) == len(COLUMNS):
        return list(COLUMNS)
    return ["day" if re.fullmatch(r"\d{4}-\d\d-\d\d", row[0]) else "source", "calls"]


def _line(columns: Sequence[str], row: Sequence[str], sources: Mapping[str, str]) -> Line:
    """Raises ValueError with what is wrong with the row."""
    if len(row) != len(columns):
        raise ValueError(f"it has {wording.plural(len(row), 'cell')}, not {len(columns)}.")
    told = dict(zip(columns, row, strict=True))
    calls = _BETWEEN.sub("", told.get("calls", ""))
    if not (calls.isascii() and calls.isdigit() and int(calls[:20]) <= MOST_CALLS):
        raise ValueError("it has no whole number of calls.")
    source = told.get("source", "").removeprefix("'")  # as our own CSV guards a formula
    if len(source) > 100:
        raise ValueError("a source has at most 100 characters.")
    try:
        day = date.fromisoformat(told["day"]) if told.get("day") else None
    except ValueError:
        raise ValueError("a day is written like 2026-11-23.") from None
    return Line(int(calls), day, sources.get(source, source))
