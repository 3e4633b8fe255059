"""Evaluates a workspace: projection, detectors, alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from cdpwatch import alerts, budget, snapshot
from cdpwatch.detectors import find_all
from cdpwatch.models import Contract, Projection, Workspace


def evaluate(workspace: Workspace, now: datetime) -> snapshot.Snapshot:
    """Project the running period, find what is wrong, bring the alerts in line.

    What pages show of it is kept for them, under the stamp of before: a change made meanwhile
    leaves them another one, and they count anew.
    """
    stamp = snapshot.stamp(workspace)
    view = snapshot.take(workspace, now)
    keep_projection(workspace, view)
    situation = replace(view.situation, compared=snapshot.compared(workspace, now))
    alerts.sync(workspace, find_all(situation), situation)
    ahead = snapshot.ahead_of(workspace, view)
    snapshot.keep(workspace, snapshot.sheet_of(workspace, view, ahead=ahead), stamp)
    return view


def keep_projection(
    workspace: Workspace,
    view: snapshot.Snapshot,
    *,
    again: bool = True,
    made_at: datetime | None = None,
) -> Projection:
    """The day's projection row: the last evaluation of a day stays.

    `again` False leaves a row that is there: what was projected on a day is not rewritten later.
    `made_at` is when a view of the past was made: its row is none that anybody was told.
    """
    state = view.standing
    key: dict[str, Any] = {
        "contract": Contract.objects.get(workspace=workspace),
        "as_of": view.situation.now.date(),
        "period_start": state.period.start,
    }
    projected = zip(view.projected.levels, view.projected.totals, strict=True)
    values: dict[str, Any] = {
        "period_end": state.period.end,
        "made_at": made_at or view.situation.now,
        "used": state.used,
        "quantiles": {str(level): round(total) for level, total in projected},
        "chance_over": state.chance_over,
        "crosses_on": state.crosses_on,
        "verdict": state.verdict,
        "method": view.projected.method,
        "inputs": budget.packed(view.inputs),
    }
    row, new = Projection.objects.get_or_create(**key, defaults=values)
    if again and not new:
        # Of two evaluations at once the later one stays, whichever of them is slower.
        Projection.objects.filter(pk=row.pk, made_at__lte=view.situation.now).update(**values)
        row.refresh_from_db()
    return row
