"""Takes the snapshot: counts, traffic, projection and the pollers' health in one value."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypedDict

from cdpwatch import budget, forecast, roster, rulebook
from cdpwatch.contracts import contract_of, terms_of
from cdpwatch.counters import COUNTERS
from cdpwatch.days import DAY, start_of
from cdpwatch.detectors import leak as leaks
from cdpwatch.detectors.situation import Situation
from cdpwatch.forecast import Event
from cdpwatch.models import Contract, Heartbeat, PollerState, Projection, Workspace
from cdpwatch.policy import Rule, judge
from cdpwatch.readings import DayCount, PollerHealth, TrafficSlice

from .carrying import carried_into
from .counts import (
    billed_to,
    counted,
    live_by_day,
    unknown_in,
    used_by_day,
    used_in,
)
from .free_days import free_days
from .known import contract_days, contract_days_known
from .planned import planned
from .traffic import REACH, hour_shares, live_beside, traffic, with_beginnings

HISTORY = timedelta(days=1100)  # as far as the forecast looks back
YEAR_AHEAD = timedelta(days=366)
WORKER_START = "worker start"  # the heartbeat that a worker notes when it comes up
LIVE_LAG = timedelta(minutes=1)  # of Segment's volume behind the clock


@dataclass(frozen=True)
class Snapshot:
    """A situation with what the pages add to it."""

    situation: Situation
    period: budget.Period
    previous: budget.Period
    projected: forecast.Forecast
    inputs: budget.Inputs  # that it was made from
    found: tuple[leaks.Found, ...]  # leaks that go on
    used_by_day: Mapping[date, int | None]  # billed, else live; None is a hole

    @property
    def now(self) -> datetime:
        return self.situation.now

    @property
    def standing(self) -> budget.Standing:
        return self.situation.standing


def take(workspace: Workspace, now: datetime, *, as_of: bool = False) -> Snapshot:
    """Everything that is known of `workspace`, and of what its contract covers, at `now`.

    Days and used calls are those of all workspaces under the contract; leaks are its own.
    `as_of` looks back: `now` is a moment of the past, told by the readings and the terms that had
    come in by then. Its running day, of which only the whole is kept, is left out.
    """
    scene = _scene(workspace, now, now if as_of else None)
    pollers, live_to = poller_health(workspace)
    seen = now if as_of else live_to or now
    rules = rulebook.current(workspace)
    pieces = scene.traffic(rules, seen)
    shares = hour_shares(workspace, now)
    days_left = (start_of(scene.period.end) - now) / DAY
    found = tuple(leaks.growing(pieces, rules, seen, days_left, shares))
    days = scene.days()
    used = used_by_day(days, scene.live(pieces), scene.today)
    calls = counted(used, days, scene.today)
    ahead = scene.calendar(min(calls, default=scene.today))
    inputs = inputs_of(scene.period, calls, found, pieces, now, shares, **ahead)
    projected = inputs.project()
    situation = Situation(
        now=now,
        workspace=workspace.name,
        terms=scene.terms,
        days=days,
        billed_to=billed_to(days, scene.today),
        standing=scene.standing(calls, projected),
        rules=rules,
        traffic=tuple(pieces),
        hour_shares=shares,
        pollers=pollers,
        live_to=live_to,
    )
    return Snapshot(situation, scene.period, scene.previous, projected, inputs, found, used)


class _Calendar(TypedDict):
    """What a projection is told of the days ahead, and of those behind."""

    holidays: tuple[date, ...]
    events: tuple[Event, ...]


@dataclass(frozen=True)
class _Scene:
    """Whose calls are counted, in which period, at which moment."""

    workspace: Workspace
    contract: Contract
    now: datetime
    at: datetime | None  # the moment of the past that is told as it was known; None is now
    terms: budget.Terms
    period: budget.Period
    previous: budget.Period

    @property
    def today(self) -> date:
        return self.now.date()

    @property
    def upto(self) -> datetime:
        """Where live volume ends: of a past day only the whole is kept."""
        return start_of(self.today) if self.at else self.now

    def days(self) -> dict[date, DayCount]:
        """Billed days under the contract, as far back as the forecast looks."""
        since = min(self.today - HISTORY, self.previous.start)
        if self.at:
            return contract_days_known(self.contract, self.at, since)
        return contract_days(self.contract, since)

    def traffic(self, rules: Sequence[Rule], seen: datetime) -> list[TrafficSlice]:
        """Live traffic; what the rules take for a leak has its beginning looked up too."""
        pieces = traffic(self.workspace, self.period.start, self.upto, seen)
        return with_beginnings(pieces, lambda one: judge(rules, one).verdict.is_leak, self.upto)

    def live(self, pieces: Sequence[TrafficSlice]) -> Mapping[date, int]:
        """Live calls by day of everything under the contract."""
        live = Counter(live_by_day(pieces))
        since = min(self.period.start, self.upto.date() - REACH)
        live.update(live_beside(self.workspace, since, self.upto))
        return live

    def calendar(self, first: date) -> _Calendar:
        """Planned events, and the days off from `first` on; a what-if asks for a year ahead."""
        countries = self.contract.workspaces.values_list("country", flat=True)
        end = max(self.period.end, self.today + YEAR_AHEAD)
        return {
            "holidays": free_days(countries, first, end),
            "events": planned(self.contract, self.today, self.at),
        }

    def standing(
        self, calls: Mapping[date, float | None], projected: forecast.Forecast
    ) -> budget.Standing:
        rows = Projection.objects.filter(
            contract=self.contract, period_start=self.period.start, as_of__lte=self.today
        )
        if self.at:  # the day's own may be of a later hour
            rows = rows.filter(made_at__lte=self.at)
        return budget.standing(
            self.terms,
            self.period,
            used_in(calls, self.period, self.today),
            projected,
            self.now,
            rows.values_list("verdict", flat=True).first() or "",
            unknown_in(calls, self.period, self.today),
            carried_into(self.contract, self.terms, self.period, self.at).calls,
        )


def _scene(workspace: Workspace, now: datetime, at: datetime | None) -> _Scene:
    contract = contract_of(workspace)
    terms = terms_of(contract, at)
    period = budget.period_at(terms, now.date())
    previous = budget.period_before(terms, period)
    return _Scene(workspace, contract, now, at, terms, period, previous)


def inputs_of(
    period: budget.Period,
    calls: Mapping[date, float | None],
    found: Sequence[leaks.Found],
    pieces: Sequence[TrafficSlice],
    now: datetime,
    shares: Sequence[float],
    *,
    holidays: tuple[date, ...] = (),
    events: tuple[Event, ...] = (),
) -> budget.Inputs:
    """What the period's forecast is made of: history without the open leaks, then what they add.

    A leak that began yesterday is not yet in any weekday's profile: projected apart, its whole
    rate counts from its first hour on, and closing it takes exactly that back.
    """
    leaked = _leaked_by_day(found, pieces)
    # Joint sums are in their days already, and a day that nobody knows is left to the forecast.
    clean = {day: None if n is None else n - leaked.get(day, 0) for day, n in calls.items()}
    first, series = budget.series(clean)
    return budget.Inputs(
        start=period.start,
        end=period.end,
        now=now,
        first=first,
        calls=series,
        running=clean.get(now.date()),
        hour_shares=tuple(shares),
        leaks=budget.Extra(leaked, sum(leak.per_day for leak in found)) if found else None,
        holidays=holidays,
        events=events,
    )


def _leaked_by_day(found: Sequence[leaks.Found], pieces: Sequence[TrafficSlice]) -> dict[date, int]:
    groups = {(leak.source_id, leak.call_type, leak.rule.key): leak for leak in found}
    total: dict[date, int] = defaultdict(int)
    if not groups:
        return total
    rules = [leak.rule for leak in found]
    for piece in pieces:
        leak = groups.get((piece.source_id, piece.call_type, judge(rules, piece).key))
        if leak:
            for day, calls in piece.by_day.items():
                total[day] += calls
    return dict(total)


def poller_health(workspace: Workspace) -> tuple[tuple[PollerHealth, ...], datetime | None]:
    """Health of every poller, and the moment up to which live volume was read.

    A counter that is not connected has none: nothing is late that nobody asks for.
    """
    off = COUNTERS.keys() - roster.connected_counters(workspace)
    states = {row.poller: row for row in PollerState.objects.filter(workspace=workspace)}
    resumed = Heartbeat.objects.filter(name=WORKER_START).values_list("at", flat=True).first()
    health = tuple(
        PollerHealth(
            name=name,
            every=poller.every,
            started=state.first_due,
            last_good=state.last_good,
            failures=state.failures,
            error=state.error,
            resumed=resumed,
        )
        for name, poller in roster.everyone().items()
        if name not in off and (state := states.get(name))
    )
    volume = states.get("volume")
    return health, read_to(volume.last_good) if volume and volume.last_good else None


def read_to(turn: datetime) -> datetime:
    """The minute up to which a turn of the volume poller reads."""
    return (turn - LIVE_LAG).replace(second=0, microsecond=0)
