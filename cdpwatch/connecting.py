"""The Connect page's verbs: secrets in, checked, used; the contract; the environments.

A pasted token waits as a candidate until the worker has tried it and an admin has seen whose
workspace it opens. Everything that changes a row is noted by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.conf import settings
from django.db import transaction

from . import catalog, rulebook, vault
from .asking import ask
from .counters import Key
from .counters.vendors import Vendor
from .models import (
    Credential,
    CredentialKind,
    Environment,
    PollerState,
    Region,
    RequestKind,
    RequestState,
    WorkRequest,
    Workspace,
)


def candidate(workspace: Workspace) -> Credential | None:
    """The pasted token that waits for its check."""
    return workspace.credentials.filter(kind=CredentialKind.SEGMENT_TOKEN, candidate=True).first()


def check_of(token: Credential) -> WorkRequest | None:
    """The check of this very token: a later paste is another row and asks for its own."""
    asked = token.workspace.requests.filter(kind=RequestKind.CHECK_TOKEN, subject=str(token.pk))
    return asked.first()


@transaction.atomic
def paste_token(workspace: Workspace, token: str, region: Region, by: str) -> Credential:
    """Keep a token as the candidate and ask the worker to try it."""
    discard_token(workspace)
    kept = vault.keep(
        workspace, CredentialKind.SEGMENT_TOKEN, token, by, candidate=True, region=region
    )
    ask(workspace, RequestKind.CHECK_TOKEN, by, str(kept.pk))
    return kept


@transaction.atomic
def discard_token(workspace: Workspace) -> None:
    """Forget the candidate and the checks that nobody has begun yet."""
    workspace.credentials.filter(kind=CredentialKind.SEGMENT_TOKEN, candidate=True).delete()
    workspace.requests.filter(kind=RequestKind.CHECK_TOKEN, state=RequestState.QUEUED).delete()


@transaction.atomic
def use_token(workspace: Workspace, by: str) -> Credential | None:
    """Put a candidate that passed its check in use and poll at once; None when there is none."""
    token = candidate(workspace)
    check = check_of(token) if token else None
    if token is None or check is None or check.state != RequestState.DONE:
        return None
    vault.promote(workspace, CredentialKind.SEGMENT_TOKEN)
    set_region(workspace, Region(token.region), by)
    return token


@transaction.atomic
def set_region(workspace: Workspace, region: Region, by: str) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(region=region)
    _poll_anew(workspace, by)


def set_country(workspace: Workspace, country: str, seen: str) -> bool:
    """Choose whose holidays are days off, "" for none; False where it is no longer as `seen`."""
    rows = Workspace.objects.filter(pk=workspace.pk, country=seen)
    return bool(rows.update(country=country))


def _poll_anew(workspace: Workspace, by: str) -> None:
    """Let the sweep try what never worked; what did work is asked for one more turn."""
    states = PollerState.objects.filter(workspace=workspace)
    Workspace.objects.filter(pk=workspace.pk).update(throttled_until=None)  # of another token
    states.filter(last_good=None).update(last_run=None)
    if states.exclude(last_good=None).exists():
        ask(workspace, RequestKind.POLL, by)


@transaction.atomic
def paste_webhook(workspace: Workspace, address: str, by: str) -> Credential:
    """Keep a webhook in place of the last one and ask for a test message through it."""
    workspace.credentials.filter(kind=CredentialKind.SLACK_WEBHOOK).delete()
    kept = vault.keep(workspace, CredentialKind.SLACK_WEBHOOK, address, by)
    ask(workspace, RequestKind.TEST_SLACK, by)
    return kept


@transaction.atomic
def paste_keys(workspace: Workspace, vendor: Vendor, keys: Mapping[str, str], by: str) -> None:
    """Keep a vendor's keys (by variable) as candidates and ask the worker to try them."""
    vault.discard_keys(workspace, vendor)
    for variable, value in keys.items():
        vault.keep(
            workspace, CredentialKind.VENDOR_KEY, value, by, variable=variable, candidate=True
        )
    ask(workspace, RequestKind.CHECK_KEYS, by, vendor.key)


@transaction.atomic
def forget_keys(workspace: Workspace, vendor: Vendor) -> None:
    """Forget what was pasted for a vendor; what it counted stays."""
    vault.forget_keys(workspace, vendor)
    workspace.requests.filter(kind=RequestKind.CHECK_KEYS, subject=vendor.key).delete()
    counters = [counter.key for counter in vendor.counters]
    PollerState.objects.filter(workspace=workspace, poller__in=counters).delete()


def key_from_environment(key: Key) -> bool:
    return bool(settings.VENDOR_VARIABLES.get(key.variable))


def token_from_environment() -> bool:
    return bool(settings.SEGMENT_API_TOKEN)


def webhook_from_environment() -> bool:
    return bool(settings.SLACK_WEBHOOK_URL)


@transaction.atomic
def save_environments(
    workspace: Workspace, kept: Sequence[Environment], gone: Sequence[Environment], by: str
) -> None:
    """Save the list of environments as a form sends it: new and changed rows, and removed ones."""
    before = dict(workspace.environments.values_list("pk", "name"))
    for row in gone:
        row.delete()
    # Two rows may swap their names, and each name is there once: first give all of them up.
    # The form strips blanks, so no real name begins with one.
    for row in kept:
        workspace.environments.filter(pk=row.pk).update(name=f" {row.pk}")
    for row in kept:
        row.workspace = workspace
        row.save()
    after = workspace.environments.values_list("pk", "name")
    renamed = {before[pk]: name for pk, name in after if before.get(pk, name) != name}
    environments_changed(workspace, renamed, by)


@transaction.atomic
def environments_changed(workspace: Workspace, renamed: dict[str, str], by: str) -> None:
    """Place every connection anew, and let the rules follow environments that got a new name."""
    rules = rulebook.current(workspace)
    followed = tuple(
        replace(rule, environments=_followed(rule.environments, renamed)) for rule in rules
    )
    if followed != rules:
        told = ", ".join(f"{old} is now {new}" for old, new in sorted(renamed.items()))
        rulebook.save(workspace, followed, by, f"Environments renamed: {told}."[:300])
    catalog.place_all(workspace)


def _followed(names: Sequence[str], renamed: Mapping[str, str]) -> tuple[str, ...]:
    """The names as they are now, each once: one may have taken the place of a removed one."""
    return tuple(dict.fromkeys(renamed.get(name, name) for name in names))
