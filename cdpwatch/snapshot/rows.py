"""Rows of the pages: sources by calls, destinations by deliveries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.db.models import Sum

from cdpwatch.days import DAY
from cdpwatch.models import DeliveryDay, Workspace
from cdpwatch.policy import Rule, Verdict, judge
from cdpwatch.readings import TrafficSlice

from .counts import counted, live_by_day, used_by_day, used_in
from .past import Past, Span, past_of
from .traffic import sources_of
from .whole import Snapshot


@dataclass(frozen=True)
class SourceRow:
    """One source in this period: what it used, how that compares, what the policy says of it."""

    source_id: int  # primary key of the Connection
    used: int
    settled: int  # of them, calls of whole days
    share: float  # of the workspace's used calls
    before: int | None  # calls of the same days of the previous period
    spark: tuple[int | None, ...]  # calls a day, the last 30 whole days
    leaking: bool
    verdicts: tuple[Verdict, ...]  # of its live traffic; () where there is none to judge


def source_rows(
    workspace: Workspace, view: Snapshot, past: Mapping[int, Past] | None = None
) -> tuple[list[SourceRow], int]:
    """Sources by calls used in this period, and the remainder that no listed source explains.

    `past` is what was known of each at a moment; None is what is known now.
    """
    today = view.situation.now.date()
    if past is None:
        past = past_of(workspace, ((view.period.start, today), same_days(view)), today)
    live: dict[int, list[TrafficSlice]] = defaultdict(list)
    for piece in view.situation.traffic:
        live[piece.source_id].append(piece)
    sources = sources_of(workspace)
    rows = [_source_row(pk, past.get(pk, Past()), live[pk], view) for pk in sources]
    rows = [row for row in rows if row.used or sources[row.source_id].retired_at is None]
    rows.sort(key=lambda row: (-row.used, sources[row.source_id].name))
    total = view.standing.used
    listed = [replace(row, share=row.used / total if total else 0.0) for row in rows]
    return listed, total - sum(row.used for row in rows)


def _source_row(
    source_id: int, past: Past, pieces: Sequence[TrafficSlice], view: Snapshot
) -> SourceRow:
    today, days = view.situation.now.date(), past.days
    live = {day: calls for day, calls in live_by_day(pieces).items() if day >= past.live_from}
    used = used_by_day(days, live, today)
    total = used_in(counted(used, days, today), view.period, today) + past.months_in(view.period)
    return SourceRow(
        source_id=source_id,
        used=total,
        settled=total - (used.get(today) or 0),
        share=0.0,
        before=past.known_in(*same_days(view)),
        spark=tuple(used.get(today - n * DAY) for n in range(30, 0, -1)),
        leaking=any(leak.source_id == source_id for leak in view.found),
        verdicts=verdicts_of(pieces, view.situation.rules),
    )


def verdicts_of(pieces: Sequence[TrafficSlice], rules: Iterable[Rule]) -> tuple[Verdict, ...]:
    """What the rules say of some traffic: of the running period, else of the last days."""
    current = [piece for piece in pieces if piece.total] or pieces
    return tuple(sorted({judge(rules, piece).verdict for piece in current}))


def same_days(view: Snapshot) -> Span:
    """The days of the previous period up to the same day of it."""
    passed = (view.situation.now.date() - view.period.start).days
    return view.previous.start, view.previous.start + min(passed, view.previous.days) * DAY


@dataclass(frozen=True)
class Deliveries:
    """What one destination was sent, a UTC day at a time."""

    days: Mapping[date, tuple[int, int, int]]  # delivered, failed, filtered

    @property
    def delivered(self) -> int:
        return sum(day[0] for day in self.days.values())

    @property
    def failed(self) -> int:
        return sum(day[1] for day in self.days.values())

    @property
    def filtered(self) -> int:
        return sum(day[2] for day in self.days.values())

    @property
    def tried(self) -> int:
        """Delivered and failed: what was not filtered before the destination was called."""
        return self.delivered + self.failed

    def spark(self, today: date) -> tuple[int | None, ...]:
        """Deliveries of the last 30 whole days, None where nothing was read."""
        last_30 = [today - n * DAY for n in range(30, 0, -1)]
        return tuple(self.days[day][0] if day in self.days else None for day in last_30)


def deliveries(workspace: Workspace, today: date) -> dict[int, Deliveries]:
    """Deliveries of the last 30 days by destination."""
    days: dict[int, dict[date, tuple[int, int, int]]] = defaultdict(dict)
    rows = DeliveryDay.objects.filter(
        destination__workspace=workspace, day__gte=today - timedelta(days=30)
    ).values_list("destination_id", "day")
    for destination, day, *counts in rows.annotate(
        Sum("delivered"), Sum("failed"), Sum("filtered")
    ):
        days[destination][day] = (counts[0], counts[1], counts[2])
    return {destination: Deliveries(found) for destination, found in days.items()}
