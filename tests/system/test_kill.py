"""Programs die in the worst moment: the supervisor starts them again, and nothing is lost.

The numbers are compared with the demo workspace's own, day by day and source by source.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.system.copies import Copy, Person, Workspace, month_start, until

HELD = 30.0  # seconds for which the demo workspace keeps an answer back
OVERAGE = "over the contract"
SETTLES_AFTER = timedelta(minutes=20)  # after midnight the demo bills the day that is over


def test_it_counts_right_after_the_worker_is_killed_in_a_poll(
    running: Copy, workspace: Workspace, person: Person
) -> None:
    workspace.fault("/usage", "slow", HELD)
    person.ask_for_poll("usage")
    until(workspace.has_met_its_fault)
    running.kill("worker")
    running.wait_for_sign_of_life()
    # The killed worker's lease of a minute runs out first; then a sweep does its turn again.
    until(lambda: running.status()["pollers"]["usage"]["age_seconds"] < HELD)
    assert_counts_are_true(running, workspace)


def test_it_delivers_after_the_worker_is_killed_in_a_delivery(
    running: Copy, workspace: Workspace, used_up_contract: int
) -> None:
    until(workspace.has_met_its_fault)
    running.kill("alerts")
    running.wait_for_sign_of_life()
    # The killed sender's lease of a minute runs out first.
    until(lambda: running.status()["oldest_undelivered_seconds"] is None, 120)
    assert len(workspace.messages("OPEN", OVERAGE)) == used_up_contract + 1


@pytest.mark.parametrize("program", ["valkey", "beat"])
def test_it_goes_on_after_a_program_is_killed(
    running: Copy, workspace: Workspace, person: Person, program: str
) -> None:
    running.kill(program)
    running.wait_for_sign_of_life()
    person.poll_now()
    assert_counts_are_true(running, workspace)


def test_it_serves_again_after_the_web_server_is_killed(running: Copy) -> None:
    running.kill("web")
    until(running.answers)


@pytest.fixture
def used_up_contract(running: Copy, workspace: Workspace, person: Person) -> Iterator[int]:
    """An alert whose message is on its way to a Slack that hangs; how many came before it."""
    confirm_contract(person, 10**9)
    running.manage("evaluate", "--demo")  # nothing is over, whatever the day of the month
    until(lambda: running.status()["oldest_undelivered_seconds"] is None)
    told = len(workspace.messages("OPEN", OVERAGE))
    workspace.fault("/slack/services", "hang", HELD)
    confirm_contract(person, 1)
    running.manage("evaluate", "--demo")
    yield told
    confirm_contract(person, 40_000_000)


def confirm_contract(person: Person, allowance: int) -> None:
    person.post(
        "/connect/",
        "/connect/contract/",
        allowance=str(allowance),
        period="month",
        cycle_day="1",
        starts_on=month_start(),
    )


def assert_counts_are_true(running: Copy, workspace: Workspace) -> None:
    """Billed calls of this month and the last, live calls of this month: every settled day."""
    first, settled = month_start(back=1), f"{datetime.now(UTC) - SETTLES_AFTER:%Y-%m-%d}"
    rows = {(row["day"], row["source_id"]): row for row in running.usage(first)}
    truth = {
        (row["day"], row["source_id"]): row["calls"]
        for row in workspace.truth(first)
        if row["day"] < settled
    }
    assert {key: rows[key]["billed"] for key in truth} == truth
    live = {key: calls for key, calls in truth.items() if key[0] >= month_start()}
    assert {key: rows[key]["live"] or 0 for key in live} == live
