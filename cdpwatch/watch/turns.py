"""One turn of one poller: leased, asked, recorded and closed; or failed, with its reason."""

from __future__ import annotations

import logging
import time
from datetime import UTC, date, datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import F

from cdpwatch import catalog, counting, vault
from cdpwatch.http import ApiError, RateLimited
from cdpwatch.models import PollerState, PollRun, RunState, Workspace
from cdpwatch.pollers import segment_catalog
from cdpwatch.timetable import POLLERS

from .asks import NO_TOKEN, READ, Days, NotConnected, Record, segment_api, slot_of, state_of

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)  # renewed before each request, so a long read keeps it
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
    every = POLLERS[name].every
    if not vault.has_segment_token(workspace):  # then there is no turn to note either
        raise NotConnected(NO_TOKEN)
    state = state_of(workspace, name, now)
    if state.not_before and state.not_before > now:
        return None
    _close_dead(workspace, name, now)
    run = _lease(workspace, name, slot or slot_of(now, every), now)
    return run if run and _carry_out(run, state, now, days) else None


def _carry_out(run: PollRun, state: PollerState, now: datetime, days: Days) -> bool:
    """Ask, record and close `run`. False: it was taken over meanwhile. Raises as `poll` does."""
    live, workspace = days is None, state.workspace
    try:
        with segment_api(workspace) as api:
            api.before_each = partial(_renew, run, now, time.monotonic())
            # Each turn, not only the catalog's: a new token must not mix two workspaces' counts.
            catalog.check_pin(workspace, segment_catalog.workspace(api))
            record = READ[run.poller](api, workspace, now, days)
        rows = _record(run, record, now, live=live)
    except FAILURES as error:
        _fail(run, state, error, str(error), now, live=live)
        raise
    except Exception as error:
        said = f"It broke ({type(error).__name__}); the worker's log says where."
        _fail(run, state, error, said, now, live=live)
        raise
    if rows is None:
        return False
    log.info("poll poller=%s slot=%s rows=%d state=good", run.poller, run.slot.isoformat(), rows)
    return True


def _renew(run: PollRun, now: datetime, began: float) -> None:
    """Keep the lease while the turn goes on asking. `now` and `began` are the turn's start."""
    passed = timedelta(seconds=time.monotonic() - began)
    PollRun.objects.filter(pk=run.pk, fence=run.fence).update(lease_until=now + passed + LEASE)


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


def _fail(
    run: PollRun, state: PollerState, error: Exception, said: str, now: datetime, *, live: bool
) -> None:
    """Close the run with its reason; only a `live` turn speaks of the poller's present."""
    said = said[:500]
    log.warning("poll poller=%s slot=%s state=failed said=%s", run.poller, run.slot, said)
    closed = PollRun.objects.filter(pk=run.pk, fence=run.fence, state=RunState.RUNNING).update(
        state=RunState.FAILED, finished_at=datetime.now(UTC), error=said
    )
    if not closed:
        return
    if isinstance(error, RateLimited) and error.retry_after:
        not_before = now + timedelta(seconds=error.retry_after)
        PollerState.objects.filter(pk=state.pk).update(not_before=not_before)
    if not live:
        return
    PollerState.objects.filter(pk=state.pk).update(
        last_run=now, failures=F("failures") + 1, error=said
    )
    if run.poller == "usage":
        counting.note_failure(run.workspace, f"The poll failed: {said}"[:300], now.date())
