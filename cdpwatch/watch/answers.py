"""Answers what pages asked for: a poll, the check of a token, a test message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from django.conf import settings
from django.db.models import F, Q

from cdpwatch import alerts, budget, catalog, vault
from cdpwatch.channels import CHANNELS, ChannelError
from cdpwatch.http import segment
from cdpwatch.models import RequestKind, RequestState, WorkRequest, Workspace
from cdpwatch.pollers import segment_catalog, segment_usage
from cdpwatch.readings import Direction
from cdpwatch.timetable import POLLERS

from .asks import NotConnected, segment_api
from .judging import evaluate
from .lasting import Clock, Stopped, insist, running, stopping
from .turns import FAILURES, poll

MOST_ATTEMPTS = 3  # workers that may die over one request
GIVEN_UP = "Three workers stopped in the middle of it; the worker's log says why."


def answer_requests(workspace: Workspace, now: datetime) -> None:
    """Answer what waits, one after the other, until nothing does or the worker stops."""
    clock = running(now)
    while not stopping() and (request := insist(lambda: _claim(workspace, clock()))):
        _answer(request, clock)


def _claim(workspace: Workspace, now: datetime) -> WorkRequest | None:
    """The request that has waited longest, leased to the caller; one whose worker died waits too.

    `attempts` is its fence: it grows each time the request is taken up.
    """
    died = Q(state=RequestState.RUNNING, lease_until__lt=now)
    waiting = WorkRequest.objects.filter(Q(state=RequestState.QUEUED) | died, workspace=workspace)
    for request in waiting.order_by("asked_at"):
        if request.attempts >= MOST_ATTEMPTS:
            _close(request, RequestState.FAILED, {"said": GIVEN_UP})
            continue
        mine = waiting.filter(pk=request.pk, attempts=request.attempts).update(
            state=RequestState.RUNNING, lease_until=now + settings.LEASE, attempts=F("attempts") + 1
        )
        if mine:
            request.refresh_from_db()
            return request
    return None


def _answer(request: WorkRequest, clock: Clock) -> None:
    """Answer one request. However it ends, the page that waits for it is told."""
    state = RequestState.FAILED
    result: dict[str, object] = {"said": "It broke; the worker's log says why."}
    try:
        result = _ANSWERS[RequestKind(request.kind)](request, clock)
        state = RequestState.DONE
    except (*FAILURES, ChannelError) as error:
        result = {"said": str(error)}
    except Stopped:
        state, result = RequestState.QUEUED, {}
    finally:
        insist(lambda: _close(request, state, result))


def _close(request: WorkRequest, state: RequestState, result: dict[str, object]) -> None:
    """End the request, or queue it again, unless another worker has taken it up meanwhile."""
    ended = None if state == RequestState.QUEUED else datetime.now(UTC)
    WorkRequest.objects.filter(
        pk=request.pk, attempts=request.attempts, state=RequestState.RUNNING
    ).update(state=state, result=result, finished_at=ended)


def _keep(request: WorkRequest, clock: Clock) -> None:
    """Renew the lease, so that a long answer keeps it."""
    ours = WorkRequest.objects.filter(pk=request.pk, attempts=request.attempts)
    insist(lambda: ours.update(lease_until=clock() + settings.LEASE))


def _answer_poll(request: WorkRequest, clock: Clock) -> dict[str, object]:
    """Poll what was asked for, everything by default; one that fails does not stop the rest."""
    rows, failed, keep = 0, list[Exception](), partial(_keep, request, clock)
    for name in [request.subject] if request.subject else POLLERS:
        try:
            now = clock()
            run = poll(name, request.workspace, now, slot=now, before_each=keep)
            rows += run.rows if run else 0
        except FAILURES as error:
            failed.append(error)
        if stopping():  # what was not polled is the next worker's
            raise Stopped
    evaluate(request.workspace, clock())
    if failed:
        raise failed[0]
    return {"rows": rows}


def _answer_check(request: WorkRequest, clock: Clock) -> dict[str, object]:
    """Try the pasted token: whose workspace it opens and what is in it. Nothing is kept."""
    workspace = request.workspace
    candidate = workspace.credentials.filter(kind="segment_token", candidate=True).first()
    if candidate is None:
        raise NotConnected("The pasted token was taken back before it was checked.")
    url, token = vault.segment_url(candidate.region), vault.secret_of(candidate)
    ca_file = settings.SEGMENT_CA_FILE
    with segment(url, token, allow_loopback=settings.ALLOW_LOOPBACK, ca_file=ca_file) as api:
        api.before_each = partial(_keep, request, clock)
        read = segment_catalog.read(api)
        usage = segment_usage.read(api, budget.usage_periods(clock().date(), 1))
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


def _answer_slack(request: WorkRequest, clock: Clock) -> dict[str, object]:
    address, now = vault.slack_webhook(request.workspace), clock()
    if not address:
        raise NotConnected("No Slack webhook yet: paste one first.")
    message = alerts.test_message(request.workspace, request.asked_by, now)
    CHANNELS["slack"].send(address, message, settings.ALLOW_LOOPBACK)
    request.workspace.channels.filter(kind="slack").update(enabled=True, error="", last_sent=now)
    alerts.hurry(request.workspace, now)
    return {"said": "Slack took the message."}


_ANSWERS: dict[RequestKind, Callable[[WorkRequest, Clock], dict[str, object]]] = {
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
