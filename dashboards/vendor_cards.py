"""What the Connect page says of each vendor: connected or not, by whom, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cdpwatch import connecting, vault
from cdpwatch.counters import COUNTERS, Key
from cdpwatch.counters.vendors import Vendor, vendors
from cdpwatch.models import (
    Credential,
    CredentialKind,
    PollerState,
    RequestKind,
    WorkRequest,
    Workspace,
)
from dashboards.cards import Check, check
from dashboards.forms import KeysForm


@dataclass(frozen=True)
class HeldKey:
    """One key: whether the environment has it, or who pasted it."""

    key: Key
    from_environment: bool
    pasted: Credential | None


@dataclass(frozen=True)
class VendorCard:
    vendor: Vendor
    state: str
    word: str
    keys: tuple[HeldKey, ...]
    check: Check | None
    form: KeysForm

    @property
    def missing(self) -> list[Key]:
        """What an environment sets to connect it."""
        return [
            held.key
            for held in self.keys
            if not (held.key.optional or held.from_environment or held.pasted)
        ]

    @property
    def pasted(self) -> bool:
        return any(held.pasted for held in self.keys)

    @property
    def may_paste(self) -> bool:
        return not all(held.from_environment for held in self.keys if not held.key.optional)

    @property
    def open(self) -> bool:
        """Whether there is something to look at: a check, or a form that came back."""
        return self.form.is_bound or bool(self.check and not self.check.passed)


def cards(workspace: Workspace, now: datetime, returned: KeysForm | None) -> list[VendorCard]:
    """One for each vendor; `returned` is the form that came back with errors."""
    pasted = {row.variable: row for row in _pasted(workspace)}
    checks = _newest(workspace.requests.filter(kind=RequestKind.CHECK_KEYS))
    states = {row.poller: row for row in PollerState.objects.filter(workspace=workspace)}
    made = []
    for key, vendor in vendors(COUNTERS.values()).items():
        form = returned if returned and returned.vendor == vendor else KeysForm(vendor)
        held = tuple(_held(each, pasted) for each in vendor.keys)
        state, word = _standing(vendor, pasted, states)
        made.append(VendorCard(vendor, state, word, held, check(checks.get(key), now), form))
    return made


def _pasted(workspace: Workspace) -> Iterable[Credential]:
    return workspace.credentials.filter(kind=CredentialKind.VENDOR_KEY, candidate=False)


def _newest(requests: Iterable[WorkRequest]) -> dict[str, WorkRequest]:
    found: dict[str, WorkRequest] = {}
    for request in requests:  # newest first
        found.setdefault(request.subject, request)
    return found


def _held(key: Key, pasted: Mapping[str, Credential]) -> HeldKey:
    return HeldKey(key, connecting.key_from_environment(key), pasted.get(key.variable))


def _standing(
    vendor: Vendor, pasted: Mapping[str, Credential], states: Mapping[str, PollerState]
) -> tuple[str, str]:
    """State and word; the worst of its counters."""
    having = [counter for counter in vendor.counters if vault.has_keys(counter, pasted)]
    if not having:
        return "off", "Not connected"
    turns = [states.get(counter.key) for counter in having]
    if any(turn and turn.failures for turn in turns):
        return "bad", "Failing"
    if not any(turn and turn.last_good for turn in turns):
        return "late", "First read"
    return "ok", "Connected"
