"""Tables as files: what `manage.py export` prints, for people who stay in the browser."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import StringIO

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from cdpwatch import exports
from cdpwatch.days import BadMoment, day_of
from dashboards import asof
from dashboards.context import the_workspace

TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@require_safe
def export(request: HttpRequest, name: str, form: str) -> HttpResponse:
    """Rows of the running month, or of `?from=DAY&to=DAY`, as known now or at `?as_of=`."""
    if name not in exports.EXPORTS or form not in exports.FORMATS:
        raise Http404("There is no such export.")
    try:
        at = asof.asked(request, now := datetime.now(UTC))
        last = day_of(request.GET.get("to", (at or now).date().isoformat()))
        first = day_of(request.GET.get("from", last.replace(day=1).isoformat()))
        rows = exports.rows(name, the_workspace(), first, last, at)
    except (BadMoment, exports.NoHistory) as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    out = StringIO()
    exports.write(name, rows, form, out)
    known = f"-as-of-{at:%Y%m%dT%H%MZ}" if at else ""
    return as_file(out.getvalue(), f"{name}{known}", form, last)


def as_file(content: str, name: str, form: str, day: date) -> HttpResponse:
    """A table that the browser saves under its name and day."""
    response = HttpResponse(content, content_type=TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="cdpwatch-{name}-{day}.{form}"'
    return response
