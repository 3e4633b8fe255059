"""Connecting: a pasted token waits for its check, and only a checked one is put in use."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from cdpwatch import connecting, rulebook, vault
from cdpwatch.models import (
    Connection,
    Credential,
    CredentialKind,
    PollerState,
    Region,
    RequestKind,
    RequestState,
    WorkRequest,
    Workspace,
)
from tests.factories import NOW, make_connection

TOKEN = CredentialKind.SEGMENT_TOKEN


def paste(
    workspace: Workspace, token: str = "token-0001", region: Region = Region.US
) -> Credential:
    return connecting.paste_token(workspace, token, region, "ana")


def pass_check(token: Credential, state: RequestState = RequestState.DONE) -> None:
    WorkRequest.objects.filter(subject=str(token.pk)).update(state=state)


def test_it_keeps_a_pasted_token_as_a_candidate_and_asks_for_its_check(
    workspace: Workspace,
) -> None:
    token = paste(workspace, region=Region.EU)
    assert connecting.candidate(workspace) == token
    assert (token.candidate, token.region, token.last_four) == (True, "eu", "0001")
    assert vault.segment_token(workspace) == ""  # not in use yet
    check = connecting.check_of(token)
    assert check is not None
    assert (check.state, check.asked_by) == (RequestState.QUEUED, "ana")
    assert "token-0001" not in str(vars(check))


def test_it_forgets_the_last_candidate_and_its_check_when_another_is_pasted(
    workspace: Workspace,
) -> None:
    first = paste(workspace)
    second = paste(workspace, "token-0002")
    assert list(Credential.objects.all()) == [second]
    assert connecting.check_of(second) == WorkRequest.objects.get()
    assert WorkRequest.objects.get().subject != str(first.pk)


def test_it_keeps_the_answer_of_a_check_that_is_over(workspace: Workspace) -> None:
    pass_check(paste(workspace), RequestState.FAILED)
    connecting.discard_token(workspace)
    assert connecting.candidate(workspace) is None
    assert WorkRequest.objects.get().state == RequestState.FAILED


@pytest.mark.parametrize("state", [s for s in RequestState if s != RequestState.DONE])
def test_it_uses_no_token_that_did_not_pass(workspace: Workspace, state: RequestState) -> None:
    pass_check(paste(workspace), state)
    assert connecting.use_token(workspace, "ana") is None
    assert vault.segment_token(workspace) == ""


def test_it_uses_nothing_when_nothing_was_pasted(workspace: Workspace) -> None:
    assert connecting.use_token(workspace, "ana") is None


def test_it_puts_a_checked_token_in_the_place_of_the_last_one(workspace: Workspace) -> None:
    vault.keep(workspace, TOKEN, "token-old", "ana")
    pass_check(paste(workspace, region=Region.EU))
    token = connecting.use_token(workspace, "ana")
    assert token is not None
    workspace.refresh_from_db()
    assert (vault.segment_token(workspace), workspace.region) == ("token-0001", "eu")
    assert connecting.candidate(workspace) is None
    assert Credential.objects.count() == 1


def test_it_lets_pollers_that_never_worked_try_at_once(workspace: Workspace) -> None:
    Workspace.objects.update(throttled_until=NOW)  # by the token of before
    never = PollerState.objects.create(workspace=workspace, poller="usage", last_run=NOW)
    connecting.set_region(workspace, Region.EU, "ana")
    never.refresh_from_db()
    workspace.refresh_from_db()
    assert (never.last_run, workspace.throttled_until) == (None, None)
    assert not WorkRequest.objects.exists()  # the sweep polls what never ran by itself


def test_it_asks_for_one_more_turn_of_what_worked(workspace: Workspace) -> None:
    state = {"last_run": NOW, "last_good": NOW}
    worked = PollerState.objects.create(workspace=workspace, poller="usage", **state)
    connecting.set_region(workspace, Region.EU, "ana")
    worked.refresh_from_db()
    assert worked.last_run == NOW
    assert WorkRequest.objects.get().kind == RequestKind.POLL


def test_it_keeps_one_webhook_and_tests_it(workspace: Workspace) -> None:
    for last in ("one", "two"):
        connecting.paste_webhook(workspace, f"https://hooks.slack.com/services/{last}", "ana")
    assert vault.slack_webhook(workspace).endswith("/two")
    assert Credential.objects.count() == 1
    assert WorkRequest.objects.get().kind == RequestKind.TEST_SLACK


def test_it_says_what_the_environment_sets(settings: Settings) -> None:
    assert not connecting.token_from_environment()
    assert not connecting.webhook_from_environment()
    settings.SEGMENT_API_TOKEN = settings.SLACK_WEBHOOK_URL = "set"
    assert connecting.token_from_environment()
    assert connecting.webhook_from_environment()


def test_it_places_connections_anew_and_renames_environments_in_the_rules(
    workspace: Workspace,
) -> None:
    make_connection(workspace, name="QA - Application")
    workspace.environments.filter(name="Staging").update(name="QA", aliases=[])
    connecting.environments_changed(workspace, {"Staging": "QA"}, "ana")
    row = Connection.objects.get()
    assert row.environment is not None
    assert (row.environment.name, row.naming) == ("QA", "follows")
    [rule] = [rule for rule in rulebook.current(workspace) if rule.environments]
    assert rule.environments == ("QA", "Dev")
    assert workspace.policies.first().note == "Environments renamed: Staging is now QA."


def test_it_makes_no_policy_version_when_no_rule_names_the_environment(
    workspace: Workspace,
) -> None:
    connecting.environments_changed(workspace, {"Prod": "Live"}, "ana")
    assert workspace.policies.count() == 1
