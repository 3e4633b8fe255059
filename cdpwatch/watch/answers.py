"""Answers what pages asked for: a poll, the check of a token, a test message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings

from cdpwatch import alerts, budget, catalog, vault
from cdpwatch.channels import CHANNELS, ChannelError
from cdpwatch.http import segment
from cdpwatch.models import RequestKind, RequestState, WorkRequest, Workspace
from cdpwatch.pollers import segment_catalog, segment_usage
from cdpwatch.readings import Direction
from cdpwatch.timetable import POLLERS

from .asks import NotConnected, segment_api
from .judging import evaluate
from .turns import FAILURES, poll


def answer_requests(workspace: Workspace, now: datetime) -> None:
    queued = WorkRequest.objects.filter(workspace=workspace, state=RequestState.QUEUED)
    for request in queued.order_by("asked_at"):
        mine = queued.filter(pk=request.pk).update(state=RequestState.RUNNING)
        if mine:
            _answer(request, now)


def _answer(request: WorkRequest, now: datetime) -> None:
    """Answer one request. However it ends, the page that waits for it is told."""
    state = RequestState.FAILED
    result: dict[str, object] = {"said": "It broke; the worker's log says why."}
    try:
        result = _ANSWERS[RequestKind(request.kind)](request, now)
        state = RequestState.DONE
    except (*FAILURES, ChannelError) as error:
        result = {"said": str(error)}
    finally:
        WorkRequest.objects.filter(pk=request.pk).update(
            state=state, result=result, finished_at=datetime.now(UTC)
        )


def _answer_poll(request: WorkRequest, now: datetime) -> dict[str, object]:
    """Poll what was asked for, everything by default; one that fails does not stop the rest."""
    rows, failed = 0, []
    for name in [request.subject] if request.subject else POLLERS:
        try:
            run = poll(name, request.workspace, now, slot=now)
            rows += run.rows if run else 0
        except FAILURES as error:
            failed.append(error)
    evaluate(request.workspace, now)
    if failed:
        raise failed[0]
    return {"rows": rows}


def _answer_check(request: WorkRequest, now: datetime) -> dict[str, object]:
    """Try the pasted token: whose workspace it opens and what is in it. Nothing is kept."""
    workspace = request.workspace
    candidate = workspace.credentials.filter(kind="segment_token", candidate=True).first()
    if candidate is None:
        raise NotConnected("The pasted token was taken back before it was checked.")
    url, token = vault.segment_url(candidate.region), vault.secret_of(candidate)
    with segment(url, token, allow_loopback=settings.ALLOW_LOOPBACK) as api:
        read = segment_catalog.read(api)
        usage = segment_usage.read(api, budget.usage_periods(now.date(), 1))
    catalog.check_pin(workspace, read.workspace)
    kinds = [connection.direction for connection in read.connections]
    return {
        "workspace": read.workspace.name,
        "sources": kinds.count(Direction.SOURCE),
        "destinations": kinds.count(Direction.DESTINATION),
        "warehouses": kinds.count(Direction.WAREHOUSE),
        "functions": len(read.functions),
        "billed": max((r.cumulative for r in usage if r.source_id is None), default=None),
    }


def _answer_slack(request: WorkRequest, now: datetime) -> dict[str, object]:
    address = vault.slack_webhook(request.workspace)
    if not address:
        raise NotConnected("No Slack webhook yet: paste one first.")
    message = alerts.test_message(request.workspace, request.asked_by, now)
    CHANNELS["slack"].send(address, message, settings.ALLOW_LOOPBACK)
    request.workspace.channels.filter(kind="slack").update(enabled=True, error="", last_sent=now)
    alerts.hurry(request.workspace, now)
    return {"said": "Slack took the message."}


_ANSWERS: dict[RequestKind, Callable[[WorkRequest, datetime], dict[str, object]]] = {
    RequestKind.POLL: _answer_poll,
    RequestKind.CHECK_TOKEN: _answer_check,
    RequestKind.TEST_SLACK: _answer_slack,
}


def check(workspace: Workspace) -> list[tuple[str, bool, str]]:
    """What `check_connections` prints: (what, works, what was said) for Segment and Slack."""
    results = []
    try:
        with segment_api(workspace) as api:
            read = segment_catalog.read(api)
        said = f"“{read.workspace.name}”, {len(read.connections)} connections"
        catalog.check_pin(workspace, read.workspace)
        results.append(("Segment", True, said))
    except FAILURES as error:
        results.append(("Segment", False, str(error)))
    webhook = vault.slack_webhook(workspace)
    if webhook:
        told = "a webhook is set; the Connect page sends a test message"
    else:
        told = "no webhook: set SLACK_WEBHOOK_URL or paste one on the Connect page"
    return [*results, ("Slack", bool(webhook), told)]
