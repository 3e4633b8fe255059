"""The life of alerts: findings open, refresh and close them; an outbox carries the messages.

    finding, no open alert        -> open it, one delivery per channel
    finding, open alert           -> refresh its words and numbers, post nothing
    no finding, open alert        -> one quiet round, if there was new evidence
    enough quiet rounds           -> resolve it, one delivery per channel

State and deliveries are written in one transaction. A delivery is claimed by a conditional
UPDATE and leased, so a sender that dies loses nothing: the lease runs out and it is sent again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from . import wording
from .detectors import DETECTORS
from .detectors.situation import Situation
from .models import (
    Alert,
    AlertEvent,
    AlertState,
    Channel,
    Delivery,
    DeliveryState,
    Leak,
    Workspace,
)
from .readings import Finding, Message

LEASE = settings.LEASE
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=15), timedelta(hours=1)
GIVE_UP = timedelta(hours=24)


@transaction.atomic
def sync(workspace: Workspace, findings: Iterable[Finding], situation: Situation) -> None:
    """Make the open alerts what the findings say."""
    # The lock makes two evaluations at once take turns; SQLite's IMMEDIATE does so by itself.
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    newer = Alert.objects.filter(workspace=workspace, refreshed_at__gt=situation.now)
    if newer.exists():
        return  # a later evaluation was faster: this one would undo what it knew better
    opened = Alert.objects.filter(workspace=workspace, state=AlertState.OPEN)
    alerts = {alert.fingerprint: alert for alert in opened}
    for finding in findings:
        alert = alerts.pop(finding.fingerprint, None)
        if alert:
            _refresh(alert, finding, situation)
        else:
            _open(workspace, finding, situation)
    for alert in alerts.values():
        _quiet(alert, situation)


def _open(workspace: Workspace, finding: Finding, situation: Situation) -> None:
    alert = Alert(
        workspace=workspace,
        fingerprint=finding.fingerprint,
        kind=finding.kind,
        opened_at=situation.now,
    )
    _describe(alert, finding, situation)
    alert.save()
    _note_leak(alert, finding)
    _step(alert, "opened", finding.consequence, situation.now)


def _refresh(alert: Alert, finding: Finding, situation: Situation) -> None:
    _describe(alert, finding, situation)
    alert.quiet_rounds = 0
    alert.save()
    _note_leak(alert, finding)


def _describe(alert: Alert, finding: Finding, situation: Situation) -> None:
    alert.severity = finding.severity
    alert.title, alert.consequence = finding.title[:500], finding.consequence[:1000]
    alert.facts, alert.data = [list(fact) for fact in finding.facts], dict(finding.data)
    alert.refreshed_at = situation.now
    alert.judged_at = DETECTORS[finding.kind].evidence(situation) or situation.now


def _note_leak(alert: Alert, finding: Finding) -> None:
    if finding.kind != "leak":
        return
    data: dict[str, Any] = dict(finding.data)
    Leak.objects.update_or_create(
        alert=alert,
        defaults={
            "source_id": data["source"],
            "call_type": data["call_type"],
            "event": data["event"],
            "rule_key": data["rule"],
            "since": datetime.fromisoformat(data["since"]),
            "calls_so_far": data["so_far"],
            "calls_to_end": data["to_end"],
        },
    )


def _quiet(alert: Alert, situation: Situation) -> None:
    """Count a quiet round, or resolve. Without new evidence nothing is known to be quiet."""
    detector = DETECTORS.get(alert.kind)
    evidence = detector.evidence(situation) if detector else situation.now
    if evidence is None or evidence <= alert.judged_at:
        return
    alert.quiet_rounds, alert.judged_at = alert.quiet_rounds + 1, evidence
    if detector is None or alert.quiet_rounds >= detector.quiet_rounds:
        alert.state, alert.resolved_at = AlertState.RESOLVED, situation.now
        alert.refreshed_at = situation.now
        if "clock" in alert.data:
            alert.data["clock"] = wording.moment(situation.live_to)
        Leak.objects.filter(alert=alert).update(calls_to_end=0)
        _step(alert, "resolved", _resolution(alert, situation), situation.now)
    alert.save()


def _resolution(alert: Alert, situation: Situation) -> str:
    assert alert.resolved_at is not None
    period = alert.data.get("period_start")
    if period and period != situation.standing.period.start.isoformat():
        return "The period ended, and with it this alert: what it used is on the budget page."
    text = f"Ended after {wording.length(alert.resolved_at - alert.opened_at)}."
    leak = Leak.objects.filter(alert=alert).first()
    return f"{text} It burnt {wording.exact(leak.calls_so_far)} calls." if leak else text


def _step(alert: Alert, event: str, text: str, now: datetime) -> None:
    """One step on the timeline, and one message a channel about it."""
    AlertEvent.objects.create(alert=alert, kind=event, at=now, text=text)
    message = message_of(alert, event, text)
    # One that is switched off gets its message too: it waits there until the channel is mended.
    for channel in Channel.objects.filter(workspace=alert.workspace_id):
        Delivery.objects.create(
            alert=alert,
            channel=channel,
            event=event,
            message=asdict(message),
            due_at=now,
            created_at=now,
        )


def message_of(alert: Alert, event: str, text: str) -> Message:
    state = "OPEN"
    if event == "resolved" and alert.resolved_at:
        state = f"RESOLVED after {wording.length(alert.resolved_at - alert.opened_at)}"
    clock = alert.data.get("clock")
    read = f"live volume read {clock} · " if clock else ""
    return Message(
        state=state,
        kind=alert.kind,
        severity=alert.severity,
        title=alert.title,
        consequence=text,
        facts=tuple((label, value) for label, value in alert.facts),
        footer=f"{read}as of {wording.moment(alert.refreshed_at)} · alert {alert.pk}",
        url=f"{settings.PUBLIC_URL}/alerts/{alert.pk}/",
        demo=settings.DEMO,
    )


def test_message(workspace: Workspace, by: str, now: datetime) -> Message:
    """What the test button of the Connect page posts."""
    return Message(
        state="TEST",
        kind="message",
        severity="info",
        title="cdpwatch can reach this channel",
        consequence=f"Alerts of {workspace.name or 'your Segment workspace'} will appear here.",
        facts=(("Asked by", by),),
        footer=f"as of {wording.moment(now)}",
        url=settings.PUBLIC_URL,
        demo=settings.DEMO,
    )


# --- the outbox -------------------------------------------------------------------------------
def claim_due(now: datetime) -> Delivery | None:
    """The next delivery that is due, leased to the caller; None when nothing waits.

    1. Look for what is pending and due, or was being sent when its sender's lease ran out;
       what waits for a channel that was switched off goes on waiting.
    2. Try to take it with an UPDATE that repeats the condition.
    3. One row changed: it is ours. None: another sender was faster, look again.
    """
    waiting = Q(state=DeliveryState.PENDING, due_at__lte=now) | Q(
        state=DeliveryState.SENDING, lease_until__lt=now
    )
    while True:
        due = Delivery.objects.filter(waiting, channel__enabled=True)
        row = due.order_by("due_at", "pk").first()
        if row is None:
            return None
        taken = Delivery.objects.filter(waiting, pk=row.pk).update(
            state=DeliveryState.SENDING, lease_until=now + LEASE, attempts=F("attempts") + 1
        )
        if taken:
            return Delivery.objects.select_related("channel", "alert").get(pk=row.pk)


def note_sent(delivery: Delivery, now: datetime) -> None:
    """Whoever sent it says so, its lease or not: that the far side took it is a fact."""
    Delivery.objects.filter(pk=delivery.pk).update(
        state=DeliveryState.SENT, sent_at=now, lease_until=None, error=""
    )
    Channel.objects.filter(pk=delivery.channel_id).update(last_sent=now, error="")


def hurry(workspace: Workspace, now: datetime) -> None:
    """A channel was mended: what waits for its next try is due now."""
    waiting = Delivery.objects.filter(alert__workspace=workspace, state=DeliveryState.PENDING)
    waiting.filter(due_at__gt=now).update(due_at=now)


def note_failed(
    delivery: Delivery,
    said: str,
    now: datetime,
    *,
    permanent: bool,
    retry_after: float | None,
    stop_channel: bool = True,
) -> None:
    """Put a delivery back with a pause, or give it up; a permanent error stops its channel too.

    `stop_channel` False says that the message alone was at fault.

    A sender whose lease was taken over says nothing: the delivery is another's by now.
    """
    pause = timedelta(seconds=retry_after) if retry_after else backoff(delivery.attempts)
    given_up = permanent or now - delivery.created_at > GIVE_UP
    mine = Delivery.objects.filter(
        pk=delivery.pk, state=DeliveryState.SENDING, attempts=delivery.attempts
    ).update(
        state=DeliveryState.FAILED if given_up else DeliveryState.PENDING,
        due_at=now + pause,
        lease_until=None,
        error=said[:300],
    )
    if mine:
        stop = {"enabled": False} if permanent and stop_channel else {}
        Channel.objects.filter(pk=delivery.channel_id).update(error=said[:300], **stop)


def backoff(attempts: int) -> timedelta:
    """Pause before the next try: 15 s, doubling up to an hour."""
    doublings: int = min(max(attempts - 1, 0), 12)
    return min(FIRST_RETRY * 2.0**doublings, LONGEST_RETRY)
