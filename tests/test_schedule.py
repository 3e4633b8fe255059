"""The table of periodic work: every job exists, and no turn outlives the next."""

from __future__ import annotations

import importlib
from datetime import timedelta

import pytest

from cdpwatch.timetable import POLLERS
from tasks import app
from tasks.schedule import SCHEDULE

importlib.import_module("tasks.jobs")  # what the worker includes


@pytest.mark.parametrize("name", SCHEDULE)
def test_it_registers_each_job(name: str) -> None:
    assert SCHEDULE[name]["task"] in app.tasks


@pytest.mark.parametrize("name", SCHEDULE)
def test_it_lets_each_turn_expire_before_the_next(name: str) -> None:
    entry = SCHEDULE[name]
    assert 0 < entry["options"]["expires"] < entry["schedule"].total_seconds()


def test_it_schedules_every_poller_at_its_own_interval() -> None:
    turns = {entry["args"]: entry["schedule"] for entry in SCHEDULE.values() if entry["args"]}
    assert turns == {(name,): poller.every for name, poller in POLLERS.items()}


def test_it_evaluates_and_delivers_often_enough_to_alert_within_minutes() -> None:
    assert SCHEDULE["evaluate"]["schedule"] <= timedelta(minutes=1)
    assert SCHEDULE["deliver"]["schedule"] <= timedelta(seconds=10)
    assert SCHEDULE["sweep"]["schedule"] <= timedelta(seconds=5)


def test_it_hands_the_table_to_beat() -> None:
    assert app.conf.beat_schedule == SCHEDULE
    assert app.conf.task_acks_late and app.conf.task_reject_on_worker_lost
    longest = app.conf.broker_transport_options["visibility_timeout"]
    assert app.conf.task_time_limit < longest
