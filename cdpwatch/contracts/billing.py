"""Invoices: what Segment billed, as somebody entered it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from cdpwatch import wording
from cdpwatch.budget import Period
from cdpwatch.budget.invoices import Line
from cdpwatch.models import Contract, Invoice, InvoiceLine

from .entering import locked, log, refuse


def lines_of(invoice: Invoice) -> list[Line]:
    rows = invoice.lines.order_by("day", "source")
    return [Line(row.calls, row.day, row.source) for row in rows]


@transaction.atomic
def enter_invoice(
    contract: Contract,
    number: str,
    period: Period,
    calls: int,
    lines: Sequence[Line],
    by: str,
    now: datetime,
    *,
    amount: Decimal | None = None,
    currency: str = "USD",
    note: str = "",
) -> Invoice:
    """Keep what was billed for the days of `period`. Raises Refused."""
    held = locked(contract)
    refuse(_wrong(held, number.strip(), period, calls, lines))
    invoice = held.invoices.create(
        number=number.strip(),
        period_start=period.start,
        period_end=period.end,
        calls=calls,
        amount=amount,
        currency=currency,
        note=wording.one_line(note).strip()[:300],
        entered_by=by,
        entered_at=now,
    )
    InvoiceLine.objects.bulk_create(
        InvoiceLine(invoice=invoice, day=line.day, source=line.source, calls=line.calls)
        for line in lines
    )
    log(by, "invoice entered", invoice.number, after={"calls": calls, "amount": str(amount or "")})
    return invoice


@transaction.atomic
def replace_invoice(invoice: Invoice, by: str, now: datetime) -> None:
    """Set an invoice aside, so that its number and days can be entered anew; the row stays."""
    rows = Invoice.objects.filter(pk=invoice.pk, replaced_at=None)
    done = rows.update(replaced_by=by, replaced_at=now)
    refuse([] if done else ["This invoice was replaced already."])
    log(by, "invoice replaced", invoice.number, before={"calls": invoice.calls})


def _wrong(
    contract: Contract, number: str, period: Period, calls: int, lines: Sequence[Line]
) -> Iterator[str]:
    if not number or len(number) > 100:
        yield "An invoice has a number of 1 to 100 characters."
    if period.start >= period.end:
        yield "The invoice ends before it starts."
    for other in contract.invoices.filter(replaced_at=None):
        if other.period_start < period.end and period.start < other.period_end:
            span = wording.one_line(other.number)
            yield f"Invoice {span} bills some of these days already: replace it first."
        elif other.number == number:
            yield f"There is an invoice {wording.one_line(number)} already: replace it first."
    yield from _wrong_lines(period, calls, lines)


def _wrong_lines(period: Period, calls: int, lines: Sequence[Line]) -> Iterator[str]:
    total = sum(line.calls for line in lines)
    if calls < 0 or any(line.calls < 0 for line in lines):
        yield "Calls are not negative."
    if lines and total > calls:
        billed = wording.exact(calls)
        yield f"Its lines come to {wording.exact(total)}, more than the {billed} billed."
    if outside := [line.day for line in lines if line.day and not period.holds(line.day)]:
        yield f"{wording.day(min(outside))} is not a day of this invoice."
    if [key for key, n in Counter((line.day, line.source) for line in lines).items() if n > 1]:
        yield "Two of its lines are for the same day and source."
