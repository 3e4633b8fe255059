"""The reconciliation page: what every side counted, how far they agree, and why they do not."""

from __future__ import annotations

from datetime import date, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cdpwatch import snapshot, wording
from cdpwatch.days import DAY, month_before
from cdpwatch.reconciling import GapState, Side, last_settled
from dashboards import reconciliation
from dashboards.bands import band_lines
from dashboards.context import visit
from dashboards.loads import load_lines
from dashboards.pills import Pill
from dashboards.sources import LISTED

SPANS = {"7": "7 days", "28": "28 days", "month": "This month", "before": "Last month"}
GOOD = (GapState.AGREES, GapState.EXPLAINED, GapState.WITHIN)
BAD = (GapState.DIFFERS, GapState.OUTSIDE)
GAPS = 60  # comparisons with a row of their own; the file has them all


@require_safe
def reconcile(request: HttpRequest) -> HttpResponse:
    seen = visit(request)
    span = request.GET.get("span", "")
    span = span if span in SPANS else "7"
    first, last = days_of(span, seen.now)
    context: dict[str, object] = {
        "now": seen.now,
        "first": first,
        "last": last,
        "spans": [Pill(text, f"?span={key}", None, key == span) for key, text in SPANS.items()],
    }
    if first <= last:
        rows = snapshot.rows_of(seen.workspace, first, last, seen.now)
        context |= shown(reconciliation.report(rows, first, last))
    return render(request, "reconcile/reconcile.html", context)


def days_of(span: str, now: datetime) -> tuple[date, date]:
    """First and last UTC day of a span: only days that all of Segment's counts are final for."""
    last = last_settled(now)
    if span == "before":
        first = month_before(now.date())
        return first, min(last, now.date().replace(day=1) - DAY)
    if span == "month":
        return now.date().replace(day=1), last
    return last - (int(span) - 1) * DAY, last


def shown(found: reconciliation.Report) -> dict[str, object]:
    sources = reconciliation.source_lines(found)
    gaps, bands = reconciliation.gap_lines(found), band_lines(found)
    compared = [*(line.gap for line in gaps), *(line.gap for line in bands)]
    agreeing = [line for line in gaps if line.gap.state == GapState.AGREES]
    others = [line for line in gaps if line.gap.state != GapState.AGREES]
    return {
        "bill": found.bill,
        "unlisted": -found.bill.calls,
        "bill_badge": reconciliation.badge_of(found.bill),
        "sources": sources[:LISTED],
        "more_sources": len(sources[LISTED:]),
        "targets": reconciliation.target_lines(found),
        "gaps": others[:GAPS],
        "more_gaps": len(others[GAPS:]),
        "agreeing": agreeing[:GAPS],
        "more_agreeing": len(agreeing[GAPS:]),
        "agreeing_count": len(agreeing),
        "chains": list(reconciliation.chains(found)),
        "sides": sides_of(found),
        "bands": bands,
        "loads": load_lines(found),
        "read": found.rows.read,
        "agree": sum(gap.state in GOOD for gap in compared),
        "maybe": sum(gap.state == GapState.POSSIBLE for gap in compared),
        "differ": sum(gap.state in BAD for gap in compared),
        "unknown": sum(gap.state == GapState.UNKNOWN for gap in compared),
        "compared": len(compared),
    }


def sides_of(found: reconciliation.Report) -> list[tuple[Side, str]]:
    """Every count that is compared, once, and how long after its end a day is final."""
    sides = {side for gap in found.gaps for side in (gap.pair.base, gap.pair.other)}
    listed = sorted(sides, key=lambda side: (side.settles, side.title))
    return [(side, wording.length(side.settles)) for side in listed]
