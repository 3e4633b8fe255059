"""Answers what pages asked for: a poll, the check of a token or of keys, a test message."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial

from django.conf import settings
from django.db.models import F, Q

from cdpwatch import alerts, budget, catalog, pacing, roster, vault
from cdpwatch.channels import CHANNELS, ChannelError
from cdpwatch.counters import COUNTERS, Counter
from cdpwatch.counters.bigquery import BIGQUERY
from cdpwatch.counters.vendors import vendors
from cdpwatch.http import segment
from cdpwatch.models import PollerState, RequestKind, RequestState, WorkRequest, Workspace
from cdpwatch.pollers import segment_catalog, segment_usage
from cdpwatch.readings import Direction
from cdpwatch.timetable import POLLERS

from .asks import NotConnected, segment_api
from .judging import evaluate
from .lasting import Clock, Stopped, insist, running, stopping
from .others import counter_api, no_keys
from .turns import FAILURES, poll
from .warehouse import check_warehouse

Told = tuple[str, bool | None, str]  # what, whether it works (None: not connected), in words
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
    """Poll what was asked for, everything by default; one that fails does not stop the rest.

    `busy` names those that another turn is reading already, or that may not be asked yet.
    """
    rows, failed, busy = 0, list[Exception](), list[str]()
    keep = partial(_keep, request, clock)
    for name in [request.subject] if request.subject else _everyone(request.workspace):
        try:
            now = clock()
            run = poll(name, request.workspace, now, slot=now, before_each=keep)
            rows += run.rows if run else 0
            busy += [] if run else [name]
        except FAILURES as error:
            failed.append(error)
        if stopping():  # what was not polled is the next worker's
            raise Stopped
    evaluate(request.workspace, clock())
    if failed:
        raise failed[0]
    return {"rows": rows, "busy": busy}


def _everyone(workspace: Workspace) -> Iterable[str]:
    """All that are connected; with nothing connected Segment's, which then say what is missing."""
    return roster.connected(workspace) or POLLERS


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
        pacing.govern(api, "SEGMENT_API_URL", token)
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


def _answer_keys(request: WorkRequest, clock: Clock) -> dict[str, object]:
    """Try a vendor's pasted keys. They are put in use when it took them, else forgotten."""
    workspace, vendor = request.workspace, vendors(COUNTERS.values())[request.subject]
    keep = partial(_keep, request, clock)
    try:
        said = [_try_keys(workspace, counter, keep) for counter in vendor.counters]
    except FAILURES:
        vault.discard_keys(workspace, vendor)
        raise
    insist(lambda: vault.promote_keys(workspace, vendor))
    failed = PollerState.objects.filter(workspace=workspace, failures__gt=0)
    failed = failed.filter(poller__in=[counter.key for counter in vendor.counters])
    insist(lambda: failed.update(last_run=None, throttled_until=None))  # the sweep tries again
    return {"said": " ".join(dict.fromkeys(said))}


def _try_keys(workspace: Workspace, counter: Counter, keep: Callable[[], object]) -> str:
    keys = vault.keys_of(workspace, counter, candidates=True)
    if counter is BIGQUERY:
        return check_warehouse(workspace, keys, datetime.now(UTC), keep)
    with counter_api(workspace, counter, keys, candidates=True) as api:
        api.before_each = keep
        return counter.check(api, keys)


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
    RequestKind.CHECK_KEYS: _answer_keys,
}


def check(workspace: Workspace) -> list[Told]:
    """What `check_connections` prints: of Segment, of Slack and of each counter."""
    counters = [_check_counter(workspace, counter) for counter in COUNTERS.values()]
    return [_check_segment(workspace), _check_slack(workspace), *counters]


def _check_segment(workspace: Workspace) -> Told:
    try:
        with segment_api(workspace) as api:
            read = segment_catalog.read(api)
        catalog.check_pin(workspace, read.workspace)
    except FAILURES as error:
        return "Segment", False, str(error)
    return "Segment", True, f"“{read.workspace.name}”, {len(read.connections)} connections"


def _check_slack(workspace: Workspace) -> Told:
    if vault.slack_webhook(workspace):
        return "Slack", True, "a webhook is set; the Connect page sends a test message"
    told = "no webhook: set SLACK_WEBHOOK_URL or paste one on the Connect page"
    return "Slack", False, told


def _check_counter(workspace: Workspace, counter: Counter) -> Told:
    if counter.key not in roster.connected_counters(workspace):
        return counter.title, None, no_keys(counter)
    try:
        keys = vault.keys_of(workspace, counter)
        if counter is BIGQUERY:
            return counter.title, True, check_warehouse(workspace, keys, datetime.now(UTC))
        with counter_api(workspace, counter, keys) as api:
            return counter.title, True, counter.check(api, keys)
    except FAILURES as error:
        return counter.title, False, str(error)
