"""Secrets at rest: encrypted, replaceable, and never handed out wrong."""

from __future__ import annotations

from functools import partial

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from cdpwatch import vault
from cdpwatch.models import Credential, CredentialKind, Region, Workspace
from tests.factories import NOW

TOKEN, WEBHOOK = CredentialKind.SEGMENT_TOKEN, CredentialKind.SLACK_WEBHOOK
SECRET = "sgp_a-very-secret-token-9876"


def test_it_keeps_no_plain_text(workspace: Workspace) -> None:
    row = vault.keep(workspace, TOKEN, SECRET, "ada")
    row.refresh_from_db()
    assert SECRET.encode() not in bytes(row.ciphertext)
    assert (row.last_four, row.set_by) == ("9876", "ada")
    assert SECRET not in str(row) and vault.secret_of(row) == SECRET


def test_it_replaces_a_secret_and_says_when(workspace: Workspace) -> None:
    vault.keep(workspace, TOKEN, SECRET, "ada")
    Credential.objects.update(set_at=NOW)
    vault.keep(workspace, TOKEN, "sgp_other", "bob")
    row = Credential.objects.get()
    assert (row.set_by, row.set_at != NOW) == ("bob", True)
    assert vault.segment_token(workspace) == "sgp_other"


def test_it_opens_what_an_older_key_closed_and_closes_with_the_first(
    workspace: Workspace, settings: Settings
) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    settings.ENCRYPTION_KEYS = [old]
    row = vault.keep(workspace, TOKEN, SECRET, "ada")
    settings.ENCRYPTION_KEYS = [new, old]
    assert vault.secret_of(row) == SECRET
    webhook = vault.keep(workspace, WEBHOOK, "https://hooks.slack.com/x", "ada")
    settings.ENCRYPTION_KEYS = [new]
    assert vault.secret_of(webhook) == "https://hooks.slack.com/x"


def test_it_is_locked_without_the_key_and_gives_no_ciphertext(
    workspace: Workspace, settings: Settings
) -> None:
    row = vault.keep(workspace, TOKEN, SECRET, "ada")
    settings.ENCRYPTION_KEYS = [Fernet.generate_key()]
    for read in (partial(vault.secret_of, row), partial(vault.segment_token, workspace)):
        with pytest.raises(vault.Locked, match="paste it again") as error:
            read()
        assert bytes(row.ciphertext).decode() not in str(error.value)
        assert error.value.__cause__ is None


def test_it_uses_a_candidate_only_once_it_is_promoted(workspace: Workspace) -> None:
    vault.keep(workspace, TOKEN, "sgp_old", "ada")
    vault.keep(workspace, TOKEN, "sgp_new", "bob", candidate=True, region=Region.EU)
    assert vault.segment_token(workspace) == "sgp_old"
    vault.promote(workspace, TOKEN)
    assert vault.segment_token(workspace) == "sgp_new"
    assert Credential.objects.get().region == Region.EU


def test_it_promotes_nothing_when_there_is_no_candidate(workspace: Workspace) -> None:
    vault.keep(workspace, TOKEN, SECRET, "ada")
    vault.promote(workspace, TOKEN)
    assert vault.segment_token(workspace) == SECRET


def test_it_lets_the_environment_win(workspace: Workspace, settings: Settings) -> None:
    vault.keep(workspace, TOKEN, SECRET, "ada")
    vault.keep(workspace, WEBHOOK, "https://hooks.slack.com/x", "ada")
    settings.SEGMENT_API_TOKEN, settings.SLACK_WEBHOOK_URL = "sgp_env", "https://hooks.slack.com/e"
    assert vault.segment_token(workspace) == "sgp_env"
    assert vault.slack_webhook(workspace) == "https://hooks.slack.com/e"


def test_it_knows_the_address_of_each_region(settings: Settings) -> None:
    assert vault.segment_url("us") == "https://api.segmentapis.com"
    assert vault.segment_url("eu") == "https://eu1.api.segmentapis.com"
    settings.SEGMENT_API_URL = "http://127.0.0.1:1"
    assert vault.segment_url("eu") == "http://127.0.0.1:1"


def test_it_has_nothing_before_anything_was_pasted(workspace: Workspace) -> None:
    assert vault.segment_token(workspace) == vault.slack_webhook(workspace) == ""
