"""The catalog's list, with its filters and its search in the address, and as a file."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cdpwatch import exports
from dashboards import listing
from dashboards.entries import read
from dashboards.listing import Wish
from dashboards.views.exports import as_file


@require_safe
def catalog(request: HttpRequest) -> HttpResponse:
    now, wish = datetime.now(UTC), Wish.of(request.GET)
    found = read(now)
    return render(
        request,
        "catalog/catalog.html",
        {
            "now": now,
            "listing": listing.listing(found, wish),
            "total": len(found.entries),
            "unread": not found.rows,
            "state": found.sheet.standing,
            "wish": wish,
            "hidden_filters": [(name, value) for name, value in wish.chosen.items() if value],
            "query": wish.address(),
            "pills": listing.pills(found, wish),
        },
    )


@require_safe
def download(request: HttpRequest) -> HttpResponse:
    """The connections that the list shows, one a line."""
    now = datetime.now(UTC)
    shown = listing.listing(read(now), Wish.of(request.GET)).connections
    out = StringIO()
    rows = (exports.connection(row.connection) for row in shown)
    exports.write("catalog", rows, "csv", out)
    return as_file(out.getvalue(), "connections", "csv", now.date())
