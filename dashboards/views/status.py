"""What machines ask without signing in: names and ages, nothing else.

/healthz   the process answers
/readyz    the database answers and its tables are those of this version
/statusz   whether beat, worker and pollers do their work
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cdpwatch import health, wording
from cdpwatch.models import Workspace


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    reason = not_ready()
    status = 503 if reason else 200
    return HttpResponse(f"{reason or 'ok'}\n", status=status, content_type="text/plain")


def not_ready() -> str:
    """Why pages cannot be served, or ""."""
    try:
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:  # what it says may hold addresses
        return "The database does not answer."
    if missing:
        return f"{wording.plural(missing, 'migration')} to apply: run manage.py migrate."
    return ""


@login_not_required
@require_safe
@never_cache
def statusz(request: HttpRequest) -> HttpResponse:
    now = datetime.now(UTC)
    workspace = Workspace.objects.order_by("pk").first()
    parts = {pulse.name: _part(pulse.at, pulse.late, now) for pulse in health.pulses(now)}
    rows = health.poller_rows(workspace, now) if workspace else []
    pollers = {row.name: _part(row.last_good, row.late, now) for row in rows if row.connected}
    oldest = health.outbox(workspace).oldest if workspace else None
    late = any(part["state"] == "late" for part in [*parts.values(), *pollers.values()])
    answer = {
        "state": "late" if late else "ok",
        **parts,
        "pollers": pollers,
        "oldest_undelivered_seconds": _age(oldest, now),
    }
    return JsonResponse(answer, status=503 if late else 200)


def _part(at: datetime | None, late: bool, now: datetime) -> dict[str, object]:
    return {"state": "late" if late else "ok", "age_seconds": _age(at, now)}


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else round((now - at).total_seconds(), 1)
