"""The table of periodic work: every job exists, and no turn outlives the next."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from datetime import timedelta

import pytest

from cdpwatch.roster import everyone
from tasks import app
from tasks.schedule import SCHEDULE

importlib.import_module("tasks.jobs")  # what the worker includes


def test_it_loads_in_a_bare_process_as_a_worker_does() -> None:
    env = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    subprocess.run([sys.executable, "-c", "import tasks"], env=env, check=True, timeout=60)


@pytest.mark.parametrize("name", SCHEDULE)
def test_it_registers_each_job(name: str) -> None:
    assert SCHEDULE[name]["task"] in app.tasks


@pytest.mark.parametrize("name", SCHEDULE)
def test_it_lets_each_turn_expire_before_the_next(name: str) -> None:
    entry = SCHEDULE[name]
    assert 0 < entry["options"]["expires"] < entry["schedule"].total_seconds()


def test_it_schedules_every_poller_and_counter_at_its_own_interval() -> None:
    turns = {entry["args"]: entry["schedule"] for entry in SCHEDULE.values() if entry["args"]}
    assert turns == {(name,): poller.every for name, poller in everyone().items()}


def test_it_evaluates_and_delivers_often_enough_to_alert_within_minutes() -> None:
    assert SCHEDULE["evaluate"]["schedule"] <= timedelta(minutes=1)
    assert SCHEDULE["deliver"]["schedule"] <= timedelta(seconds=10)
    assert SCHEDULE["sweep"]["schedule"] <= timedelta(seconds=5)


def test_it_hands_the_table_to_beat() -> None:
    assert app.conf.beat_schedule == SCHEDULE
    assert app.conf.task_acks_late and app.conf.task_reject_on_worker_lost
    longest = app.conf.broker_transport_options["visibility_timeout"]
    assert app.conf.task_time_limit < longest
