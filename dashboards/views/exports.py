"""Tables as files: what `manage.py export` prints, for people who stay in the browser."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import StringIO

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.views.decorators.http import require_safe

from cdpwatch import exports
from dashboards.context import the_workspace

TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@require_safe
def export(request: HttpRequest, name: str, form: str) -> HttpResponse:
    """Rows of the running month, or of `?from=DAY&to=DAY`."""
    if name not in exports.EXPORTS or form not in exports.FORMATS:
        raise Http404("There is no such export.")
    today = datetime.now(UTC).date()
    try:
        last = date.fromisoformat(request.GET.get("to", today.isoformat()))
        first = date.fromisoformat(request.GET.get("from", last.replace(day=1).isoformat()))
    except ValueError:
        return HttpResponseBadRequest("from and to are days such as 2026-11-23.")
    out = StringIO()
    exports.write(name, exports.EXPORTS[name](the_workspace(), first, last), form, out)
    return as_file(out.getvalue(), name, form, last)


def as_file(content: str, name: str, form: str, day: date) -> HttpResponse:
    """A table that the browser saves under its name and day."""
    response = HttpResponse(content, content_type=TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="cdpwatch-{name}-{day}.{form}"'
    return response
