"""Tables of alerts and leaks, now or as they stood at a moment.

Alerts are written anew while they go on. As of a moment, what keeps no history is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from django.db.models import Prefetch

from cdpwatch.models import Alert, AlertEvent, AlertState, Leak, Workspace

from .writing import Row


def leaks(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """Leaks that opened in the span."""
    rows = Leak.objects.filter(alert__workspace=workspace).select_related("alert", "source")
    for row in rows.filter(alert__opened_at__date__range=(first, last)).order_by("pk"):
        yield {
            "alert": row.alert_id,
            "state": row.alert.state,
            "source_id": row.source.segment_id,
            "source": row.source.name,
            "call_type": row.call_type,
            "event": row.event,
            "rule": row.rule_key,
            "since": row.since.isoformat(),
            "calls_so_far": row.calls_so_far,
            "calls_to_end": row.calls_to_end,
        }


def leaks_known(workspace: Workspace, first: date, last: date, at: datetime) -> Iterator[Row]:
    """Those that had opened by `at`; how much they had burnt then was not kept."""
    states = {row["id"]: row["state"] for row in alerts_known(workspace, first, last, at)}
    for row in leaks(workspace, first, last):
        if row["alert"] in states:
            state = states[row["alert"]]
            yield {**row, "state": state, "calls_so_far": None, "calls_to_end": None}


def alerts(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """Alerts that opened in the span."""
    rows = Alert.objects.filter(workspace=workspace, opened_at__date__range=(first, last))
    for row in rows.order_by("pk"):
        yield {
            "id": row.pk,
            "kind": row.kind,
            "severity": row.severity,
            "state": row.state,
            "title": row.title,
            "consequence": row.consequence,
            "opened_at": row.opened_at.isoformat(),
            "resolved_at": row.resolved_at.isoformat() if row.resolved_at else None,
        }


def alerts_known(workspace: Workspace, first: date, last: date, at: datetime) -> Iterator[Row]:
    """Those that had opened by `at`, with what their timeline said last."""
    told = Prefetch("events", AlertEvent.objects.filter(at__lte=at), to_attr="told")
    opened = Alert.objects.filter(opened_at__lte=at).prefetch_related(told)
    texts = {
        row.pk: [event.text for event in row.told] for row in opened.filter(workspace=workspace)
    }
    for row in alerts(workspace, first, last):
        if row["id"] in texts:
            ended = row["resolved_at"] and datetime.fromisoformat(row["resolved_at"]) <= at
            yield {
                **row,
                "severity": None,
                "state": row["state"] if ended else AlertState.OPEN.value,
                "title": None,
                "consequence": next(reversed(texts[row["id"]]), None),
                "resolved_at": row["resolved_at"] if ended else None,
            }
