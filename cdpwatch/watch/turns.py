"""One turn of one poller: leased, asked, recorded and closed; or failed, with its reason."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta

from django.db import transaction
from django.db.models import F

from cdpwatch import catalog, counting, vault
from cdpwatch.http import ApiError, RateLimited
from cdpwatch.models import PollerState, PollRun, RunState, Workspace
from cdpwatch.pollers import segment_catalog
from cdpwatch.timetable import POLLERS

from .asks import READ, NotConnected, Record, segment_api, slot_of, state_of

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)
FAILURES = (ApiError, NotConnected, catalog.WrongWorkspace, vault.Locked)


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
    state = state_of(workspace, name, now)
    if state.not_before and state.not_before > now:
        return None
    _close_dead(workspace, name, now)
    run = _lease(workspace, name, slot or slot_of(now, POLLERS[name].every), now)
    if run is None:
        return None
    try:
        with segment_api(workspace) as api:
            # Each turn, not only the catalog's: a new token must not mix two workspaces' counts.
            catalog.check_pin(workspace, segment_catalog.workspace(api))
            record = READ[name](api, workspace, now, days)
        rows = _record(run, record, now, live=days is None)
    except FAILURES as error:
        _fail(run, state, error, now)
        raise
    if rows is None:
        return None
    log.info("poll poller=%s slot=%s rows=%d state=good", name, run.slot.isoformat(), rows)
    return run


def _close_dead(workspace: Workspace, name: str, now: datetime) -> None:
    """Fail the runs whose holder died: many a slot never comes again, and would look alive."""
    running = PollRun.objects.filter(workspace=workspace, poller=name, state=RunState.RUNNING)
    running.filter(lease_until__lt=now).update(
        state=RunState.FAILED, finished_at=now, error="Its worker stopped in the middle."
    )


def _lease(workspace: Workspace, name: str, slot: datetime, now: datetime) -> PollRun | None:
    """Take the slot: as its first comer, or again after it failed or its holder died."""
    turn = {"workspace": workspace, "poller": name, "slot": slot}
    lease = {"state": RunState.RUNNING, "lease_until": now + LEASE, "started_at": now}
    run, mine = PollRun.objects.get_or_create(**turn, defaults=lease)
    if not mine:
        taken = PollRun.objects.filter(pk=run.pk, state=RunState.FAILED)
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
