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
from django.db.models import F, Q, QuerySet

from cdpwatch import catalog, counting, roster, vault, wording
from cdpwatch.counters import COUNTERS, Counter
from cdpwatch.counters.bigquery import BIGQUERY
from cdpwatch.counters.vendors import vendor_name
from cdpwatch.failpoints import failpoint
from cdpwatch.http import ApiError, RateLimited
from cdpwatch.models import PollerState, PollRun, RunState, Workspace
from cdpwatch.pollers import segment_catalog
from cdpwatch.readings import NotRecorded, Rejection

from . import leases
from .asks import NO_TOKEN, READ, NotConnected, segment_api, slot_of, state_of
from .lasting import DATABASE_AWAY, Clock, Stopped, insist, running, stopping
from .others import ask_counter, counter_api, no_keys, window_of
from .pipeline import Days, Record
from .warehouse import ask_warehouse

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
    every = roster.everyone()[name].every
    if name not in roster.connected(workspace):  # then there is no turn to note either
        raise NotConnected(no_keys(COUNTERS[name]) if name in COUNTERS else NO_TOKEN)
    if pause_of(workspace, now, name) > 0:
        return None
    state, live = state_of(workspace, name, now), days is None
    begin = partial(leases.begin, state, slot or slot_of(now, every), now, every if live else None)
    run = insist(begin)
    if run is None:
        return None
    turn = Turn(run, live, now, running(now), before_each)
    return run if _carry_out(turn, days) else None


def pause_of(workspace: Workspace, now: datetime, name: str = "") -> float:
    """Seconds for which Segment wants to hear nothing from this token; 0 or less: it may be asked.

    Segment's limits are for a token, so every worker looks here before every request; a counter
    (`name`) has a pause of its own.
    """
    until = _throttled(workspace, name).values_list("throttled_until", flat=True).first()
    return (until - now).total_seconds() if until else 0.0


def asked_by(name: str) -> str:
    """Who answers a poller: "Segment", or the vendor of a counter."""
    return vendor_name(COUNTERS[name]) if name in COUNTERS else "Segment"


def _throttled(workspace: Workspace, name: str) -> QuerySet[Workspace] | QuerySet[PollerState]:
    """The row that knows until when a poller's other side wants to hear nothing."""
    if name in COUNTERS:
        return PollerState.objects.filter(workspace=workspace, poller=name)
    return Workspace.objects.filter(pk=workspace.pk)


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
        """Stop, if asked to; keep the lease; sit out a pause that the other side asked for.

        Raises Stopped, Superseded, and RateLimited for a pause that is too long.
        """
        failpoint("mid poll")
        self._go_on()
        while (pause := insist(self._pause)) > 0:
            if pause > LONGEST_PAUSE:
                until = wording.moment(self.clock() + timedelta(seconds=pause))
                who = asked_by(self.run.poller)
                raise RateLimited(f"{who} asked to wait until {until}.", retry_after=pause)
            self.sleep(pause + random.random())  # so that two workers do not come back together
            self._go_on()

    def _pause(self) -> float:
        return pause_of(self.run.workspace, self.clock(), self.run.poller)

    def _go_on(self) -> None:
        if stopping():
            raise Stopped
        insist(lambda: leases.keep(self.run, self.clock()))
        self.also()

    def throttled(self, seconds: float) -> None:
        """The answer was 429: nobody who has this token asks before that is over."""
        until = self.clock() + timedelta(seconds=seconds)
        rows = _throttled(self.run.workspace, self.run.poller)
        earlier = Q(throttled_until=None) | Q(throttled_until__lt=until)
        insist(lambda: rows.filter(earlier).update(throttled_until=until))


def _carry_out(turn: Turn, days: Days) -> bool:
    """Ask, record and close. False: it was taken over or stopped meanwhile. Raises as `poll`."""
    try:
        counter = COUNTERS.get(turn.run.poller)
        asked = _ask_counter(turn, counter, days) if counter else _ask_segment(turn, days)
        insist(partial(_record, turn, *asked))
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


def _ask_segment(turn: Turn, days: Days) -> tuple[Record, list[Rejection]]:
    workspace = turn.run.workspace
    with segment_api(workspace) as api:
        api.before_each, api.on_throttled = turn.before_request, turn.throttled
        # Each turn, not only the catalog's: a new token must not mix two workspaces' counts.
        catalog.check_pin(workspace, segment_catalog.workspace(api))
        return READ[turn.run.poller](api, workspace, turn.now, days), api.rejections


def _ask_counter(turn: Turn, counter: Counter, days: Days) -> tuple[Record, list[Rejection]]:
    workspace = turn.run.workspace
    last_good = state_of(workspace, counter.key, turn.now).last_good
    window = window_of(counter.caps, last_good, turn.now, days)
    keys = vault.keys_of(workspace, counter)
    if counter is BIGQUERY:
        hooks = turn.before_request, turn.throttled
        return ask_warehouse(workspace, keys, window, turn.now, *hooks)
    with counter_api(workspace, counter, keys) as api:
        api.before_each, api.on_throttled = turn.before_request, turn.throttled
        return ask_counter(api, counter, keys, workspace, window), api.rejections


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
