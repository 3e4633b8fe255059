"""Where each source ends the running period, by its own past and, where that is short, its peers'.

The sources of one workspace learn from each other: a young one is taken to be as wrong as the
older ones usually are, until its own past says better.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cdpwatch import budget, forecast
from cdpwatch.forecast import Forecast
from cdpwatch.models import SourceDay, Workspace
from cdpwatch.readings import TrafficSlice

from .counts import live_by_day
from .whole import Snapshot

PAST = timedelta(days=112)  # as far as the slowest rule looks; more days cost more than they tell
YOUNG = 84  # known days; with fewer a source goes by its peers too
LEVELS = (0.1, 0.5, 0.9)
_Calls = dict[date, float | None]


@dataclass(frozen=True)
class Ahead:
    """One source's calls of the running period, as projected; with the 80% range."""

    total: float
    low: float
    high: float
    learning: str  # not empty: too little data, the numbers are a guess


@dataclass(frozen=True)
class SourcesAhead:
    """What every source is projected to, as of `made_at`; by its primary key."""

    made_at: datetime
    period: budget.Period
    by_source: Mapping[int, Ahead]

    def holds_for(self, view: Snapshot) -> bool:
        """Whether it is of this hour and period: no source's month turns by the minute."""
        hours = {at.replace(minute=0, second=0, microsecond=0) for at in (self.made_at, view.now)}
        return len(hours) == 1 and self.period == view.period


def sources_ahead(workspace: Workspace, view: Snapshot) -> SourcesAhead:
    """Project each source with a billed or live day to the end of the running period.

    One query. A joint sum is a hole here: its days are estimated.
    """
    pasts = _pasts(workspace, view)
    alone = {pk: _projected(view, calls, ()) for pk, calls in pasts.items()}
    grown = {pk for pk, calls in pasts.items() if known_days(calls) >= YOUNG}
    peers = _spreads(alone[pk] for pk in grown)
    young = {pk: _projected(view, pasts[pk], peers) for pk in pasts.keys() - grown} if peers else {}
    said = {pk: _ahead(one) for pk, one in {**alone, **young}.items()}
    return SourcesAhead(view.now, view.period, said)


def known_days(calls: Mapping[date, float | None]) -> int:
    return sum(n is not None for n in calls.values())


def _spreads(grown: Iterable[Forecast]) -> tuple[float, ...]:
    return tuple(one.spread for one in grown if one.spread is not None)


def _ahead(said: Forecast) -> Ahead:
    return Ahead(said.quantile(0.5), said.quantile(0.1), said.quantile(0.9), said.learning)


def _projected(
    view: Snapshot, calls: Mapping[date, float | None], peers: Sequence[float]
) -> Forecast:
    """`calls` by day, the running one among them."""
    given = view.inputs
    return forecast.period(
        calls,
        given.start,
        given.end,
        given.now,
        running=calls.get(given.now.date()),
        hour_shares=given.hour_shares,
        holidays=given.holidays,
        peers=peers,
        levels=LEVELS,
    )


def _pasts(workspace: Workspace, view: Snapshot) -> dict[int, _Calls]:
    """Calls by day of each source: billed ones, and live ones after the last of them."""
    today = view.now.date()
    found: dict[int, _Calls] = defaultdict(dict)
    rows = SourceDay.objects.filter(
        source__workspace=workspace,
        day__gte=min(today - PAST, view.period.start),
        day__lt=today,
        calls__isnull=False,
    )
    for pk, day, calls in rows.values_list("source_id", "day", "calls"):
        found[pk][day] = calls
    live: dict[int, list[TrafficSlice]] = defaultdict(list)
    for piece in view.situation.traffic:
        live[piece.source_id].append(piece)
    for pk, pieces in live.items():
        after = max(found[pk], default=date.min)
        found[pk] |= {day: n for day, n in live_by_day(pieces).items() if day > after}
    return {pk: calls for pk, calls in found.items() if calls}
