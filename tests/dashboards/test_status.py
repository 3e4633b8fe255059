"""What machines ask: the process, the database, the work; names and ages only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.urls import reverse

from cdpwatch.models import Heartbeat, PollerState, Workspace
from tests.dashboards.conftest import alive, make_message

STATUS = reverse("statusz")


def test_it_says_that_the_process_is_there(client: Client) -> None:
    # No database fixture: it must not need one.
    reply = client.get(reverse("healthz"))
    assert (reply.status_code, reply.content) == (200, b"ok\n")


def test_it_is_ready_with_all_migrations(client: Client, db: None) -> None:
    assert client.get(reverse("readyz")).content == b"ok\n"


def test_it_is_not_ready_with_a_migration_to_apply(client: Client, db: None) -> None:
    MigrationRecorder.Migration.objects.filter(app="sessions").delete()
    reply = client.get(reverse("readyz"))
    assert reply.status_code == 503
    assert reply.content == b"1 migration to apply: run manage.py migrate.\n"


def test_it_is_not_ready_without_a_database(client: Client, db: None) -> None:
    def refuse(*_: object) -> None:
        raise DatabaseError("connection to host 10.0.0.7 failed: password is hunter2")

    with connection.execute_wrapper(refuse):
        reply = client.get(reverse("readyz"))
    assert (reply.status_code, reply.content) == (503, b"The database does not answer.\n")


def test_it_is_ok_when_everybody_works(client: Client, workspace: Workspace) -> None:
    alive()
    now = datetime.now(UTC)
    PollerState.objects.create(workspace=workspace, poller="usage", last_run=now, last_good=now)
    reply = client.get(STATUS)
    assert reply.status_code == 200
    told = reply.json()
    assert told["state"] == told["beat"]["state"] == told["pollers"]["usage"]["state"] == "ok"
    assert told["oldest_undelivered_seconds"] is None


@pytest.mark.parametrize("program", ["beat", "worker"])
def test_it_is_late_without_a_heartbeat(client: Client, workspace: Workspace, program: str) -> None:
    alive()
    Heartbeat.objects.filter(name=program).update(at=datetime.now(UTC) - timedelta(minutes=2))
    reply = client.get(STATUS)
    assert (reply.status_code, reply.json()["state"]) == (503, "late")
    assert reply.json()[program]["state"] == "late"


def test_it_is_late_with_a_poller_that_sees_nothing(client: Client, workspace: Workspace) -> None:
    alive()
    old = datetime.now(UTC) - timedelta(hours=5)
    PollerState.objects.create(workspace=workspace, poller="usage", last_run=old, last_good=old)
    reply = client.get(STATUS)
    assert reply.status_code == 503
    assert reply.json()["pollers"]["usage"]["age_seconds"] >= 5 * 3600


def test_it_gives_the_age_of_the_oldest_message(client: Client, workspace: Workspace) -> None:
    alive()
    make_message(workspace, created_at=datetime.now(UTC) - timedelta(hours=3))
    told = client.get(STATUS).json()
    assert told["oldest_undelivered_seconds"] >= 3 * 3600


def test_it_is_silent_about_what_nobody_has_connected(client: Client, workspace: Workspace) -> None:
    assert {"usage", "volume"} <= client.get(STATUS).json()["pollers"].keys()
    assert "amplitude" not in client.get(STATUS).json()["pollers"]


def test_it_answers_before_there_is_a_workspace(client: Client, db: None) -> None:
    assert client.get(STATUS).json()["pollers"] == {}


def test_it_tells_strangers_names_and_ages_only(client: Client, workspace: Workspace) -> None:
    now = datetime.now(UTC)
    PollerState.objects.create(
        workspace=workspace, poller="usage", first_due=now, last_run=now, error="secret words"
    )
    Workspace.objects.update(name="GitBook")
    said = client.get(STATUS).content.decode()
    assert "secret words" not in said
    assert "GitBook" not in said
