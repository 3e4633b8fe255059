"""The whole system on one screen: poll, evaluate, deliver; and the sweep that keeps them going.

    poll(name)   lease a run -> ask Segment -> record and close it in one transaction
    backfill()   one more step into the past, until the history is read
    evaluate()   snapshot -> projection row -> detectors -> alerts and their outbox
    deliver()    claim what waits -> channel -> note what the far side said
    sweep()      what pages asked for, first polls, history

A failed poll is a hole with a reason, never a zero. Each verb may run twice or be killed at
any point: the next turn makes the rows what they should be.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from . import alerts, budget, catalog, counting, snapshot, vault
from .channels import CHANNELS, ChannelError
from .detectors import find_all
from .http import Api, ApiError, RateLimited, segment
from .models import (
    Connection,
    Contract,
    Delivery,
    Heartbeat,
    PollerState,
    PollRun,
    Projection,
    RequestKind,
    RequestState,
    RunState,
    WorkRequest,
    Workspace,
)
from .pollers import segment_catalog, segment_delivery, segment_usage, segment_volume
from .progress import WITH_HISTORY, oldest_day
from .readings import Direction, Grain, Window
from .timetable import POLLERS

log = logging.getLogger(__name__)

DAY = timedelta(days=1)
LEASE = timedelta(minutes=3)
REST = timedelta(minutes=5)  # before a month of the past that failed is asked for again
DELIVERY_DAYS = 30  # Segment keeps no older deliveries
LAG = timedelta(minutes=1)  # of /events/volume behind the clock
# What each turn reads again, since the newest buckets still grow.
SETTLING = {
    Grain.MINUTE: timedelta(minutes=10),
    Grain.HOUR: timedelta(hours=3),
    Grain.DAY: timedelta(days=2),
}
# How far back a first turn, or one after a pause, reads.
REACH = {
    Grain.MINUTE: timedelta(hours=3),
    Grain.HOUR: timedelta(hours=48),
    Grain.DAY: timedelta(days=31),
}

Record = Callable[[], int]


class NotConnected(Exception):
    """There is no Segment token yet."""


# --- polling ----------------------------------------------------------------------------------
def poll(
    name: str,
    workspace: Workspace,
    now: datetime,
    *,
    slot: datetime | None = None,
    days: tuple[date, date] | None = None,
) -> PollRun | None:
    """One turn of one poller; None when the turn is somebody else's, or it may not run yet.

    `slot` is the turn's name (default: `now` rounded down to the poller's interval); `days`
    (first, last) ask for a span of the past instead. Raises KeyError for an unknown poller and
    ApiError, NotConnected, WrongWorkspace or Locked when it failed; the run then says why.
    """
    state = _state(workspace, name, now)
    if state.not_before and state.not_before > now:
        return None
    run = _lease(workspace, name, slot or slot_of(now, POLLERS[name].every), now)
    if run is None:
        return None
    try:
        with _segment(workspace) as api:
            # Each turn, not only the catalog's: a new token must not mix two workspaces' counts.
            catalog.check_pin(workspace, segment_catalog.workspace(api))
            record = _READ[name](api, workspace, now, days)
        rows = _record(run, record, now, live=days is None)
    except (ApiError, NotConnected, catalog.WrongWorkspace, vault.Locked) as error:
        _fail(run, state, error, now)
        raise
    if rows is None:
        return None
    log.info("poll poller=%s slot=%s rows=%d state=good", name, run.slot.isoformat(), rows)
    return run


def slot_of(now: datetime, every: timedelta) -> datetime:
    """The turn that `now` falls into: turns begin at whole multiples of the interval."""
    seconds = int(every.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, tz=UTC)


def _lease(workspace: Workspace, name: str, slot: datetime, now: datetime) -> PollRun | None:
    """Take the slot: as its first comer, again after it failed, or from a holder that died."""
    turn = {"workspace": workspace, "poller": name, "slot": slot}
    lease = {"state": RunState.RUNNING, "lease_until": now + LEASE, "started_at": now}
    run, mine = PollRun.objects.get_or_create(**turn, defaults=lease)
    if not mine:
        free = Q(state=RunState.FAILED) | Q(state=RunState.RUNNING, lease_until__lt=now)
        taken = PollRun.objects.filter(free, pk=run.pk)
        mine = bool(taken.update(**lease, fence=F("fence") + 1, error="", finished_at=None))
        run.refresh_from_db()
    return run if mine else None


@transaction.atomic
def _record(run: PollRun, record: Record, now: datetime, *, live: bool) -> int | None:
    """Write the rows and close the run together. None: the lease was taken, nothing is written.

    Only a `live` turn says that the poller sees the present; reading the past does not.
    """
    rows = record()
    closed = PollRun.objects.filter(pk=run.pk, fence=run.fence, state=RunState.RUNNING).update(
        state=RunState.GOOD, finished_at=datetime.now(UTC), rows=rows
    )
    if not closed:
        transaction.set_rollback(True)
        return None
    if live:
        PollerState.objects.filter(workspace=run.workspace_id, poller=run.poller).update(
            last_run=now, last_good=now, failures=0, error="", rows=rows, not_before=None
        )
    run.rows = rows
    return rows


def _fail(run: PollRun, state: PollerState, error: Exception, now: datetime) -> None:
    said = str(error)[:500]
    log.warning("poll poller=%s slot=%s state=failed said=%s", run.poller, run.slot, said)
    closed = PollRun.objects.filter(pk=run.pk, fence=run.fence, state=RunState.RUNNING).update(
        state=RunState.FAILED, finished_at=datetime.now(UTC), error=said
    )
    if not closed:
        return
    wait = error.retry_after if isinstance(error, RateLimited) else None
    PollerState.objects.filter(pk=state.pk).update(
        last_run=now,
        failures=F("failures") + 1,
        error=said,
        not_before=now + timedelta(seconds=wait) if wait else None,
    )
    if run.poller == "usage":
        counting.note_failure(run.workspace, f"The poll failed: {said}"[:300], now.date())


def _segment(workspace: Workspace) -> Api:
    token = vault.segment_token(workspace)
    if not token:
        raise NotConnected("No Segment token yet: paste one on the Connect page.")
    url = vault.segment_url(workspace.region)
    return segment(url, token, allow_loopback=settings.ALLOW_LOOPBACK)


def _state(workspace: Workspace, name: str, now: datetime) -> PollerState:
    state, _ = PollerState.objects.get_or_create(
        workspace=workspace, poller=name, defaults={"first_due": now}
    )
    return state


# --- what each poller asks, and who records it ------------------------------------------------
Days = tuple[date, date] | None


def _catalog(api: Api, workspace: Workspace, now: datetime, _: Days) -> Record:
    read = segment_catalog.read(api)
    return lambda: catalog.record(workspace, read.workspace, read.connections, read.functions, now)


def _usage(api: Api, workspace: Workspace, now: datetime, days: Days) -> Record:
    if days:
        months = (days[1].year - days[0].year) * 12 + days[1].month - days[0].month + 1
        periods = budget.usage_periods(days[1], months)
    else:
        periods = budget.usage_periods(now.date(), 2)  # restatements reach the previous one
    readings = segment_usage.read(api, sorted(periods))
    return lambda: counting.record_usage(workspace, readings, now)


def _volume(api: Api, workspace: Workspace, now: datetime, days: Days) -> Record:
    if days:
        windows = {Grain.DAY: Window(_start_of(days[0]), min(_start_of(days[1]) + DAY, now - LAG))}
    else:
        last = _state(workspace, "volume", now).last_good
        windows = {grain: volume_window(grain, last, now) for grain in Grain}
    read = [
        (grain, window, segment_volume.read(api, grain, window))
        for grain, window in windows.items()
    ]
    return lambda: sum(
        counting.record_volume(workspace, grain, window, readings, now)
        for grain, window, readings in read
    )


def volume_window(grain: Grain, last_good: datetime | None, now: datetime) -> Window:
    """What a turn reads at one grain: what may still change, and what a pause left out."""
    width = {Grain.MINUTE: timedelta(minutes=1), Grain.HOUR: timedelta(hours=1), Grain.DAY: DAY}
    since = now - REACH[grain]
    if last_good:
        since = max(since, last_good - SETTLING[grain])
    end = slot_of(now - LAG, timedelta(minutes=1))
    return Window(slot_of(since, width[grain]), end)


def _delivery(api: Api, workspace: Workspace, now: datetime, days: Days) -> Record:
    last = _state(workspace, "delivery", now).last_good
    span = timedelta(days=3) if last else timedelta(days=DELIVERY_DAYS - 1)
    window = Window(slot_of(now - span, DAY), slot_of(now, timedelta(minutes=1)))
    if days:
        oldest = slot_of(now - timedelta(days=DELIVERY_DAYS - 1), DAY)
        window = Window(max(_start_of(days[0]), oldest), min(_start_of(days[1]) + DAY, now))
    pairs = _pairs(workspace)
    readings = segment_delivery.read(api, pairs, window)
    return lambda: counting.record_delivery(workspace, readings, now)


def _pairs(workspace: Workspace) -> list[tuple[str, str]]:
    """(source, destination) of every live destination: Segment answers per pair."""
    rows = Connection.objects.filter(workspace=workspace).live().destinations()
    return list(rows.exclude(fed_by=None).values_list("fed_by__source__segment_id", "segment_id"))


_READ: dict[str, Callable[[Api, Workspace, datetime, Days], Record]] = {
    "catalog": _catalog,
    "usage": _usage,
    "volume": _volume,
    "delivery": _delivery,
}


def _start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


# --- history ----------------------------------------------------------------------------------
def backfill(workspace: Workspace, now: datetime) -> bool:
    """Read one more month of the past, usage and volume in turn. False when all of it is read."""
    for state in _history(workspace, now):
        if state.history_from is None or state.history_from > oldest_day(now.date()):
            month = _month_before(state.history_from or now.date().replace(day=1))
            if _backfill_month(state, month, now):
                return True
    return False


def _history(workspace: Workspace, now: datetime) -> list[PollerState]:
    """States of pollers that keep history, the one that is least far first."""
    rows = PollerState.objects.filter(workspace=workspace, poller__in=WITH_HISTORY)
    ready = [row for row in rows if row.last_good]
    ready.sort(key=lambda row: row.history_from or now.date(), reverse=True)
    return ready


def _backfill_month(state: PollerState, month: date, now: datetime) -> bool:
    """Read one month, unless it failed a moment ago. Whether it is read now."""
    turn = PollRun.objects.filter(
        workspace=state.workspace, poller=state.poller, slot=_start_of(month)
    )
    if turn.filter(state=RunState.FAILED, started_at__gt=now - REST).exists():
        return False
    days = (month, _next_month(month) - DAY)
    poll(state.poller, state.workspace, now, slot=_start_of(month), days=days)
    if not turn.filter(state=RunState.GOOD).exists():
        return False
    PollerState.objects.filter(pk=state.pk).update(history_from=month)
    return True


def _month_before(first: date) -> date:
    return (first - DAY).replace(day=1)


def _next_month(first: date) -> date:
    return (first + 32 * DAY).replace(day=1)


# --- evaluating -------------------------------------------------------------------------------
def evaluate(workspace: Workspace, now: datetime) -> snapshot.Snapshot:
    """Project the running period, find what is wrong, and bring the alerts in line."""
    view = snapshot.take(workspace, now)
    keep_projection(workspace, view)
    alerts.sync(workspace, find_all(view.situation), view.situation)
    return view


def keep_projection(workspace: Workspace, view: snapshot.Snapshot) -> Projection:
    """The day's projection row: the last evaluation of a day stays."""
    state = view.standing
    row, _ = Projection.objects.update_or_create(
        contract=Contract.objects.get(workspace=workspace),
        as_of=view.situation.now.date(),
        period_start=state.period.start,
        defaults={
            "period_end": state.period.end,
            "made_at": view.situation.now,
            "used": state.used,
            "quantiles": {
                str(level): round(total)
                for level, total in zip(view.projected.levels, view.projected.totals, strict=True)
            },
            "chance_over": state.chance_over,
            "crosses_on": state.crosses_on,
            "verdict": state.verdict,
            "method": view.projected.method,
        },
    )
    return row


