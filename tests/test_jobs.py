"""The worker's jobs: retried when waiting may help, quiet when only a person can mend it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import stamina
from celery.result import EagerResult
from celery.signals import heartbeat_sent, task_retry, worker_ready
from pytest_django import Settings

from cdpwatch import asking, vault
from cdpwatch.models import (
    Connection,
    CredentialKind,
    Heartbeat,
    PollerState,
    PollRun,
    Projection,
    RequestKind,
    RequestState,
    Workspace,
)
from cdpwatch.snapshot import WORKER_START
from tasks import app, jobs
from tests.conftest import DemoWorkspace
from tests.factories import make_alert, make_delivery


@pytest.fixture
def waits() -> Iterator[list[float]]:
    """Seconds that the job wanted to wait before each retry."""
    asked: list[float] = []

    def note(reason: Any, **_: object) -> None:
        asked.append(reason.when)

    task_retry.connect(note)
    yield asked
    task_retry.disconnect(note)


@pytest.fixture
def here() -> Iterator[None]:
    """Jobs that are sent run in this process: there is no broker."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def poll(name: str = "catalog") -> EagerResult:
    """The whole life of one poll job, its retries without the waits."""
    return jobs.poll.apply(args=[name])


def test_it_polls(workspace: Workspace, demo: DemoWorkspace, waits: list[float]) -> None:
    assert (poll().state, waits) == ("SUCCESS", [])
    assert PollRun.objects.get().state == "good"
    assert Connection.objects.exists()


def test_it_waits_as_long_as_segment_asks(
    workspace: Workspace, demo: DemoWorkspace, waits: list[float]
) -> None:
    demo.fault("/sources", "429", seconds=90)
    assert (poll().state, waits) == ("SUCCESS", [90])


def test_it_tries_three_times_more_what_may_pass(
    workspace: Workspace, settings: Settings, waits: list[float]
) -> None:
    settings.SEGMENT_API_URL, settings.SEGMENT_API_TOKEN = "http://127.0.0.1:9", "token"
    settings.ALLOW_LOOPBACK = True
    with stamina.set_testing(True):
        result = poll()
    assert (result.state, waits) == ("FAILURE", [30, 30, 30])
    assert PollRun.objects.get().fence == 4


def test_it_asks_no_more_when_segment_refuses(
    workspace: Workspace, demo: DemoWorkspace, waits: list[float]
) -> None:
    demo.fault("/sources", "403")
    assert (poll().state, waits) == ("SUCCESS", [])
    assert "403" in PollRun.objects.get().error


def another_workspace(settings: Settings) -> None:
    Workspace.objects.update(segment_id="another", name="Another")


def lost_keys(settings: Settings) -> None:
    settings.SEGMENT_API_TOKEN = ""
    vault.keep(Workspace.objects.get(), CredentialKind.SEGMENT_TOKEN, "token", "ana")
    settings.ENCRYPTION_KEYS = ["A" * 43 + "="]


@pytest.mark.parametrize(
    ("obstacle", "said"),
    [
        (another_workspace, "belongs to the workspace"),
        (lost_keys, "cannot be opened"),
    ],
)
def test_it_leaves_to_people_what_only_they_can_mend(
    workspace: Workspace,
    demo: DemoWorkspace,
    settings: Settings,
    waits: list[float],
    obstacle: Any,
    said: str,
) -> None:
    obstacle(settings)
    assert (poll().state, waits) == ("SUCCESS", [])
    assert said in PollRun.objects.get().error


def test_it_does_not_hide_a_mistake_of_its_own(workspace: Workspace, demo: DemoWorkspace) -> None:
    assert isinstance(poll("weather").result, KeyError)


def test_it_judges_and_delivers(workspace: Workspace, demo: DemoWorkspace) -> None:
    make_delivery(make_alert(workspace))
    jobs.evaluate()
    assert Projection.objects.exists()
    assert demo.messages[-1]["text"].startswith("OPEN")


def test_it_delivers_what_waits(workspace: Workspace, demo: DemoWorkspace) -> None:
    make_delivery(make_alert(workspace))
    jobs.deliver()
    jobs.deliver()
    assert len(demo.messages) == 1


def test_it_sweeps_as_soon_as_the_worker_is_up(
    transactional_db: None, workspace: Workspace, here: None
) -> None:
    request = asking.ask(workspace, RequestKind.TEST_SLACK, "ana")
    before = datetime.now(UTC)
    worker_ready.send(sender=None)
    request.refresh_from_db()
    assert request.state == RequestState.FAILED  # answered: there is no webhook
    assert Heartbeat.objects.get(name=WORKER_START).at >= before


def test_it_notes_the_life_of_beat_and_worker_apart(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_last_heartbeat", float("-inf"))
    jobs.pulse()
    assert [row.name for row in Heartbeat.objects.all()] == ["beat"]
    heartbeat_sent.send(sender=None)
    assert Heartbeat.objects.filter(name="worker").exists()


def test_it_notes_the_worker_now_and_then_only(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_last_heartbeat", float("-inf"))
    heartbeat_sent.send(sender=None)
    Heartbeat.objects.all().delete()
    heartbeat_sent.send(sender=None)  # Celery sends one every two seconds
    assert not Heartbeat.objects.exists()


def test_it_notes_no_turn_of_a_workspace_without_a_token(
    workspace: Workspace, settings: Settings
) -> None:
    settings.SEGMENT_API_TOKEN = ""
    jobs.poll.apply(args=["usage"])
    assert not PollRun.objects.exists()
    assert not PollerState.objects.exists()  # so nothing counts as blind


def test_it_judges_fresh_traffic_at_once(
    workspace: Workspace, demo: DemoWorkspace, here: None
) -> None:
    poll("usage")
    assert not Projection.objects.exists()
    poll("volume")
    assert Projection.objects.exists()
