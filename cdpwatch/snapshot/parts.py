"""What the budget page shows besides sources: call types, events, sub-budgets, what people wrote.

Worked out at each evaluation and kept in the sheet, so that a page asks for none of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Min, Q, Sum

from cdpwatch import contracts
from cdpwatch.budget.subbudgets import Split, split
from cdpwatch.days import start_of
from cdpwatch.models import Contract, VolumeDay, Workspace
from cdpwatch.readings import OTHER

from .rows import SourceRow, same_days
from .whole import Snapshot

NAMED = 100  # call types and event names with a row of their own
_Key = tuple[str, str]


@dataclass(frozen=True)
class Kind:
    """Live calls of one call type and event name, of all sources together."""

    call_type: str
    event: str  # "" for calls without a name, OTHER for the tail of many
    used: int  # in the period
    settled: int  # of them, of whole days
    before: int | None  # of the same days of the previous period; None: not all of them were read


@dataclass(frozen=True)
class Remark:
    """A note on a day, or an event that is planned for the days from `day` up to `until`."""

    day: date
    text: str
    planned: bool = False
    until: date | None = None


def kinds_of(workspace: Workspace, view: Snapshot) -> tuple[Kind, ...]:
    """The workspace's live calls of the period by type and event, the most first; all of them."""
    used: Counter[_Key] = Counter()
    settled: Counter[_Key] = Counter()
    today = view.situation.now.date()
    for piece in view.situation.traffic:
        key = piece.call_type, piece.event
        used[key] += piece.total
        settled[key] += piece.total - piece.by_day.get(today, 0)
    before = _calls_before(workspace, view)
    ranked = sorted({*used, *(before or {})}, key=lambda key: (-used[key], key))
    tail = {key: (key[0], OTHER) for key in ranked[NAMED:]}
    used, settled = _folded(used, tail), _folded(settled, tail)
    then = None if before is None else _folded(before, tail)
    return tuple(
        Kind(key[0], key[1], used[key], settled[key], None if then is None else then[key])
        for key in dict.fromkeys(tail.get(key, key) for key in ranked)
        if used[key] or (then and then[key])
    )


def _calls_before(workspace: Workspace, view: Snapshot) -> Counter[_Key] | None:
    """Live calls of the same days of the previous period; None where they begin within it."""
    first, end = same_days(view)
    rows = VolumeDay.objects.filter(
        source__workspace=workspace,
        bucket__gte=start_of(first),
        bucket__lt=start_of(end),
    )
    found = rows.values_list("call_type", "event").annotate(Sum("count"), Min("bucket"))
    counted = [(call_type, event, n, begun.date()) for call_type, event, n, begun in found]
    if min((begun for *_, begun in counted), default=None) != first:
        return None
    return Counter({(call_type, event): n for call_type, event, n, _ in counted})


def _folded(calls: Mapping[_Key, int], tail: Mapping[_Key, _Key]) -> Counter[_Key]:
    total: Counter[_Key] = Counter()
    for key, count in calls.items():
        total[tail.get(key, key)] += count
    return total


def split_of(
    contract: Contract, view: Snapshot, rows: Iterable[SourceRow], at: datetime | None
) -> Split | None:
    """What is used of each sub-budget, now or as they were at a moment; None: there are none."""
    budgets = contracts.sub_budgets_of(contract, at)
    if not budgets:
        return None
    calls = {row.source_id: row.used for row in rows}
    state = view.standing
    return split(budgets, contracts.members(contract), calls, state.used, state.allowance)


def remarks_of(contract: Contract, view: Snapshot, at: datetime | None) -> tuple[Remark, ...]:
    """Notes on days of the period and events planned for some of them, by day."""
    span = view.period
    plans = contract.planned_events.filter(_said("planned", "cancelled", at))
    plans = plans.filter(starts_on__lt=span.end).exclude(ends_on__lte=span.start)
    notes = contract.day_notes.filter(_said("", "removed", at), day__gte=span.start)
    found = [
        *(
            Remark(max(row.starts_on, span.start), _plan(row.name, row.source), True, row.ends_on)
            for row in plans.select_related("source")
        ),
        *(Remark(row.day, row.text) for row in notes.filter(day__lt=span.end)),
    ]
    return tuple(sorted(found, key=lambda remark: (remark.day, remark.text)))


def _plan(name: str, source: object) -> str:
    return f"{name}, {source}" if source else name


def _said(begun: str, ended: str, at: datetime | None) -> Q:
    """Rows that hold now, or held at a moment, by the names of their moments."""
    if at is None:
        return Q(**{f"{ended}_at": None})
    held = Q(**{f"{ended}_at": None}) | Q(**{f"{ended}_at__gt": at})
    return held & Q(**{f"{begun}_at__lte" if begun else "at__lte": at})
