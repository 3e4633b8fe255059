"""Rows that were not taken, as the health page shows them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from cdpwatch import counting, health
from cdpwatch.models import PollerState, PollRun, RunState, Workspace
from cdpwatch.readings import Rejection
from cdpwatch.timetable import POLLERS
from dashboards.views.health import outcome, standing
from tests.dashboards.conftest import text
from tests.factories import NOW

HEALTH = reverse("health")


def test_it_says_that_every_row_was_taken(viewer: Client) -> None:
    page = text(viewer, HEALTH)
    assert "Rows that were not taken" in page
    assert "Every row was taken" in page


def test_it_shows_what_was_left_out_as_text(workspace: Workspace, viewer: Client) -> None:
    turn = {"workspace": workspace, "poller": "usage", "slot": NOW, "lease_until": NOW}
    run = PollRun.objects.create(**turn, state=RunState.GOOD, finished_at=NOW, rejected=1207)
    row = Rejection("GET /sources: sources", "id is missing.", '{"name": "<script>1</script>"}')
    counting.record_rejections(run, [row] * 1207)
    page = viewer.get(HEALTH).content.decode()
    assert "<script>1</script>" not in page
    page = text(viewer, HEALTH)
    for part in ("GET /sources: sources", "id is missing.", "&lt;script&gt;", "Partial"):
        assert part in page
    assert "Every row was taken" not in page


@pytest.mark.parametrize(
    ("state", "rejected", "word"),
    [
        (RunState.GOOD, 0, "Good"),
        (RunState.GOOD, 3, "Partial"),
        (RunState.FAILED, 3, "Failed"),
        (RunState.RUNNING, 3, "Running"),
    ],
)
def test_it_marks_a_turn_that_left_rows_out(state: RunState, rejected: int, word: str) -> None:
    assert outcome(PollRun(state=state, rejected=rejected))[1] == word


@pytest.mark.parametrize(("failures", "word"), [(0, "Partial"), (2, "Failing")])
def test_it_marks_a_poller_that_left_rows_out(failures: int, word: str) -> None:
    state = PollerState(poller="usage", last_run=NOW, rejected=3, failures=failures)
    row = health.PollerRow("usage", "Usage", POLLERS["usage"].every, state, late=False)
    assert standing(row, NOW) == ("warn", word)
