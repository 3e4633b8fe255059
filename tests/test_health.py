"""How the work goes: pulses of beat and worker, every poller's turns, the outbox."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cdpwatch import health
from cdpwatch.models import DeliveryState, Heartbeat, PollerState, Workspace
from cdpwatch.roster import everyone
from tests.factories import NOW, make_alert, make_delivery

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


def make_state(workspace: Workspace, poller: str = "usage", **fields: object) -> PollerState:
    filled = {"first_due": NOW - 10 * HOUR, **fields}
    return PollerState.objects.create(workspace=workspace, poller=poller, **filled)


def row_of(workspace: Workspace, poller: str = "usage") -> health.PollerRow:
    return {row.name: row for row in health.poller_rows(workspace, NOW)}[poller]


@pytest.mark.parametrize(
    ("age", "late"), [(None, True), (health.SILENT, False), (health.SILENT + SECOND, True)]
)
def test_it_calls_a_program_late_that_was_silent_for_a_minute(
    db: None, age: timedelta | None, late: bool
) -> None:
    if age is not None:
        Heartbeat.objects.create(name="worker", at=NOW - age)
    beat, worker, _ = health.pulses(NOW)
    assert (beat.name, beat.at, beat.late) == ("beat", None, True)
    assert (worker.name, worker.late) == ("worker", late)
    assert health.worker_answers(NOW) is not late


def test_it_has_a_row_for_every_poller_before_any_turn(workspace: Workspace) -> None:
    rows = health.poller_rows(workspace, NOW)
    assert [row.name for row in rows] == list(everyone())
    assert {(row.state, row.last_good, row.next_turn, row.late) for row in rows} == {
        (None, None, None, False)
    }


@pytest.mark.parametrize(
    ("last_run", "throttled_until", "next_turn"),
    [
        (None, None, None),
        (NOW, None, NOW + HOUR),
        (NOW - 3 * HOUR, None, NOW - 2 * HOUR),
        (NOW, NOW + MINUTE, NOW + HOUR),
        (NOW - 3 * HOUR, NOW + MINUTE, NOW + MINUTE),
    ],
)
def test_it_says_when_a_poller_is_due_again(
    workspace: Workspace,
    last_run: datetime | None,
    throttled_until: datetime | None,
    next_turn: datetime | None,
) -> None:
    make_state(workspace, last_run=last_run)
    workspace.throttled_until = throttled_until
    assert row_of(workspace).next_turn == next_turn


def test_it_marks_only_the_poller_that_missed_its_turns(workspace: Workspace) -> None:
    make_state(workspace, "usage", last_good=NOW - 4 * HOUR)
    make_state(workspace, "catalog", last_good=NOW - HOUR)
    make_state(workspace, "volume", last_good=None)  # due for ten hours, and never worked
    late = [row.name for row in health.poller_rows(workspace, NOW) if row.late]
    assert late == ["usage", "volume"]


def test_it_counts_what_waits_and_what_was_given_up(workspace: Workspace) -> None:
    assert health.outbox(workspace) == health.Outbox(0, 0, None)
    alert = make_alert(workspace)
    for hours, state in enumerate(DeliveryState, 1):
        make_delivery(alert, event=state, state=state, created_at=NOW - hours * HOUR)
    # Waiting and being sent wait; what was sent counts nowhere, old as it is.
    assert health.outbox(workspace) == health.Outbox(2, 1, NOW - 4 * HOUR)
    alert.deliveries.filter(state=DeliveryState.FAILED).delete()
    assert health.outbox(workspace) == health.Outbox(2, 0, NOW - 2 * HOUR)
