"""The event names of one source, as a file."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from cdpwatch import exports
from cdpwatch.models import Connection
from dashboards.context import the_workspace
from dashboards.names import WINDOW
from dashboards.views.exports import as_file


@require_safe
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """All of them, whatever the page lists, with their calls of the same days."""
    source = get_object_or_404(Connection, workspace=the_workspace(), pk=pk)
    today, out = datetime.now(UTC).date(), StringIO()
    exports.write("events", exports.events_of({pk: source}, today - WINDOW, today), "csv", out)
    return as_file(out.getvalue(), "events", "csv", today)
