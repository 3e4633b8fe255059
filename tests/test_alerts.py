"""The life of alerts and of their messages: open once, refresh in silence, close on evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from cdpwatch import alerts
from cdpwatch.detectors import DETECTORS, leak
from cdpwatch.detectors.situation import Situation
from cdpwatch.models import Alert, AlertEvent, Delivery, Leak, Workspace
from cdpwatch.readings import Finding
from tests.factories import (
    NOW,
    make_alert,
    make_channel,
    make_connection,
    make_delivery,
    make_finding,
    make_situation,
    make_slice,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def sync(workspace: Workspace, findings: Sequence[Finding], minutes: float = 0) -> None:
    alerts.sync(workspace, findings, later(minutes))


def later(minutes: float) -> Situation:
    """The situation so many minutes on, with live volume read up to a minute before."""
    now = NOW + minutes * MINUTE
    return make_situation(now=now, live_to=now - MINUTE)


def steps() -> list[str]:
    return list(AlertEvent.objects.values_list("kind", flat=True))


# --- opening, refreshing, closing -------------------------------------------------------------
def test_it_opens_one_alert_per_fingerprint_and_posts_it_once(workspace: Workspace) -> None:
    for minute in range(3):
        sync(workspace, [make_finding(consequence=f"{minute} calls.")], minute)
    alert = Alert.objects.get()
    assert (alert.state, alert.opened_at) == ("open", NOW)
    assert (alert.consequence, alert.refreshed_at) == ("2 calls.", NOW + 2 * MINUTE)
    assert steps() == ["opened"]
    assert Delivery.objects.get().as_message().consequence == "0 calls."  # as it was then


def test_it_lets_the_database_refuse_a_second_open_alert(workspace: Workspace) -> None:
    make_alert(workspace)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_alert(workspace)
    make_alert(workspace, state="resolved")


def test_it_keeps_a_message_for_a_channel_that_is_off(
    workspace: Workspace,
) -> None:
    workspace.channels.create(kind="slack", name="Second")
    workspace.channels.create(kind="slack", name="Off", enabled=False)
    sync(workspace, [make_finding()])
    sent = Delivery.objects.values_list("channel__name", flat=True)
    assert sorted(sent) == ["Off", "Second", "Slack"]
    waits = Delivery.objects.get(channel__name="Off")
    for _ in range(2):
        assert alerts.claim_due(NOW) != waits
    assert alerts.claim_due(NOW) is None
    waits.channel.enabled = True
    waits.channel.save()
    assert alerts.claim_due(NOW) == waits


def test_it_resolves_with_the_duration_and_posts_that(workspace: Workspace) -> None:
    sync(workspace, [make_finding()])
    sync(workspace, [], 180)
    alert = Alert.objects.get()
    assert (alert.state, alert.resolved_at) == ("resolved", NOW + 3 * HOUR)
    assert [event.text for event in alert.events.all()] == ["Out of date.", "Ended after 3 h."]
    closing = Delivery.objects.get(event="resolved").as_message()
    assert (closing.state, closing.consequence) == ("RESOLVED after 3 h", "Ended after 3 h.")


def test_it_opens_a_new_incident_when_the_same_thing_comes_back(workspace: Workspace) -> None:
    for minute, findings in enumerate(([make_finding()], [], [make_finding()])):
        sync(workspace, findings, minute)
    assert list(Alert.objects.order_by("pk").values_list("state", flat=True)) == [
        "resolved",
        "open",
    ]
    assert Delivery.objects.count() == 3


# --- leaks ------------------------------------------------------------------------------------
def leaking(workspace: Workspace) -> Finding:
    source = make_connection(workspace)
    [finding] = leak.find(make_situation(traffic=(make_slice(source_id=source.pk),)))
    return finding


def test_it_keeps_the_leak_beside_its_alert(workspace: Workspace) -> None:
    finding = leaking(workspace)
    for minute in range(2):
        sync(workspace, [finding], minute)
    row = Leak.objects.get()
    assert (row.source.segment_id, row.rule_key, row.call_type) == ("src1", "in-app-pages", "page")
    assert (row.calls_so_far, row.since) == (6_000, NOW - 6 * HOUR)


def test_it_closes_a_leak_after_quiet_rounds_and_says_what_it_burnt(workspace: Workspace) -> None:
    sync(workspace, [leaking(workspace)])
    rounds = DETECTORS["leak"].quiet_rounds
    for minute in range(1, rounds):
        sync(workspace, [], minute)
    assert Alert.objects.get().state == "open"
    sync(workspace, [], rounds)
    alert = Alert.objects.get()
    assert (alert.state, alert.leak.calls_to_end) == ("resolved", 0)
    assert alert.events.last().text == f"Ended after {rounds} min. It burnt 6\u2009000 calls."  # type: ignore[union-attr]


def test_it_counts_no_quiet_round_without_new_evidence(workspace: Workspace) -> None:
    sync(workspace, [leaking(workspace)])
    for live_to in (later(0).live_to, None):
        for minute in range(1, 20):
            stale = make_situation(now=NOW + minute * MINUTE, live_to=live_to)
            alerts.sync(workspace, [], stale)
    alert = Alert.objects.get()
    assert (alert.state, alert.quiet_rounds) == ("open", 0)


def test_it_starts_counting_anew_when_the_leak_is_seen_again(workspace: Workspace) -> None:
    finding = leaking(workspace)
    sync(workspace, [finding])
    for minute in range(1, DETECTORS["leak"].quiet_rounds):
        sync(workspace, [], minute)
    sync(workspace, [finding], 9)
    assert Alert.objects.get().quiet_rounds == 0
    assert steps() == ["opened"]


# --- the outbox -------------------------------------------------------------------------------
def test_it_has_one_delivery_per_alert_channel_and_event(workspace: Workspace) -> None:
    alert = make_alert(workspace)
    make_delivery(alert)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_delivery(alert)


def test_it_gives_a_delivery_to_one_of_two_claimers(workspace: Workspace) -> None:
    make_delivery(make_alert(workspace))
    first, second = alerts.claim_due(NOW), alerts.claim_due(NOW)
    assert first is not None and second is None
    assert (first.state, first.attempts, first.lease_until) == ("sending", 1, NOW + alerts.LEASE)


def test_it_gives_out_what_is_due_oldest_first(workspace: Workspace) -> None:
    alert = make_alert(workspace)
    for event, minutes in (("b", -1), ("a", -2), ("later", 1)):
        make_delivery(alert, event=event, due_at=NOW + minutes * MINUTE)
    claimed = [alerts.claim_due(NOW) for _ in range(3)]
    assert [row.event if row else None for row in claimed] == ["a", "b", None]


def test_it_gives_out_again_what_a_dead_sender_held(workspace: Workspace) -> None:
    make_delivery(make_alert(workspace))
    alerts.claim_due(NOW)
    assert alerts.claim_due(NOW + alerts.LEASE) is None
    again = alerts.claim_due(NOW + alerts.LEASE + MINUTE)
    assert again is not None and again.attempts == 2


def claimed(workspace: Workspace, **fields: object) -> Delivery:
    make_delivery(make_alert(workspace), **fields)
    delivery = alerts.claim_due(NOW)
    assert delivery is not None
    return delivery


def fail(delivery: Delivery, *, permanent: bool = False, wait: float | None = None) -> Delivery:
    alerts.note_failed(delivery, "no_service", NOW, permanent=permanent, retry_after=wait)
    delivery.refresh_from_db()
    return delivery


def test_it_notes_what_was_sent(workspace: Workspace) -> None:
    delivery = claimed(workspace, error="before")
    alerts.note_sent(delivery, NOW)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.sent_at, delivery.error) == ("sent", NOW, "")
    assert make_channel(workspace).last_sent == NOW
    assert alerts.claim_due(NOW + HOUR) is None


def test_it_tries_a_failed_delivery_again_after_a_pause(workspace: Workspace) -> None:
    delivery = fail(claimed(workspace))
    assert (delivery.state, delivery.due_at) == ("pending", NOW + alerts.FIRST_RETRY)
    channel = make_channel(workspace)
    assert (channel.enabled, channel.error) == (True, "no_service")
    assert alerts.claim_due(NOW) is None


def test_it_waits_as_long_as_slack_asks(workspace: Workspace) -> None:
    assert fail(claimed(workspace), wait=120).due_at == NOW + timedelta(seconds=120)


def test_it_gives_up_after_a_day(workspace: Workspace) -> None:
    day = alerts.GIVE_UP
    assert fail(claimed(workspace, created_at=NOW - day)).state == "pending"
    Delivery.objects.update(state="sending", created_at=NOW - day - MINUTE)
    assert fail(Delivery.objects.get()).state == "failed"


def test_it_switches_a_channel_off_after_a_permanent_error(workspace: Workspace) -> None:
    assert fail(claimed(workspace), permanent=True).state == "failed"
    channel = make_channel(workspace)
    assert (channel.enabled, channel.error) == (False, "no_service")


def test_it_keeps_what_waits_for_a_channel_that_is_off(workspace: Workspace) -> None:
    delivery = claimed(workspace)
    make_delivery(delivery.alert, event="resolved")
    fail(delivery, permanent=True)
    assert alerts.claim_due(NOW + HOUR) is None
    workspace.channels.update(enabled=True)
    waiting = alerts.claim_due(NOW + HOUR)
    assert waiting is not None and waiting.event == "resolved"


def test_it_ignores_the_failure_of_a_sender_whose_lease_was_taken(workspace: Workspace) -> None:
    stale = claimed(workspace)
    fresh = alerts.claim_due(NOW + 2 * alerts.LEASE)
    assert fresh is not None
    assert fail(stale, permanent=True).state == "sending"
    alerts.note_sent(fresh, NOW)
    assert fail(stale).state == "sent"
    assert make_channel(workspace).enabled


def test_it_doubles_the_pause_up_to_an_hour() -> None:
    pauses = [alerts.backoff(attempts).total_seconds() for attempts in (1, 2, 3, 9, 500)]
    assert pauses == [15, 30, 60, 3600, 3600]


def test_it_says_in_the_message_when_and_by_which_clock_it_is_true(workspace: Workspace) -> None:
    source = make_connection(workspace)
    situation = replace(later(0), traffic=(make_slice(source_id=source.pk),))
    alerts.sync(workspace, list(leak.find(situation)), situation)
    message = Delivery.objects.get().as_message()
    assert message == alerts.message_of(Alert.objects.get(), "opened", message.consequence)
    assert message.footer == (
        f"live volume read Wed 18 Nov 12:04 UTC · as of Wed 18 Nov 12:05 UTC · "
        f"alert {Alert.objects.get().pk}"
    )
