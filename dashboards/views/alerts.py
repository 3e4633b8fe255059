"""Alerts: what is wrong now, what was, and everything known about one of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from cdpwatch import people, rulebook
from cdpwatch.models import Alert, AlertState, Delivery, DeliveryState, Leak, Role, Workspace
from dashboards.access import needs, person
from dashboards.context import the_workspace
from dashboards.pills import Pill

MOST = 200  # rows on one page; the export has them all
DELIVERY_STATES = {
    DeliveryState.PENDING: "late",
    DeliveryState.SENDING: "late",
    DeliveryState.SENT: "ok",
    DeliveryState.FAILED: "bad",
}
EVENT_STATES = {"opened": "bad", "resolved": "ok"}


@require_safe
def alerts(request: HttpRequest) -> HttpResponse:
    rows = Alert.objects.filter(workspace=the_workspace())
    state, kind = wanted(request, "state"), wanted(request, "kind")
    shown = rows.filter(**{k: v for k, v in (("state", state), ("kind", kind)) if v})
    # "open" sorts before "resolved".
    found = shown.order_by("state", "-opened_at", "-pk")[:MOST]
    return render(
        request,
        "alerts/alerts.html",
        {
            "now": datetime.now(UTC),
            "rows": [(alert, *badge_of(alert)) for alert in found],
            "states": state_pills(rows, state, kind),
            "kinds": kind_pills(rows, state, kind),
            "filtered": bool(state or kind),
            "more": max(0, shown.count() - MOST),
        },
    )


def wanted(request: HttpRequest, name: str) -> str:
    """A filter of the address. PostgreSQL takes no NUL in a text, and no row has one."""
    return request.GET.get(name, "").replace("\0", "\ufffd")


def badge_of(alert: Alert) -> tuple[str, str]:
    """State and word of an alert."""
    if alert.state == AlertState.RESOLVED:
        return "ok", "Resolved"
    return ("bad", "Open") if alert.severity == "critical" else ("warn", "Open")


def state_pills(rows: QuerySet[Alert], state: str, kind: str) -> list[Pill]:
    among = rows.filter(kind=kind) if kind else rows
    counts = Counter(among.order_by().values_list("state", flat=True))
    choices = [("", "All", counts.total())]
    choices += [(value, label, counts[value]) for value, label in AlertState.choices]
    return [
        Pill(label, filter_url(value, kind), count, value == state)
        for value, label, count in choices
    ]


def kind_pills(rows: QuerySet[Alert], state: str, kind: str) -> list[Pill]:
    among = rows.filter(state=state) if state else rows
    counts = Counter(among.order_by().values_list("kind", flat=True))
    choices = [("", "Every kind", counts.total())]
    known = sorted(set(rows.order_by().values_list("kind", flat=True)))
    choices += [(value, value.capitalize(), counts[value]) for value in known]
    return [
        Pill(label, filter_url(state, value), count, value == kind)
        for value, label, count in choices
    ]


def filter_url(state: str, kind: str) -> str:
    chosen = {key: value for key, value in (("state", state), ("kind", kind)) if value}
    return f"?{urlencode(chosen)}"


@require_safe
def one(request: HttpRequest, pk: int) -> HttpResponse:
    workspace = the_workspace()
    alert = get_object_or_404(Alert, workspace=workspace, pk=pk)
    state, word = badge_of(alert)
    deliveries = alert.deliveries.select_related("channel").order_by("created_at", "pk")
    return render(
        request,
        "alerts/one.html",
        {
            "now": datetime.now(UTC),
            "alert": alert,
            "state": state,
            "word": word,
            "events": [
                (event, EVENT_STATES.get(event.kind, "off")) for event in alert.events.all()
            ],
            "deliveries": [(row, DELIVERY_STATES[DeliveryState(row.state)]) for row in deliveries],
            "may_retry": person(request).can(Role.EDITOR),
            **leak_of(alert, workspace),
        },
    )


def leak_of(alert: Alert, workspace: Workspace) -> dict[str, object]:
    """The leak behind an alert, with the rule that says so and where that rule is now."""
    leak = Leak.objects.filter(alert=alert).select_related("source__app").first()
    if leak is None:
        return {}
    rules = enumerate(rulebook.current(workspace), 1)
    position, rule = next(
        ((n, rule) for n, rule in rules if rule.key == leak.rule_key), (None, None)
    )
    return {"leak": leak, "rule": rule, "rule_position": position}


@require_POST
@needs(Role.EDITOR)
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a message that was given up back into the outbox."""
    row = get_object_or_404(Delivery, alert__workspace=the_workspace(), pk=pk)
    now = datetime.now(UTC)
    # The condition is repeated: a second click finds nothing to put back.
    again = Delivery.objects.filter(pk=row.pk, state=DeliveryState.FAILED).update(
        state=DeliveryState.PENDING, due_at=now, created_at=now
    )
    if again:
        before, after = {"state": DeliveryState.FAILED}, {"state": DeliveryState.PENDING}
        people.note(person(request), "message again", str(row)[:200], before, after)
        messages.success(request, "The message waits in the outbox again.")
    return redirect("alerts-one", pk=row.alert_id)