# --- delivering -------------------------------------------------------------------------------
def deliver(now: datetime, *, most: int = 20) -> int:
    """Send what waits, at most `most` messages. How many were sent."""
    sent = 0
    for _ in range(most):
        delivery = alerts.claim_due(now)
        if delivery is None:
            break
        sent += _send(delivery, now)
    return sent


def _send(delivery: Delivery, now: datetime) -> bool:
    channel = delivery.channel
    try:
        address = vault.slack_webhook(channel.workspace)
        if not address:
            raise ChannelError("No Slack webhook yet: paste one on the Connect page.")
        CHANNELS[channel.kind].send(address, delivery.as_message(), settings.ALLOW_LOOPBACK)
    except (ChannelError, vault.Locked) as error:
        permanent = isinstance(error, ChannelError) and error.permanent
        wait = error.retry_after if isinstance(error, ChannelError) else None
        log.warning("deliver delivery=%d state=failed said=%s", delivery.pk, error)
        alerts.note_failed(delivery, str(error), now, permanent=permanent, retry_after=wait)
        return False
    alerts.note_sent(delivery, now)
    log.info("deliver delivery=%d channel=%s state=sent", delivery.pk, channel.kind)
    return True


# --- the sweep --------------------------------------------------------------------------------
def sweep(workspace: Workspace, now: datetime) -> None:
    """What cannot wait for a schedule: requests of pages, pollers that never ran, history."""
    _answer_requests(workspace, now)
    if not vault.segment_token(workspace):
        return
    waiting = [name for name in POLLERS if not _tried(workspace, name)]
    for name in waiting:  # in the table's order: counts need the catalog's names
        if not _try(partial(poll, name, workspace, now)):
            return  # another sweep is at it
    if not waiting:
        _try(partial(backfill, workspace, now))


