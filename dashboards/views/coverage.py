"""The coverage page: every system with the counters that feed it, and what nobody can count."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cdpwatch import snapshot
from dashboards.bands import band_lines
from dashboards.context import visit
from dashboards.coverage import systems
from dashboards.reconciliation import report
from dashboards.views.reconcile import days_of


@require_safe
def coverage(request: HttpRequest) -> HttpResponse:
    seen = visit(request)
    first, last = days_of("7", seen.now)
    rows = snapshot.rows_of(seen.workspace, first, last, seen.now)
    found = systems(seen.workspace, seen.now, band_lines(report(rows, first, last)))
    return render(request, "coverage/coverage.html", {"now": seen.now, "systems": found})
