"""One turn of one poller: leased, asked, recorded and closed; or failed, with its reason."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import F, Q

from cdpwatch import catalog, counting, vault, wording
from cdpwatch.failpoints import failpoint
from cdpwatch.http import ApiError, RateLimited
from cdpwatch.models import PollerState, PollRun, RunState, Workspace
from cdpwatch.pollers import segment_catalog
from cdpwatch.readings import NotRecorded, Rejection
from cdpwatch.timetable import POLLERS

from . import leases
from .asks import NO_TOKEN, READ, Days, NotConnected, Record, segment_api, slot_of, state_of
from .lasting import DATABASE_AWAY, Clock, Stopped, insist, running, stopping

log = logging.getLogger(__name__)

LONGEST_PAUSE = 20.0  # seconds that a turn sits out; a longer pause ends it
FAILURES = (ApiError, NotConnected, NotRecorded, vault.Locked)


def poll(
    name: str,
    workspace: Workspace,
    now: datetime,
    *,
    slot: datetime | None = None,
    days: tuple[date, date] | None = None,
    before_each: Callable[[], object] = lambda: None,
) -> PollRun | None:
    """One turn of one poller; None when the turn is somebody else's, or it may not run yet.

    `slot` is the turn's name (default: `now` rounded down to the poller's interval); `days`
    (first, last) ask for a span of the past instead; `before_each` is called before every
    request. Raises KeyError for an unknown poller and ApiError, NotConnected, NotRecorded or
    Locked when it failed; the run then says why.
    """
    every = POLLERS[name].every
    if not vault.has_segment_token(workspace):  # then there is no turn to note either
        raise NotConnected(NO_TOKEN)
    if pause_of(workspace, now) > 0:
        return None
    state, live = state_of(workspace, name, now), days is None
    begin = partial(leases.begin, state, slot or slot_of(now, every), now, every if live else None)
    run = insist(begin)
    if run is None:
        return None
    turn = Turn(run, live, now, running(now), before_each)
    return run if _carry_out(turn, workspace, days) else None


def pause_of(workspace: Workspace, now: datetime) -> float:
    """Seconds for which Segment wants to hear nothing from this token; 0 or less: it may be asked.

    Segment's limits are for a token, so every worker looks here before every request.
    """
    rows = Workspace.objects.filter(pk=workspace.pk)
    until = rows.values_list("throttled_until", flat=True).get()
    return (until - now).total_seconds() if until else 0.0


@dataclass(frozen=True)
class Turn:
    """A run in the hands of its holder. `now` is when it began, `clock` runs on from there."""

    run: PollRun
    live: bool  # it reads the present: the poller's state follows it
    now: datetime
    clock: Clock
    also: Callable[[], object] = lambda: None
    sleep: Callable[[float], object] = field(default=time.sleep)

    def before_request(self) -> None:
        """Stop, if asked to; keep the lease; sit out a pause that Segment asked for.

        Raises Stopped, Superseded, and RateLimited for a pause that is too long.
        """
        failpoint("mid poll")
        self._go_on()
        while (pause := insist(lambda: pause_of(self.run.workspace, self.clock()))) > 0:
            if pause > LONGEST_PAUSE:
                until = wording.moment(self.clock() + timedelta(seconds=pause))
                raise RateLimited(f"Segment asked to wait until {until}.", retry_after=pause)
            self.sleep(pause + random.random())  # so that two workers do not come back together
            self._go_on()

    def _go_on(self) -> None:
        if stopping():
            raise Stopped
        insist(lambda: leases.keep(self.run, self.clock()))
        self.also()

    def throttled(self, seconds: float) -> None:
        """Segment answered 429: nobody who has this token asks before that is over."""
        until = self.clock() + timedelta(seconds=seconds)
        rows = Workspace.objects.filter(pk=self.run.workspace_id)
        earlier = Q(throttled_until=None) | Q(throttled_until__lt=until)
        insist(lambda: rows.filter(earlier).update(throttled_until=until))


def _carry_out(turn: Turn, workspace: Workspace, days: Days) -> bool:
    """Ask, record and close. False: it was taken over or stopped meanwhile. Raises as `poll`."""
    try:
        with segment_api(workspace) as api:
            api.before_each, api.on_throttled = turn.before_request, turn.throttled
            # Each turn, not only the catalog's: a new token must not mix two workspaces' counts.
            catalog.check_pin(workspace, segment_catalog.workspace(api))
            record = READ[turn.run.poller](api, workspace, turn.now, days)
        insist(partial(_record, turn, record, api.rejections))
    except leases.Superseded:
        log.warning("poll poller=%s slot=%s state=superseded", turn.run.poller, turn.run.slot)
        return False
    except Stopped:
        insist(partial(leases.close, turn.run, RunState.PUT_OFF, turn.clock(), error=leases.DIED))
        return False
    except DATABASE_AWAY:  # then the failure cannot be noted either: the lease runs out
        raise
    except FAILURES as error:
        _fail(turn, str(error))
        raise
    except Exception as error:
        _fail(turn, f"It broke ({type(error).__name__}); the worker's log says where.")
        raise
    failpoint("after commit")
    return True


@transaction.atomic
def _record(turn: Turn, record: Record, rejections: list[Rejection]) -> None:
    """Write the rows and close the run together. Raises Superseded: then nothing is written.

    Only a live turn says that the poller sees the present; reading the past does not.
    """
    run = turn.run
    leases.hold(run)
    run.rows = record()
    run.rejected = counting.record_rejections(run, rejections)
    failpoint("mid write")
    counted = {"rows": run.rows, "rejected": run.rejected}
    leases.close(run, RunState.GOOD, datetime.now(UTC), **counted)
    if turn.live:
        PollerState.objects.filter(workspace=run.workspace_id, poller=run.poller).update(
            last_run=turn.now, last_good=turn.now, failures=0, error="", **counted
        )
    log.info("poll poller=%s slot=%s rows=%d state=good", run.poller, run.slot, run.rows)


def _fail(turn: Turn, said: str) -> None:
    log.warning("poll poller=%s slot=%s state=failed said=%s", turn.run.poller, turn.run.slot, said)
    insist(partial(_note_failure, turn, said[:500]))


@transaction.atomic
def _note_failure(turn: Turn, said: str) -> None:
    """Close the run with its reason; only a live turn speaks of the poller's present."""
    run = turn.run
    ours = leases.close(run, RunState.FAILED, datetime.now(UTC), error=said)
    if not (ours and turn.live):
        return
    PollerState.objects.filter(workspace=run.workspace_id, poller=run.poller).update(
        last_run=turn.now, failures=F("failures") + 1, error=said
    )
    if run.poller == "usage":
        counting.note_failure(run.workspace, f"The poll failed: {said}"[:300], turn.now.date())
