"""Requests of pages: asked once, over when answered, lost when their worker died."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cdpwatch.asking import LOST_AFTER, ask, is_lost, is_over
from cdpwatch.models import RequestKind, RequestState, WorkRequest, Workspace
from tests.factories import NOW

SECOND = timedelta(seconds=1)


def test_it_queues_what_a_page_asks(workspace: Workspace) -> None:
    request = ask(workspace, RequestKind.POLL, "ana", "usage")
    assert (request.state, request.asked_by, request.subject) == ("queued", "ana", "usage")


def test_it_does_not_queue_twice_what_still_waits(workspace: Workspace) -> None:
    first = ask(workspace, RequestKind.POLL, "ana", "usage")
    assert ask(workspace, RequestKind.POLL, "bruno", "usage") == first
    others = [ask(workspace, RequestKind.POLL, "ana"), ask(workspace, RequestKind.TEST_SLACK, "a")]
    assert first not in others
    assert WorkRequest.objects.count() == 3


@pytest.mark.parametrize("state", [RequestState.RUNNING, RequestState.DONE, RequestState.FAILED])
def test_it_asks_anew_once_the_last_one_was_taken(
    workspace: Workspace, state: RequestState
) -> None:
    first = ask(workspace, RequestKind.POLL, "ana")
    WorkRequest.objects.filter(pk=first.pk).update(state=state)
    assert ask(workspace, RequestKind.POLL, "ana") != first


@pytest.mark.parametrize(
    ("state", "age", "finished", "lost", "over"),
    [
        (RequestState.QUEUED, LOST_AFTER * 9, False, False, False),  # no worker came for it yet
        (RequestState.RUNNING, LOST_AFTER, False, False, False),
        (RequestState.RUNNING, LOST_AFTER + SECOND, False, True, True),
        (RequestState.DONE, SECOND, True, False, True),
        (RequestState.FAILED, LOST_AFTER * 9, True, False, True),
    ],
)
def test_it_stops_waiting_for_what_was_answered_or_lost(
    state: RequestState, age: timedelta, finished: bool, lost: bool, over: bool
) -> None:
    request = WorkRequest(state=state, asked_at=NOW - age, finished_at=NOW if finished else None)
    assert (is_lost(request, NOW), is_over(request, NOW)) == (lost, over)
