"""The sheet: what pages show of a snapshot, kept from one evaluation to the next.

A snapshot counts thousands of rows and projects a period; a page needs what came of it. Each
evaluation keeps that as JSON in one row, and `current` reads it back. Where nobody evaluates, or
somebody changed what it was made from, `current` counts by itself: slower, and as right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import msgspec
from django.db.models import OuterRef, Subquery

from cdpwatch import budget
from cdpwatch.budget.subbudgets import Split
from cdpwatch.detectors import leak as leaks
from cdpwatch.models import AuditLog, Contract, KeptSnapshot, PolicyVersion, Workspace
from cdpwatch.readings import DayCount, MonthCount

from .ahead import SourcesAhead, sources_ahead
from .counts import months_in, workspace_months
from .known import source_days_known
from .parts import Kind, Remark, kinds_of, remarks_of, split_of
from .past import Past
from .rows import SourceRow, source_rows
from .whole import Snapshot, take

# The worker evaluates every minute; a sheet that missed two turns is nobody's any more.
FRESH = timedelta(minutes=3)


@dataclass(frozen=True, eq=False)  # one sheet is read many times: what is drawn of it is kept
class Sheet:
    """One workspace at `made_at`, ready to be shown. Ages are the page's to tell, by its clock."""

    made_at: datetime
    terms: budget.Terms
    period: budget.Period
    previous: budget.Period
    standing: budget.Standing
    days: Mapping[date, DayCount]  # billed calls of the workspace
    months: Mapping[date, MonthCount]  # of the workspace, as far back as they were read
    billed_to: date | None
    live_to: datetime | None
    used_by_day: Mapping[date, int | None]  # billed, else live; None is a hole
    path: Mapping[float, tuple[float, ...]]  # the projection, as in a Forecast
    found: tuple[leaks.Found, ...]  # leaks that go on
    sources: tuple[SourceRow, ...]  # by calls used, most first
    remainder: int  # calls that no source of the list explains
    kinds: tuple[Kind, ...] = ()  # live calls by type and event, most first
    split: Split | None = None  # by sub-budget
    remarks: tuple[Remark, ...] = ()  # notes and planned events of the period's days
    ahead: SourcesAhead | None = None  # projections of the sources
    beside: tuple[str, ...] = ()  # names of the other workspaces under the contract


def sheet_of(
    workspace: Workspace,
    view: Snapshot,
    at: datetime | None = None,
    ahead: SourcesAhead | None = None,
) -> Sheet:
    """The sheet of a snapshot; `at` is the moment of the past that it was taken as of."""
    rows, remainder = source_rows(workspace, view, _past_known(workspace, view, at) if at else None)
    situation, (contract, beside) = view.situation, _under_contract(workspace)
    return Sheet(
        made_at=situation.now,
        terms=situation.terms,
        period=view.period,
        previous=view.previous,
        standing=view.standing,
        days=situation.days,
        months=months_in(situation.days) if at else workspace_months(workspace),
        billed_to=situation.billed_to,
        live_to=None if at else situation.live_to,
        used_by_day=view.used_by_day,
        path=view.projected.path,
        found=view.found,
        sources=tuple(rows),
        remainder=remainder,
        kinds=kinds_of(workspace, view),
        split=split_of(contract, view, rows, at),
        remarks=remarks_of(contract, view, at),
        ahead=ahead,
        beside=beside,
    )


def _under_contract(workspace: Workspace) -> tuple[Contract, tuple[str, ...]]:
    """The contract of a workspace, and the names of the others under it."""
    found = Workspace.objects.filter(contract__workspace=workspace).select_related("contract")
    rows = list(found.order_by("pk"))
    others = [row for row in rows if row.pk != workspace.pk]
    contract = next(row.contract for row in rows if row.contract)
    return contract, tuple(row.name or row.segment_id or "" for row in others)


def _past_known(workspace: Workspace, view: Snapshot, at: datetime) -> dict[int, Past]:
    found = source_days_known(workspace, at, view.previous.start)
    return {source: Past(days) for source, days in found.items()}


def known_at(workspace: Workspace, at: datetime) -> Sheet:
    """The sheet of a moment of the past, from the readings and terms that had come in by then.

    Live volume keeps no history: of days that were not billed then, it is what is known now.
    """
    return sheet_of(workspace, take(workspace, at, as_of=True), at)


def current(workspace: Workspace, now: datetime) -> Sheet:
    """The sheet that was kept, while it holds at `now`; else one counted for this call."""
    kept = KeptSnapshot.objects.filter(workspace=workspace).first()
    sheet = _read(kept, stamp(workspace), now) if kept else None
    return sheet or sheet_of(workspace, take(workspace, now))


def _read(kept: KeptSnapshot, stamp: str, now: datetime) -> Sheet | None:
    """The kept sheet, unless it is old, of another day, or made from what has changed since."""
    if kept.stamp != stamp or abs(now - kept.made_at) > FRESH or kept.made_at.date() != now.date():
        return None
    return _told(kept)


def _told(kept: KeptSnapshot) -> Sheet | None:
    try:
        return _decoded(bytes(kept.body))
    except msgspec.DecodeError:  # another release of cdpwatch wrote it
        return None


def ahead_of(workspace: Workspace, view: Snapshot) -> SourcesAhead:
    """Projections of the sources, as an evaluation kept them; they are made anew each hour."""
    kept = KeptSnapshot.objects.filter(workspace=workspace).first()
    sheet = _told(kept) if kept else None
    if sheet and sheet.ahead and sheet.ahead.holds_for(view):
        return sheet.ahead
    return sources_ahead(workspace, view)


@lru_cache(maxsize=2)
def _decoded(body: bytes) -> Sheet:
    return msgspec.json.decode(body, type=Sheet)


def keep(workspace: Workspace, sheet: Sheet, stamp: str) -> None:
    """Keep `sheet` for the pages; `stamp` is what held before its rows were read.

    An empty one is not kept: it costs nothing to count, and the first numbers show at once.
    """
    if sheet.used_by_day:
        KeptSnapshot.objects.update_or_create(
            workspace=workspace,
            defaults={
                "made_at": sheet.made_at,
                "stamp": stamp,
                "body": msgspec.json.encode(sheet),
            },
        )


def stamp(workspace: Workspace) -> str:
    """Names what people decide and every number depends on: contract, policy, the log of acts."""
    version = PolicyVersion.objects.filter(workspace=OuterRef("workspace")).order_by("-number")
    act = AuditLog.objects.order_by("-pk")
    rows = Contract.objects.filter(workspace=workspace).values_list(
        *("allowance", "period", "cycle_day", "starts_on", "confirmed_at"),
        Subquery(version.values("number")[:1]),
        Subquery(act.values("pk")[:1]),
    )
    return " ".join(str(part) for part in rows[0])
