"""A key that a vendor replaces at each use, through whole turns: kept, encrypted, used next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import Settings

from cdpwatch import vault, watch
from cdpwatch.counters.helpscout import HELPSCOUT
from cdpwatch.http import BadPayload, Unauthorized
from cdpwatch.models import CredentialKind, PollRun, VendorCount, Workspace
from tests.conftest import DemoWorkspace

VARIABLE = "HELPSCOUT_REFRESH_TOKEN"


@pytest.fixture
def pasted(workspace: Workspace, vendors: dict[str, str]) -> Workspace:
    kind = CredentialKind.VENDOR_KEY
    vault.keep(workspace, kind, "demo-refresh-1", "somebody", variable=VARIABLE)
    return workspace


def refresh_token(workspace: Workspace) -> str:
    return vault.keys_of(workspace, HELPSCOUT)["refresh_token"]


def test_it_uses_the_new_refresh_token_in_the_next_turn(
    pasted: Workspace, demo: DemoWorkspace
) -> None:
    watch.poll("helpscout", pasted, demo.now)
    assert refresh_token(pasted) == "demo-refresh-2"
    watch.poll("helpscout", pasted, demo.forward(days=1))
    assert refresh_token(pasted) == "demo-refresh-3"
    assert VendorCount.objects.filter(counter="helpscout").count() == 3


def test_it_keeps_the_new_refresh_token_of_a_turn_that_fails(
    pasted: Workspace, demo: DemoWorkspace
) -> None:
    demo.fault("/vendors/helpscout/v2/customers", "html")
    with pytest.raises(BadPayload):
        watch.poll("helpscout", pasted, demo.now)
    assert refresh_token(pasted) == "demo-refresh-2"


def test_it_is_not_locked_out_where_a_worker_died_before_it_kept_the_new_token(
    pasted: Workspace, demo: DemoWorkspace, vendors: dict[str, str]
) -> None:
    app = {"client_id": vendors["HELPSCOUT_APP_ID"], "grant_type": "refresh_token"}
    app |= {"client_secret": vendors["HELPSCOUT_APP_SECRET"], "refresh_token": "demo-refresh-1"}
    demo.http.post("/vendors/helpscout/v2/oauth2/token", json=app).raise_for_status()
    watch.poll("helpscout", pasted, demo.now)
    run = PollRun.objects.latest("pk")
    assert (run.state, run.error) == ("good", "")
    assert VendorCount.objects.filter(counter="helpscout").exists()
    assert "paste the new one on Connect" in run.rejections.get().reason


def test_it_says_on_the_run_that_a_refresh_token_was_used_up(
    pasted: Workspace, demo: DemoWorkspace, settings: Settings
) -> None:
    watch.poll("helpscout", pasted, demo.now)
    vault.keep_key(pasted, HELPSCOUT, "refresh_token", "demo-refresh-1")
    settings.VENDOR_VARIABLES = {**settings.VENDOR_VARIABLES, "HELPSCOUT_APP_SECRET": "revoked"}
    with pytest.raises(Unauthorized):
        watch.poll("helpscout", pasted, demo.forward(days=1))
    run = PollRun.objects.latest("pk")
    assert "each works once" in run.error
    assert "demo-refresh" not in run.error


def test_it_does_not_count_a_day_of_help_scout_twice(
    pasted: Workspace, demo: DemoWorkspace
) -> None:
    watch.poll("helpscout", pasted, demo.now)
    before = dict(VendorCount.objects.values_list("bucket", "count"))
    watch.poll("helpscout", pasted, demo.forward(days=1))
    after = dict(VendorCount.objects.values_list("bucket", "count"))
    assert before.items() <= after.items()
    assert max(after) - max(before) == timedelta(days=1)