def _tried(workspace: Workspace, name: str) -> bool:
    return PollerState.objects.filter(
        workspace=workspace, poller=name, last_run__isnull=False
    ).exists()


def _try(turn: Callable[[], object]) -> bool:
    """Whether the turn was ours. A failed one is on its run and on the health page."""
    try:
        return turn() is not None
    except (ApiError, NotConnected, catalog.WrongWorkspace, vault.Locked) as error:
        log.debug("sweep went on after: %s", error)
        return True


def _answer_requests(workspace: Workspace, now: datetime) -> None:
    queued = WorkRequest.objects.filter(workspace=workspace, state=RequestState.QUEUED)
    for request in queued.order_by("asked_at"):
        mine = queued.filter(pk=request.pk).update(state=RequestState.RUNNING)
        if mine:
            _answer(request, now)


def _answer(request: WorkRequest, now: datetime) -> None:
    state, result = RequestState.DONE, {}
    try:
        result = _ANSWERS[RequestKind(request.kind)](request, now)
    except (ApiError, ChannelError, NotConnected, catalog.WrongWorkspace, vault.Locked) as error:
        state, result = RequestState.FAILED, {"said": str(error)}
    WorkRequest.objects.filter(pk=request.pk).update(
        state=state, result=result, finished_at=datetime.now(UTC)
    )


