"""The lease of a turn: one holder at a time, and a fence against one that woke up too late.

    begin   lock the poller -> put off what died -> take the slot, as first comer or once more
    keep    before each request: the lease is longer, or the turn is another's by now
    hold    first thing in the transaction that writes: ours until it commits
    close   the last thing: good, failed or put off

    running -> good | failed | put off;  failed | put off -> running again, with fence + 1

Of the tables a turn writes only these rows are its own; the others it writes under `hold`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from cdpwatch.models import PollerState, PollRun, RunState, Workspace

DIED = "Its worker stopped in the middle."


class Superseded(Exception):
    """The lease ran out and another took the turn: nothing may be written any more."""


@transaction.atomic
def begin(
    state: PollerState, slot: datetime, now: datetime, every: timedelta | None
) -> PollRun | None:
    """Take the turn named `slot`, or None: it was done, or somebody is at it.

    With `every` (a live turn's interval) it is put off while another live turn is still on.
    """
    # Two workers take turns here; SQLite's IMMEDIATE does so by itself.
    PollerState.objects.select_for_update().get(pk=state.pk)
    put_off_dead(state.workspace, now)
    busy = _still_on(state, slot, every) if every else None
    turn = {"workspace": state.workspace, "poller": state.poller, "slot": slot}
    run, ours = PollRun.objects.get_or_create(**turn, defaults=_opening(busy, now))
    if busy:
        return None
    if not ours:
        free = PollRun.objects.filter(pk=run.pk, state__in=(RunState.FAILED, RunState.PUT_OFF))
        again = {"fence": F("fence") + 1, "error": "", "finished_at": None}
        ours = bool(free.update(**_opening(None, now), **again))
        run.refresh_from_db()
    return run if ours else None


def put_off_dead(workspace: Workspace, now: datetime) -> None:
    """Close the runs whose holder died: many a slot never comes again, and would look alive."""
    running = PollRun.objects.filter(workspace=workspace, state=RunState.RUNNING)
    running.filter(lease_until__lt=now).update(state=RunState.PUT_OFF, finished_at=now, error=DIED)


def _still_on(state: PollerState, slot: datetime, every: timedelta) -> PollRun | None:
    """Another live turn of the poller that has not ended. Turns of the past have old slots."""
    rows = PollRun.objects.filter(
        workspace=state.workspace, poller=state.poller, state=RunState.RUNNING
    )
    live = (run for run in rows.exclude(slot=slot) if run.started_at - run.slot < every)
    return next(live, None)


def _opening(busy: PollRun | None, now: datetime) -> dict[str, Any]:
    """A run's fields as it begins; or as it is put off, for another is still on."""
    if busy is None:
        until = now + settings.LEASE
        return {"state": RunState.RUNNING, "lease_until": until, "started_at": now}
    since = f"{busy.started_at:%H:%M} UTC"
    return {
        "state": RunState.PUT_OFF,
        "lease_until": now,
        "started_at": now,
        "finished_at": now,
        "error": f"The turn of {since} was still running.",
    }


def keep(run: PollRun, now: datetime) -> None:
    """Renew the lease. Raises Superseded."""
    if not _ours(run).update(lease_until=now + settings.LEASE):
        raise Superseded


def hold(run: PollRun) -> None:
    """Lock the turn for the rest of the transaction: nobody takes it over now.

    Raises Superseded.
    """
    if not _ours(run).select_for_update().exists():
        raise Superseded


def close(run: PollRun, state: RunState, now: datetime, **fields: Any) -> bool:
    """End the turn; False, and nothing is written, when it is another's by now."""
    return bool(_ours(run).update(state=state, finished_at=now, **fields))


def _ours(run: PollRun) -> QuerySet[PollRun]:
    return PollRun.objects.filter(pk=run.pk, fence=run.fence, state=RunState.RUNNING)
