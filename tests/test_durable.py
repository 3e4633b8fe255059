"""What two workers, a slow Segment, a lost worker or a database that went away leave behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import InterfaceError, OperationalError
from pytest_django import Settings

from cdpwatch import alerts, watch
from cdpwatch.asking import ask
from cdpwatch.http import RateLimited
from cdpwatch.models import (
    PollerState,
    PollRun,
    RequestKind,
    RunState,
    WorkRequest,
    Workspace,
)
from cdpwatch.timetable import POLLERS
from cdpwatch.watch import answers, asks, lasting, leases, sweeping, turns
from tests.conftest import DemoWorkspace
from tests.factories import NOW, at, make_alert, make_delivery

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
VOLUME = POLLERS["volume"].every


@pytest.fixture
def asked_to_stop() -> Iterator[None]:
    lasting.stop()
    yield
    lasting.stop(False)


def begin(workspace: Workspace, slot: datetime, now: datetime) -> PollRun | None:
    return leases.begin(asks.state_of(workspace, "volume", now), slot, now, VOLUME)


def run_at(slot: datetime) -> PollRun:
    return PollRun.objects.get(slot=slot)


# --- a turn that is longer than its interval ----------------------------------------------------
def test_it_puts_a_turn_off_while_the_one_before_is_still_on(workspace: Workspace) -> None:
    assert begin(workspace, at(18, 12), at(18, 12))
    assert begin(workspace, at(18, 12, 2), at(18, 12)) is None
    put_off = run_at(at(18, 12, 2))
    assert (put_off.state, put_off.error) == (
        RunState.PUT_OFF,
        "The turn of 12:00 UTC was still running.",
    )


def test_it_does_a_turn_that_was_put_off_once_nothing_is_on(workspace: Workspace) -> None:
    first = begin(workspace, at(18, 12), at(18, 12))
    assert first and begin(workspace, at(18, 12, 2), at(18, 12)) is None
    leases.close(first, RunState.GOOD, at(18, 12))
    again = begin(workspace, at(18, 12, 2), at(18, 12))
    assert again and (again.fence, again.error, again.finished_at) == (2, "", None)


def test_it_reads_the_past_beside_the_present(workspace: Workspace) -> None:
    state = asks.state_of(workspace, "volume", NOW)
    assert leases.begin(state, at(1, month=9), NOW, None)
    assert begin(workspace, at(18, 12, 4), NOW)
    assert leases.begin(state, at(1, month=8), NOW, None)


@pytest.fixture
def token(settings: Settings) -> None:
    """Segment is connected; nobody asks it."""
    settings.SEGMENT_API_TOKEN = "token"


# --- a worker that died or was stopped ------------------------------------------------------------
def test_it_does_at_once_what_a_dead_worker_left(workspace: Workspace, demo: DemoWorkspace) -> None:
    for name in POLLERS:
        watch.poll(name, workspace, NOW)
    PollerState.objects.update(history_from=date(2000, 1, 1))
    dead = PollRun.objects.get(poller="usage")
    PollRun.objects.filter(pk=dead.pk).update(state=RunState.RUNNING, lease_until=NOW + MINUTE)
    watch.sweep(workspace, NOW)
    dead.refresh_from_db()
    assert dead.state == RunState.RUNNING  # its worker may be alive yet
    watch.sweep(workspace, NOW + MINUTE)
    dead.refresh_from_db()
    assert (dead.state, dead.fence) == (RunState.GOOD, 2)


def test_it_makes_up_for_a_pause_with_one_turn(workspace: Workspace, token: None) -> None:
    later = NOW + 30 * HOUR + 2 * MINUTE
    PollRun.objects.bulk_create(
        PollRun(workspace=workspace, poller=name, slot=NOW, lease_until=NOW, state="good")
        for name in POLLERS
    )
    assert sweeping.left_undone(workspace, later) == list(POLLERS)
    for name, poller in POLLERS.items():
        slot = watch.slot_of(later, poller.every)
        PollRun.objects.create(
            workspace=workspace, poller=name, slot=slot, lease_until=later, state="good"
        )
    assert not sweeping.left_undone(workspace, later)


@pytest.mark.parametrize(("age", "undone"), [(MINUTE, False), (MINUTE + SECOND, True)])
def test_it_leaves_beat_a_minute_to_send_a_turn(
    workspace: Workspace, token: None, age: timedelta, undone: bool
) -> None:
    assert ("usage" in sweeping.left_undone(workspace, at(18, 12) + age)) is undone


def test_it_leaves_a_failed_turn_to_its_own_retries(workspace: Workspace, token: None) -> None:
    PollRun.objects.create(
        workspace=workspace, poller="usage", slot=at(18, 12), lease_until=NOW, state="failed"
    )
    assert "usage" not in sweeping.left_undone(workspace, NOW)


def test_it_ends_a_turn_between_two_requests_when_asked_to_stop(
    workspace: Workspace, demo: DemoWorkspace, asked_to_stop: None
) -> None:
    assert watch.poll("usage", workspace, NOW) is None
    run = PollRun.objects.get()
    assert (run.state, run.finished_at is not None) == (RunState.PUT_OFF, True)
    assert PollerState.objects.get().failures == 0
    lasting.stop(False)
    assert watch.poll("usage", workspace, NOW) is not None


def test_it_takes_on_nothing_when_asked_to_stop(
    workspace: Workspace, demo: DemoWorkspace, asked_to_stop: None
) -> None:
    make_delivery(make_alert(workspace))
    request = ask(workspace, RequestKind.POLL, "ana")
    watch.sweep(workspace, NOW)
    assert watch.deliver(NOW) == 0
    request.refresh_from_db()
    assert (request.state, PollRun.objects.count()) == ("queued", 0)


# --- requests of pages ------------------------------------------------------------------------
def taken(workspace: Workspace, now: datetime = NOW) -> WorkRequest:
    request = answers._claim(workspace, now)
    assert request
    return request


def test_it_takes_up_a_request_whose_worker_died(workspace: Workspace) -> None:
    ask(workspace, RequestKind.POLL, "ana")
    first = taken(workspace)
    assert (first.state, first.lease_until) == ("running", NOW + settings.LEASE)
    assert answers._claim(workspace, NOW + settings.LEASE) is None
    second = taken(workspace, NOW + settings.LEASE + SECOND)
    assert (second.pk, second.attempts) == (first.pk, 2)


def test_it_queues_a_request_again_when_asked_to_stop(
    workspace: Workspace, demo: DemoWorkspace, asked_to_stop: None
) -> None:
    ask(workspace, RequestKind.POLL, "ana")
    request = taken(workspace)
    answers._answer(request, lambda: NOW)
    request.refresh_from_db()
    assert (request.state, request.finished_at) == ("queued", None)


def test_it_lets_a_worker_that_slept_say_nothing_about_a_request(workspace: Workspace) -> None:
    ask(workspace, RequestKind.POLL, "ana")
    stale, now = taken(workspace), NOW + settings.LEASE + SECOND
    fresh = taken(workspace, now)
    answers._close(stale, "failed", {"said": "late"})
    answers._keep(stale, lambda: NOW + HOUR)
    fresh.refresh_from_db()
    assert (fresh.state, fresh.lease_until) == ("running", now + settings.LEASE)


def test_it_gives_a_request_up_over_which_three_workers_died(workspace: Workspace) -> None:
    ask(workspace, RequestKind.POLL, "ana")
    now = NOW
    for _ in range(answers.MOST_ATTEMPTS):
        taken(workspace, now)
        now += settings.LEASE + SECOND
    assert answers._claim(workspace, now) is None
    request = WorkRequest.objects.get()
    assert (request.state, request.result["said"]) == ("failed", answers.GIVEN_UP)


def test_it_keeps_a_request_while_it_is_answered(workspace: Workspace, demo: DemoWorkspace) -> None:
    ask(workspace, RequestKind.POLL, "ana", "catalog")
    request = taken(workspace)
    answers._answer(request, lambda: NOW + HOUR)
    request.refresh_from_db()
    assert (request.state, request.lease_until) == ("done", NOW + HOUR + settings.LEASE)


# --- a pause that Segment asked for -----------------------------------------------------------
def waiting_turn(workspace: Workspace, pause: timedelta) -> tuple[turns.Turn, list[float]]:
    """A turn that finds its token paused; its sleeps move its clock."""
    Workspace.objects.filter(pk=workspace.pk).update(throttled_until=NOW + pause)
    run = begin(workspace, at(18, 12, 4), NOW)
    assert run
    slept: list[float] = []
    turn = turns.Turn(
        run, True, NOW, lambda: NOW + timedelta(seconds=sum(slept)), sleep=slept.append
    )
    return turn, slept


def test_it_sits_out_a_short_pause_that_another_worker_was_told_of(workspace: Workspace) -> None:
    turn, slept = waiting_turn(workspace, 15 * SECOND)
    turn.before_request()
    assert 15 <= sum(slept) <= 16
    turn.run.refresh_from_db()
    assert turn.run.lease_until >= NOW + 15 * SECOND + settings.LEASE


def test_it_ends_the_turn_in_a_long_pause(workspace: Workspace) -> None:
    turn, slept = waiting_turn(workspace, 21 * SECOND)
    with pytest.raises(RateLimited, match="wait until Wed 18 Nov 12:05 UTC") as caught:
        turn.before_request()
    assert (caught.value.retry_after, slept) == (21.0, [])


def test_it_never_shortens_a_pause(workspace: Workspace) -> None:
    turn, _ = waiting_turn(workspace, HOUR)
    turn.throttled(5)
    workspace.refresh_from_db()
    assert workspace.throttled_until == NOW + HOUR


# --- a database that went away ------------------------------------------------------------------
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_it_does_a_unit_again_when_the_database_comes_back(
    db: None, error: type[Exception]
) -> None:
    answers = iter([error("gone"), error("gone"), 7])

    def work() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert lasting.insist(work) == 7


def test_it_does_not_insist_on_a_mistake() -> None:
    tries = []

    def work() -> None:
        tries.append(1)
        raise ValueError

    with pytest.raises(ValueError):
        lasting.insist(work)
    assert len(tries) == 1


def test_it_goes_on_sweeping_after_a_turn_that_met_no_database(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    def turn() -> None:
        raise OperationalError("server closed the connection: secret")

    assert sweeping._try(turn)
    assert "OperationalError" in caplog.text and "secret" not in caplog.text


def test_it_notes_what_was_sent_whoever_holds_the_lease(workspace: Workspace) -> None:
    make_delivery(make_alert(workspace))
    stale = alerts.claim_due(NOW)
    fresh = alerts.claim_due(NOW + 2 * alerts.LEASE)
    assert stale and fresh
    alerts.note_sent(stale, NOW)
    alerts.note_failed(fresh, "503", NOW, permanent=False, retry_after=None)
    fresh.refresh_from_db()
    assert fresh.state == "sent"  # a third message would tell nothing new


# --- points for drills ----------------------------------------------------------------------------
PASSES = """
import django; django.setup()
from cdpwatch.failpoints import failpoint
for name in ("other", "here", "here"):
    failpoint(name); print(name, flush=True)
"""


def test_it_dies_at_a_point_that_a_drill_names_and_only_once(
    tmp_path: Path, settings: Settings
) -> None:
    armed = tmp_path / "armed"
    armed.write_text("here|2|SIGKILL")
    command = [sys.executable, "-c", PASSES]
    environment = {
        "DJANGO_SETTINGS_MODULE": "cdpwatch.settings",
        "CDPWATCH_DATA_DIR": str(tmp_path / "data"),
        "CDPWATCH_FAILPOINT": str(armed),
    }
    killed, spared = (
        subprocess.run(command, env=environment, cwd=settings.BASE_DIR, capture_output=True)
        for _ in range(2)
    )
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, b"other\nhere\n")
    assert (spared.returncode, spared.stdout) == (0, b"other\nhere\nhere\n")
    assert not armed.exists()