def _answer_poll(request: WorkRequest, now: datetime) -> dict[str, object]:
    names: Sequence[str] = [request.subject] if request.subject else list(POLLERS)
    runs = [poll(name, request.workspace, now, slot=now) for name in names]
    evaluate(request.workspace, now)
    return {"rows": sum(run.rows for run in runs if run)}


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
    return {"said": "Slack took the message."}


_ANSWERS: dict[RequestKind, Callable[[WorkRequest, datetime], dict[str, object]]] = {
    RequestKind.POLL: _answer_poll,
    RequestKind.CHECK_TOKEN: _answer_check,
    RequestKind.TEST_SLACK: _answer_slack,
}


def beat(name: str, now: datetime) -> None:
    """Note that beat or the worker is alive."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now})


def check(workspace: Workspace) -> list[tuple[str, bool, str]]:
    """What `check_connections` prints: (what, works, what was said) for Segment and Slack."""
    results = []
    try:
        with _segment(workspace) as api:
            read = segment_catalog.read(api)
        said = f"“{read.workspace.name}”, {len(read.connections)} connections"
        catalog.check_pin(workspace, read.workspace)
        results.append(("Segment", True, said))
    except (ApiError, NotConnected, catalog.WrongWorkspace, vault.Locked) as error:
        results.append(("Segment", False, str(error)))
    webhook = vault.slack_webhook(workspace)
    if webhook:
        told = "a webhook is set; the Connect page sends a test message"
    else:
        told = "no webhook: set SLACK_WEBHOOK_URL or paste one on the Connect page"
    return [*results, ("Slack", bool(webhook), told)]
