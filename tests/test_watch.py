"""The whole system against a demo workspace that listens: poll, evaluate, deliver, sweep."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings
from pytest_django import Settings

from cdpwatch import health, progress, vault, watch
from cdpwatch.asking import ask
from cdpwatch.catalog import WrongWorkspace
from cdpwatch.demo.world import CANARY
from cdpwatch.http import RateLimited, Unauthorized
from cdpwatch.models import (
    Alert,
    Connection,
    CredentialKind,
    Delivery,
    DeliveryDay,
    Heartbeat,
    PollerState,
    PollRun,
    Projection,
    Reading,
    RequestKind,
    VolumeMinute,
    WorkRequest,
    Workspace,
    WorkspaceDay,
)
from cdpwatch.readings import Grain
from cdpwatch.timetable import POLLERS
from cdpwatch.watch import answers, asks, history, leases, turns
from tests.conftest import DemoWorkspace
from tests.factories import NOW, TODAY, at, make_alert, make_delivery, record_days

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def state(name: str) -> PollerState:
    return PollerState.objects.get(poller=name)


def turn_of(run: PollRun, clock: datetime = NOW) -> turns.Turn:
    """A live turn in the hands of its holder, by whose clock it is `clock`."""
    return turns.Turn(run, True, NOW, lambda: clock)


def poll_all(workspace: Workspace, now: datetime = NOW) -> None:
    for name in ("catalog", "usage", "volume"):
        watch.poll(name, workspace, now)


# --- turns ------------------------------------------------------------------------------------
def test_it_names_turns_by_whole_multiples_of_the_interval() -> None:
    assert watch.slot_of(NOW, HOUR) == at(18, 12)
    assert watch.slot_of(NOW, 2 * MINUTE) == at(18, 12, 4)
    assert watch.slot_of(NOW, DAY) == at(18)


def test_it_does_a_turn_once(workspace: Workspace, demo: DemoWorkspace) -> None:
    run = watch.poll("usage", workspace, NOW)
    assert run is not None and run.rows == Reading.objects.count() > 0
    assert watch.poll("usage", workspace, NOW + MINUTE) is None
    assert PollRun.objects.get().state == "good"
    assert (state("usage").last_good, state("usage").rows) == (NOW, run.rows)


def test_it_leaves_the_same_rows_in_another_turn(workspace: Workspace, demo: DemoWorkspace) -> None:
    poll_all(workspace)
    before = Reading.objects.count(), WorkspaceDay.objects.count(), VolumeMinute.objects.count()
    for name in ("catalog", "usage", "volume"):
        watch.poll(name, workspace, NOW, slot=NOW)
    after = Reading.objects.count(), WorkspaceDay.objects.count(), VolumeMinute.objects.count()
    assert after == before


def test_it_counts_what_the_demo_counts(workspace: Workspace, demo: DemoWorkspace) -> None:
    poll_all(workspace)
    truth = demo.http.get("/_demo/truth.json", params={"from": "2026-11-01", "to": "2026-11-17"})
    told = Counter[str]()
    for row in truth.json()["calls"]:
        told[row["day"]] += row["calls"]
    rows = WorkspaceDay.objects.filter(day__range=(date(2026, 11, 1), date(2026, 11, 16)))
    assert {row.day.isoformat(): row.calls for row in rows} == {
        day: calls for day, calls in told.items() if day < "2026-11-17"
    }


def test_it_keeps_no_write_key(workspace: Workspace, demo: DemoWorkspace) -> None:
    watch.poll("catalog", workspace, NOW)
    rows = list(Connection.objects.values())
    assert len(rows) == 14 + 16 + 1
    assert CANARY not in str(rows)


def test_it_reads_deliveries_of_the_destinations(workspace: Workspace, demo: DemoWorkspace) -> None:
    watch.poll("catalog", workspace, NOW)
    Connection.objects.exclude(name="Prod - Help Scout").destinations().update(retired_at=NOW)
    run = watch.poll("delivery", workspace, NOW)
    assert run is not None and run.rows == DeliveryDay.objects.count() > 29


def test_it_takes_over_a_turn_whose_lease_ran_out(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    dead = PollRun.objects.create(
        workspace=workspace, poller="usage", slot=at(18, 12), lease_until=NOW + settings.LEASE
    )
    assert watch.poll("usage", workspace, NOW + settings.LEASE) is None
    run = watch.poll("usage", workspace, NOW + settings.LEASE + MINUTE)
    assert run is not None
    assert (run.pk, run.fence) == (dead.pk, 2)


def test_it_rolls_back_the_rows_of_a_holder_whose_turn_was_taken(workspace: Workspace) -> None:
    stale = PollRun.objects.create(
        workspace=workspace, poller="usage", slot=at(18, 12), lease_until=NOW
    )
    PollRun.objects.update(fence=2)

    def record() -> int:
        record_days(workspace, [100])
        return 1

    turn = turn_of(stale)
    with pytest.raises(leases.Superseded):
        turns._record(turn, record, [])
    with pytest.raises(leases.Superseded):
        turn.before_request()
    assert not Reading.objects.exists() and not WorkspaceDay.objects.exists()
    assert PollRun.objects.get().state == "running"
    asks.state_of(workspace, "usage", NOW)
    turns._fail(turn, "No.")
    assert (PollRun.objects.get().state, state("usage").failures) == ("running", 0)


# --- failures ---------------------------------------------------------------------------------
def test_it_says_why_a_turn_failed_and_may_do_it_again(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    demo.fault("/usage", "403")
    with pytest.raises(Unauthorized):
        watch.poll("usage", workspace, NOW)
    run = PollRun.objects.get()
    assert (run.state, "403" in run.error, run.fence) == ("failed", True, 1)
    assert (state("usage").failures, state("usage").last_good) == (1, None)
    watch.poll("usage", workspace, NOW + MINUTE)
    run.refresh_from_db()
    assert (run.state, run.error, run.fence) == ("good", "", 2)
    assert (state("usage").failures, state("usage").error) == (0, "")


def test_it_makes_a_failed_day_a_hole_and_never_a_zero(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    record_days(workspace, [100] * 15, now=at(16, 1))
    demo.fault("/usage", "403")
    with pytest.raises(Unauthorized):
        watch.poll("usage", workspace, NOW)
    rows = WorkspaceDay.objects.filter(day__gte=date(2026, 11, 16)).order_by("day")
    assert [(row.day.day, row.calls) for row in rows] == [(16, None), (17, None)]
    assert all(row.reason.startswith("The poll failed: GET /usage") for row in rows)


def test_it_keeps_quiet_as_long_as_segment_asks(workspace: Workspace, demo: DemoWorkspace) -> None:
    demo.fault("/usage", "429", seconds=90)
    with pytest.raises(RateLimited):
        watch.poll("usage", workspace, NOW)
    workspace.refresh_from_db()
    assert NOW + timedelta(seconds=90) <= workspace.throttled_until < NOW + 2 * MINUTE
    # The pause is the token's: every poller keeps it, whichever was told.
    assert watch.poll("usage", workspace, NOW + MINUTE) is None
    assert watch.poll("volume", workspace, NOW + MINUTE) is None
    assert watch.poll("usage", workspace, NOW + 2 * MINUTE) is not None


@pytest.mark.parametrize("name", POLLERS)
def test_it_writes_nothing_of_another_workspace(
    workspace: Workspace, demo: DemoWorkspace, name: str
) -> None:
    Workspace.objects.update(segment_id="another", name="Another")
    workspace.refresh_from_db()
    with pytest.raises(WrongWorkspace, match="“GitBook .demo.”"):
        watch.poll(name, workspace, NOW)
    tables = (Reading, WorkspaceDay, VolumeMinute, Connection, DeliveryDay)
    assert not any(table.objects.exists() for table in tables)
    assert (PollRun.objects.get().state, state(name).failures) == ("failed", 1)


def test_it_asks_nobody_without_a_token(workspace: Workspace) -> None:
    with pytest.raises(watch.NotConnected, match="paste one on the Connect page"):
        watch.poll("catalog", workspace, NOW)


def test_it_says_when_the_stored_token_cannot_be_opened(
    workspace: Workspace, settings: Settings
) -> None:
    vault.keep(workspace, CredentialKind.SEGMENT_TOKEN, "sgp_x", "ada")
    settings.ENCRYPTION_KEYS = ["A" * 43 + "="]
    with pytest.raises(vault.Locked):
        watch.poll("catalog", workspace, NOW)
    assert "cannot be opened" in PollRun.objects.get().error


# --- what is read -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("grain", "last_good", "start"),
    [
        (Grain.MINUTE, None, NOW.replace(hour=9, second=0)),
        (Grain.MINUTE, NOW - 2 * MINUTE, at(18, 11, 53)),
        (Grain.MINUTE, NOW - 5 * DAY, NOW.replace(hour=9, second=0)),
        (Grain.HOUR, None, at(16, 12)),
        (Grain.HOUR, NOW - 2 * MINUTE, at(18, 9)),
        (Grain.DAY, None, at(18, month=10)),
        (Grain.DAY, NOW - 2 * MINUTE, at(16)),
    ],
)
def test_it_reads_again_what_may_still_change(
    grain: Grain, last_good: datetime | None, start: datetime
) -> None:
    window = watch.volume_window(grain, last_good, NOW)
    assert (window.start, window.end) == (start, at(18, 12, 4))


def test_it_reads_a_span_of_the_past_without_calling_it_live(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    span = (date(2026, 9, 10), date(2026, 10, 2))
    run = watch.poll("usage", workspace, NOW, slot=NOW, days=span)
    assert run is not None
    months = set(Reading.objects.values_list("period_start", flat=True))
    assert months == {date(2026, 9, 1), date(2026, 10, 1)}
    assert state("usage").last_good is None


# --- history ----------------------------------------------------------------------------------
def test_it_reads_the_past_month_by_month_newest_first(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    assert not watch.backfill(workspace, NOW)  # nothing works yet
    for name in ("usage", "volume"):
        asks.state_of(workspace, name, NOW)
    PollerState.objects.update(last_good=NOW)
    steps = []
    for _ in range(4):
        assert watch.backfill(workspace, NOW)
        newest = PollRun.objects.order_by("-pk")[0]
        steps.append((newest.poller, newest.slot.month))
    assert steps == [("usage", 10), ("volume", 10), ("usage", 9), ("volume", 9)]
    assert state("usage").history_from == date(2026, 9, 1)


def test_it_stops_at_the_oldest_month(workspace: Workspace) -> None:
    oldest = progress.oldest_day(TODAY)
    assert oldest == date(2025, 10, 1)
    for name in ("usage", "volume"):
        PollerState.objects.create(
            workspace=workspace, poller=name, last_good=NOW, history_from=oldest
        )
    assert not watch.backfill(workspace, NOW)
    assert not PollRun.objects.exists()


def test_it_rests_before_it_asks_for_a_failed_month_again(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    PollerState.objects.create(workspace=workspace, poller="usage", last_good=NOW)
    demo.fault("/usage", "403")
    with pytest.raises(Unauthorized):
        watch.backfill(workspace, NOW)
    assert not watch.backfill(workspace, NOW + history.REST - MINUTE)
    assert state("usage").history_from is None
    assert watch.backfill(workspace, NOW + history.REST + MINUTE)
    assert state("usage").history_from == date(2026, 10, 1)


def test_it_says_how_far_the_first_reading_is(workspace: Workspace) -> None:
    assert progress.first_read(workspace, NOW) == (
        "Reading this month: waiting for catalog of connections, billed usage, live volume, "
        "deliveries."
    )
    for name in POLLERS:
        PollerState.objects.create(workspace=workspace, poller=name, last_good=NOW)
    PollerState.objects.filter(poller="usage").update(history_from=date(2026, 8, 1))
    PollerState.objects.filter(poller="volume").update(history_from=date(2026, 9, 1))
    assert progress.first_read(workspace, NOW) == "Reading the past: 2 of 13 months."
    PollerState.objects.update(history_from=progress.oldest_day(TODAY))
    assert progress.first_read(workspace, NOW) == ""


# --- evaluating and delivering ----------------------------------------------------------------
def test_it_finds_a_leak_within_minutes_tells_slack_once_and_closes_it(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    poll_all(workspace)
    watch.evaluate(workspace, NOW)
    assert not Alert.objects.exists()
    demo.leak("L1")
    for _ in range(2):
        now = demo.forward(minutes=4)
        watch.poll("volume", workspace, now)
        watch.evaluate(workspace, now)
    alert = Alert.objects.get()
    assert alert.title == "Prod - Application: page calls that must not be tracked"
    assert (watch.deliver(now), watch.deliver(now)) == (1, 0)
    [message] = demo.messages
    assert "Leak · Prod - Application" in message["text"]
    demo.leak("L1", on=False)
    for _ in range(7):
        now = demo.forward(minutes=3)
        watch.poll("volume", workspace, now)
        watch.evaluate(workspace, now)
    alert.refresh_from_db()
    assert alert.state == "resolved"
    assert watch.deliver(now) == 1
    assert "RESOLVED after" in demo.messages[0]["text"]


def test_it_keeps_one_projection_a_day(workspace: Workspace) -> None:
    record_days(workspace, [1_000_000] * 17)
    for now in (NOW, NOW + HOUR):
        view = watch.evaluate(workspace, now)
    row = Projection.objects.get()
    assert (row.as_of, row.made_at, row.used) == (TODAY, NOW + HOUR, 17_000_000)
    assert row.quantiles["0.5"] == round(view.projected.quantile(0.5))
    watch.evaluate(workspace, NOW + DAY)
    assert Projection.objects.count() == 2


def test_it_keeps_a_message_that_slack_did_not_take(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    make_delivery(make_alert(workspace))
    demo.fault("/slack", "503")
    assert watch.deliver(NOW) == 0
    row = Delivery.objects.get()
    assert (row.state, row.error.startswith("Slack answered 503")) == ("pending", True)
    assert watch.deliver(NOW + MINUTE) == 1


def test_it_waits_for_a_webhook(workspace: Workspace) -> None:
    make_delivery(make_alert(workspace))
    assert watch.deliver(NOW) == 0
    row = Delivery.objects.get()
    assert (row.state, "paste one on the Connect page" in row.error) == ("pending", True)
    assert workspace.channels.get().enabled


def test_it_sends_no_more_than_its_share_at_once(workspace: Workspace, demo: DemoWorkspace) -> None:
    alert = make_alert(workspace)
    for n in range(3):
        make_delivery(alert, event=f"step {n}")
    assert (watch.deliver(NOW, most=2), watch.deliver(NOW)) == (2, 1)


# --- the sweep --------------------------------------------------------------------------------
def test_it_polls_what_never_ran_one_after_the_other(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    demo.fault("/delivery-overview", "403", times=99)  # a failed first turn is a turn
    watch.sweep(workspace, NOW)
    turns = PollRun.objects.order_by("pk").values_list("poller", flat=True)
    assert list(turns)[: len(POLLERS)] == list(POLLERS)
    watch.sweep(workspace, NOW)
    assert PollRun.objects.order_by("-pk")[0].slot == datetime(2026, 10, 1, tzinfo=UTC)


def test_it_sweeps_nothing_before_it_is_connected(workspace: Workspace) -> None:
    watch.sweep(workspace, NOW)
    assert not PollRun.objects.exists()


def answered(workspace: Workspace, kind: RequestKind, subject: str = "") -> WorkRequest:
    request = ask(workspace, kind, "ada", subject)
    answers.answer_requests(workspace, NOW)
    request.refresh_from_db()
    assert request.finished_at is not None
    return request


def test_it_polls_when_a_page_asks(workspace: Workspace, demo: DemoWorkspace) -> None:
    request = answered(workspace, RequestKind.POLL, "usage")
    rows = Reading.objects.count()
    assert (request.state, request.result) == ("done", {"rows": rows, "busy": []})
    assert Projection.objects.exists()


def test_it_tells_the_page_why_it_could_not_poll(workspace: Workspace) -> None:
    request = answered(workspace, RequestKind.POLL)
    assert (request.state, "No Segment token" in request.result["said"]) == ("failed", True)


def test_it_checks_a_pasted_token_and_keeps_nothing(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    vault.keep(workspace, CredentialKind.SEGMENT_TOKEN, "demo-token", "ada", candidate=True)
    result = answered(workspace, RequestKind.CHECK_TOKEN).result
    assert result["workspace"] == "GitBook (demo)"
    kinds = [result[kind] for kind in ("sources", "destinations", "warehouses", "functions")]
    assert kinds == [14, 16, 1, 1]
    assert result["billed"] > 15_000_000
    assert not Connection.objects.exists() and not Reading.objects.exists()


@pytest.mark.parametrize(
    ("token", "said"), [("wrong", "the token is wrong"), ("", "was taken back before")]
)
def test_it_says_what_is_wrong_with_a_pasted_token(
    workspace: Workspace, demo: DemoWorkspace, token: str, said: str
) -> None:
    if token:
        vault.keep(workspace, CredentialKind.SEGMENT_TOKEN, token, "ada", candidate=True)
    request = answered(workspace, RequestKind.CHECK_TOKEN)
    assert (request.state, said in request.result["said"]) == ("failed", True)


def test_it_sends_a_test_message_and_switches_the_channel_on(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    workspace.channels.update(enabled=False, error="no_service")
    assert answered(workspace, RequestKind.TEST_SLACK).state == "done"
    assert demo.messages[0]["text"].startswith("TEST · Message")
    channel = workspace.channels.get()
    assert (channel.enabled, channel.error) == (True, "")
    assert channel.last_sent is not None and channel.last_sent - NOW < MINUTE


def test_it_says_that_there_is_no_webhook_to_test(workspace: Workspace) -> None:
    request = answered(workspace, RequestKind.TEST_SLACK)
    assert (request.state, "No Slack webhook" in request.result["said"]) == ("failed", True)


def test_it_notes_signs_of_life(db: None) -> None:
    for now in (NOW, NOW + MINUTE):
        watch.beat("worker", now)
    assert Heartbeat.objects.get().at == NOW + MINUTE


def test_it_refuses_an_unknown_poller(workspace: Workspace) -> None:
    with pytest.raises(KeyError):
        watch.poll("nothing", workspace, NOW)


def test_it_fails_a_run_whose_worker_died_at_the_next_turn(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    dead = PollRun.objects.create(
        workspace=workspace, poller="usage", slot=NOW - 5 * HOUR, lease_until=NOW
    )
    watch.poll("usage", workspace, NOW)
    dead.refresh_from_db()
    assert dead.state == "running"  # its lease is not over yet
    demo.forward(hours=1)
    watch.poll("usage", workspace, NOW + HOUR)
    dead.refresh_from_db()
    assert (dead.state, dead.error) == ("put_off", "Its worker stopped in the middle.")


def test_it_says_of_which_poller_another_turn_is_on(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    request = ask(workspace, RequestKind.POLL, "ana", "usage")
    leases.begin(asks.state_of(workspace, "usage", NOW), NOW, NOW, HOUR)
    answers.answer_requests(workspace, NOW)
    request.refresh_from_db()
    assert request.result == {"rows": 0, "busy": ["usage"]}


def test_it_closes_a_request_that_broke(workspace: Workspace, demo: DemoWorkspace) -> None:
    request = ask(workspace, RequestKind.POLL, "ana", "no such poller")
    with pytest.raises(KeyError):
        answers.answer_requests(workspace, NOW)
    request.refresh_from_db()
    assert request.state == "failed"
    assert "worker's log" in request.result["said"]


def test_it_keeps_its_lease_while_it_goes_on_asking(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    watch.poll("usage", workspace, NOW)
    run = PollRun.objects.get()
    PollRun.objects.update(lease_until=NOW - HOUR, state="running")
    turn_of(run, NOW + 10 * MINUTE).before_request()
    run.refresh_from_db()
    assert run.lease_until == NOW + 10 * MINUTE + settings.LEASE


def test_it_blames_no_live_poller_for_the_past(workspace: Workspace, demo: DemoWorkspace) -> None:
    watch.poll("usage", workspace, NOW)
    demo.fault("/usage", "403", times=9)
    with pytest.raises(Unauthorized):
        watch.poll("usage", workspace, NOW + HOUR, days=(date(2026, 9, 1), date(2026, 9, 30)))
    state = PollerState.objects.get(poller="usage")
    assert (state.failures, state.error) == (0, "")


def test_it_gives_words_to_what_it_did_not_expect(
    workspace: Workspace, demo: DemoWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> asks.Record:
        raise ZeroDivisionError

    monkeypatch.setitem(asks.READ, "usage", broken)
    with pytest.raises(ZeroDivisionError):
        watch.poll("usage", workspace, NOW)
    assert PollRun.objects.get().error.startswith("It broke (ZeroDivisionError)")
    assert state("usage").failures == 1


def test_it_asks_nothing_for_days_that_segment_no_longer_keeps(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    watch.poll("catalog", workspace, NOW)
    run = watch.poll("delivery", workspace, NOW, days=(date(2026, 1, 1), date(2026, 1, 31)))
    assert run is not None
    assert run.rows == 0


def test_it_prunes_old_runs_and_requests(workspace: Workspace, demo: DemoWorkspace) -> None:
    watch.poll("usage", workspace, NOW)
    ask(workspace, RequestKind.POLL, "ana")
    WorkRequest.objects.update(asked_at=NOW)
    watch.prune(NOW + 29 * DAY)
    assert (PollRun.objects.count(), WorkRequest.objects.count()) == (1, 1)
    assert NOW + 29 * DAY <= health.pruned_at() <= NOW + 30 * DAY
    watch.prune(NOW + 31 * DAY)
    assert (PollRun.objects.count(), WorkRequest.objects.count()) == (0, 0)
