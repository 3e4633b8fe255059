"""The coverage page: every system with the counters that feed it, and what nobody can count."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboards.context import visit
from dashboards.coverage import systems


@require_safe
def coverage(request: HttpRequest) -> HttpResponse:
    seen = visit(request)
    found = systems(seen.workspace, seen.now)
    return render(request, "coverage/coverage.html", {"now": seen.now, "systems": found})
