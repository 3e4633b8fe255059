"""Closes a period and reopens it.

A close keeps its numbers for ever: later amendments, restatements and renames change nothing in
it. A period that was reopened is closed again as another row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction

from cdpwatch import budget, contracts, snapshot
from cdpwatch.budget import closing
from cdpwatch.budget.shares import REST, Shares, priced
from cdpwatch.budget.subbudgets import split
from cdpwatch.contracts import Refused
from cdpwatch.contracts.entering import locked, log
from cdpwatch.days import start_of
from cdpwatch.models import Contract, MonthClose
from cdpwatch.snapshot import carried_into

from .evidence import moved_most
from .ledger import Ledger, call_type_table, ledger_of, source_table, sources_under


def unknown_days(read: Ledger) -> list[date]:
    """Days of the period without a billed number, alone or in a joint sum."""
    billed = {day: count.calls for day, count in read.days.items()}
    return closing.unknown_days(read.span, billed, read.joint)


def refusal(read: Ledger, today: date, *, gaps_accepted: bool = False) -> str:
    """Why the period cannot be closed yet, "" when it can."""
    billed = {day: count.calls for day, count in read.days.items()}
    return closing.refusal(
        read.terms, read.span, today, billed, read.joint, gaps_accepted=gaps_accepted
    )


@transaction.atomic
def close(
    contract: Contract,
    day: date,
    by: str,
    now: datetime,
    *,
    note: str = "",
    gaps_accepted: bool = False,
    seen: str = "",
) -> MonthClose:
    """Freeze the period that `day` falls into. Raises Refused with the reason.

    `seen` is the stamp of the numbers that whoever closes it was shown: other numbers are refused.
    """
    held = locked(contract)
    read = ledger_of(held, day)
    if held.closes.filter(period_start=read.span.start, reopened_at=None).exists():
        raise Refused(f"{read.span.dated_title} is closed already.")
    if why := refusal(read, now.date(), gaps_accepted=gaps_accepted):
        raise Refused(why)
    numbers = closing.to_json(frozen(read, now))
    if seen and seen != stamp_of(numbers):
        raise Refused(
            "The numbers have changed since this page was opened. These are the new ones: look "
            "at them, then close."
        )
    row = held.closes.create(
        period_start=read.span.start,
        period_end=read.span.end,
        closed_by=by,
        closed_at=now,
        stamp=stamp_of(numbers),
        numbers=numbers,
        note=note.strip()[:300],
    )
    log(by, "period closed", read.span.dated_title, after={"stamp": row.stamp})
    return row


@transaction.atomic
def reopen(row: MonthClose, by: str, now: datetime, why: str) -> None:
    """Open a closed period again; what it was closed with stays. Raises Refused."""
    if not why.strip():
        raise Refused("Say why the period is reopened.")
    latest = contracts.last_closed(locked(row.contract))
    if latest and latest.period_start > row.period_start:
        raise Refused("A later period is closed: reopen that one first.")
    rows = MonthClose.objects.filter(pk=row.pk, reopened_at=None)
    if not rows.update(reopened_by=by, reopened_at=now, reopened_why=why.strip()[:300]):
        raise Refused("This period was reopened already.")
    log(by, "period reopened", row.period_start, after={"why": why.strip()[:300]})


def stamp_of(numbers: Mapping[str, Any]) -> str:
    """SHA-256 of the numbers, 64 characters; the same for the same numbers."""
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()


def is_intact(row: MonthClose) -> bool:
    """Whether a close still holds the numbers that it was stamped with."""
    return stamp_of(row.numbers) == row.stamp


def restatements(row: MonthClose) -> list[closing.Restatement]:
    """Days of a close that Segment bills differently now."""
    days = snapshot.contract_days(row.contract, row.period_start)
    billed = {day: count.calls for day, count in days.items()}
    return closing.restatements(closing.from_json(row.numbers), billed)


def frozen(read: Ledger, now: datetime) -> closing.Frozen:
    """The numbers of a period, as a close freezes them."""
    span, terms = read.span, read.terms
    sources = source_table(read)
    own, rate = budget.allowance_of(terms, span), budget.rate_of(terms, span)
    carried = carried_into(read.contract, terms, span).calls
    ids = dict(sources_under(read.contract).values_list("segment_id", "pk"))
    calls = {ids[part.key]: part.calls for part in sources.parts if part.key in ids}
    billed = {day: count.calls for day, count in read.days.items()}
    return closing.frozen(
        period=span,
        allowance=own,
        carried=carried,
        rate=rate,
        sources=priced(sources, rate, own),
        call_types=priced(call_type_table(read), rate, own),
        sub_budgets=split(
            contracts.sub_budgets_of(read.contract, min(now, start_of(span.end))),
            contracts.members(read.contract),
            calls,
            sources.total.calls,
            own,
        ),
        movers=moved_most(read, sources, ids),
        coverage=_coverage(read, sources),
        days=billed,
    )


def _coverage(read: Ledger, sources: Shares) -> closing.Coverage:
    named = [part for part in sources.parts if part.key != REST]
    return closing.Coverage(
        days=read.span.days,
        unknown_days=len(unknown_days(read)),
        joint_days=sum(read.span.holds(day) for day in read.joint),
        sources=sum(part.calls > 0 for part in named),
        unexplained=sources.total.calls - sum(part.calls for part in named),
    )
