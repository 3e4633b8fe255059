"""What people type on a month's page: a close, a reopening, and what Segment billed."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from cdpwatch import budget, wording
from cdpwatch.budget.invoices import Line

MOST_CALLS = 10**15
LONGEST_PASTE = 2_000_000  # characters: a month of a thousand sources, day by day
COLUMNS = ("day", "source", "calls")
_BETWEEN = re.compile(r"[\s_,']")  # what people put between thousands


class CloseForm(forms.Form):
    note = forms.CharField(max_length=300, required=False)
    gaps = forms.BooleanField(label="Close with the days that are unknown", required=False)


class ReopenForm(forms.Form):
    why = forms.CharField(label="Why is it reopened?", max_length=300)


class InvoiceForm(forms.Form):
    """What Segment billed, its lines pasted as CSV; `sources` are Segment ids by id and name."""

    number = forms.CharField(max_length=100)
    first = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    calls = forms.IntegerField(label="Calls billed", min_value=0, max_value=MOST_CALLS)
    amount = forms.DecimalField(min_value=0, max_digits=16, decimal_places=4, required=False)
    currency = forms.RegexField(r"^[A-Z]{3}$", max_length=3, help_text="As in USD.")
    lines = forms.CharField(
        required=False,
        max_length=LONGEST_PASTE,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text="CSV with the columns day, source and calls, or two of them: "
        "2026-11-23,Prod - Website,1200. A source is its Segment id or its name.",
    )

    def __init__(
        self, span: budget.Period, currency: str, data: QueryDict | None = None, **sources: Any
    ) -> None:
        initial = {"first": span.start, "last": span.last_day, "currency": currency}
        super().__init__(data, initial=initial, auto_id="invoice-%s")
        self.sources: Mapping[str, str] = sources.get("sources", {})

    def clean_lines(self) -> list[Line]:
        return list(lines_of(str(self.cleaned_data["lines"]), self.sources))

    @property
    def period(self) -> budget.Period:
        """The days that it bills; the last one of the calendar has no end to give."""
        last = min(self.cleaned_data["last"], date.max - timedelta(days=1))
        return budget.Period(self.cleaned_data["first"], last + timedelta(days=1))


def lines_of(pasted: str, sources: Mapping[str, str]) -> Iterator[Line]:
    """The lines of a pasted table. Raises ValidationError with the number of a line."""
    rows = [row for row in csv.reader(pasted.splitlines(), delimiter=_delimiter(pasted)) if row]
    if not rows:
        return
    first = [cell.strip().lower() for cell in rows[0]]
    headed = "calls" in first
    columns = first if headed else _columns(rows[0])
    if unknown := [name for name in columns if name not in COLUMNS]:
        told = wording.one_line(unknown[0])[:40]
        raise ValidationError(f"“{told}” is none of the columns day, source and calls.")
    for number, row in enumerate(rows[headed:], 1 + headed):
        yield _line(number, dict(zip(columns, row, strict=False)), sources)


def _delimiter(pasted: str) -> str:
    first = pasted.partition("\n")[0]
    return max(",", "\t", ";", key=lambda mark: (first.count(mark), mark == ","))


def _columns(row: list[str]) -> list[str]:
    if len(row) == len(COLUMNS):
        return list(COLUMNS)
    return ["day" if re.fullmatch(r"\d{4}-\d\d-\d\d", row[0].strip()) else "source", "calls"]


def _line(number: int, cells: Mapping[str, str], sources: Mapping[str, str]) -> Line:
    told = {name: cell.strip() for name, cell in cells.items()}
    calls = _BETWEEN.sub("", told.get("calls", ""))
    if not (calls.isascii() and calls.isdigit() and int(calls[:20]) <= MOST_CALLS):
        raise ValidationError(f"Line {number} has no whole number of calls.")
    source = told.get("source", "")
    if len(source) > 100:
        raise ValidationError(f"Line {number}: a source has at most 100 characters.")
    try:
        day = date.fromisoformat(told["day"]) if told.get("day") else None
    except ValueError:
        raise ValidationError(f"Line {number}: a day is written like 2026-11-23.") from None
    return Line(int(calls), day, sources.get(source, source))
