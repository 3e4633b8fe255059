"""The health page: does the work go on, how far is the history, what failed and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from cdpwatch import asking, people, progress, roster, wording
from cdpwatch import health as work
from cdpwatch.models import (
    PollRun,
    RejectedRow,
    RequestKind,
    RequestState,
    Role,
    RunState,
    WorkRequest,
)
from dashboards.access import needs, person
from dashboards.context import the_workspace

RECENT_RUNS = 20
RECENT_REJECTIONS = 50
RUN_STATES = {
    RunState.GOOD: ("ok", "Good"),
    RunState.RUNNING: ("late", "Running"),
    RunState.FAILED: ("bad", "Failed"),
    RunState.PUT_OFF: ("warn", "Put off"),
}


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    workspace, now = the_workspace(), datetime.now(UTC)
    runs = PollRun.objects.filter(workspace=workspace).order_by("-started_at", "-pk")
    rejected = RejectedRow.objects.filter(run__workspace=workspace).order_by("-run_id", "pk")
    asked = workspace.requests.filter(kind=RequestKind.POLL).first()
    pollers = work.poller_rows(workspace, now)
    connected = {row.name for row in pollers if row.connected}
    return render(
        request,
        "health/health.html",
        {
            "now": now,
            "pulses": work.pulses(now),
            "pruned_at": work.pruned_at(),
            "worker_answers": work.worker_answers(now),
            "pollers": [poller_line(row, now) for row in pollers],
            "outbox": work.outbox(workspace),
            "warehouse": work.warehouse_use(workspace, connected, now),
            "progress": progress.how_far(workspace, now),
            "runs": [(run, *outcome(run)) for run in runs[:RECENT_RUNS]],
            "rejected": rejected.select_related("run")[:RECENT_REJECTIONS],
            "asked": asked,
            "answer": answer(asked, now) if asked else None,
            "may_poll": person(request).can(Role.EDITOR),
            "may_connect": person(request).can(Role.ADMIN),
        },
    )


def outcome(run: PollRun) -> tuple[str, str]:
    """State and word of a run; one that had to leave rows out is only partly good."""
    if run.state == RunState.GOOD and run.rejected:
        return "warn", "Partial"
    return RUN_STATES[RunState(run.state)]


@dataclass(frozen=True)
class PollerLine:
    """One poller as the page shows it."""

    row: work.PollerRow
    state: str
    word: str
    next_turn: str


def poller_line(row: work.PollerRow, now: datetime) -> PollerLine:
    return PollerLine(row, *standing(row, now), next_turn(row, now))


def standing(row: work.PollerRow, now: datetime) -> tuple[str, str]:
    """State and word of a poller: the first that is true, the worst first."""
    if not row.connected:
        return "off", "Not connected"
    if row.late:
        return "bad", "Late"
    if row.state is None or row.state.last_run is None:
        return "off", "Not started"
    if row.throttled_until and row.throttled_until > now:
        return "warn", "Throttled"
    if row.state.failures:
        return "warn", "Failing"
    if row.state.rejected:
        return "warn", "Partial"
    return "ok", "Good"


def next_turn(row: work.PollerRow, now: datetime) -> str:
    """When it is due again, in words."""
    if row.next_turn is None or not row.connected:
        return "once connected"
    return f"in {wording.length(row.next_turn - now)}" if row.next_turn > now else "due now"


@dataclass(frozen=True)
class Answer:
    """What became of a request."""

    state: str
    word: str
    text: str
    waits: bool


def answer(asked: WorkRequest, now: datetime) -> Answer:
    if asking.is_lost(asked, now):
        return Answer("bad", "No answer", "The worker stopped in the middle. Ask again.", False)
    if asked.state == RequestState.FAILED:
        return Answer("bad", "Failed", str(asked.result.get("said", "")), False)
    if asked.state == RequestState.DONE:
        return Answer("ok", "Done", recorded(asked.result), False)
    if asked.state == RequestState.RUNNING:
        return Answer("late", "Polling", "The worker asks Segment now.", True)
    return Answer("late", "Queued", "The worker picks it up within seconds.", True)


def recorded(result: Mapping[str, Any]) -> str:
    """What a poll brought, and whom it did not ask: another turn is at it, or it must wait."""
    rows = f"{wording.plural(int(result.get('rows', 0)), 'row')} recorded."
    busy = [roster.everyone()[name].title for name in result.get("busy", ())]
    return f"{rows} Already being read, or asked to wait: {', '.join(busy)}." if busy else rows


@require_POST
@needs(Role.EDITOR)
def poll_now(request: HttpRequest) -> HttpResponse:
    name = request.POST.get("poller", "")
    if name and name not in roster.everyone():
        return HttpResponseBadRequest("There is no such poller.")
    actor = person(request)
    asking.ask(the_workspace(), RequestKind.POLL, actor.get_username(), name)
    people.note(actor, "poll now", name or "every poller")
    return redirect("health")


@require_safe
def request_state(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether the page that waits for a poll may stop waiting."""
    rows = WorkRequest.objects.filter(workspace=the_workspace(), kind=RequestKind.POLL)
    return JsonResponse({"done": asking.is_over(get_object_or_404(rows, pk=pk), datetime.now(UTC))})
