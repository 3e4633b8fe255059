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

# The least that is enough, by vendor: what to make there, and what it may do.
LEAST = {
    "amplitude": "the project's own pair of keys, which reads its charts and cohorts",
    "census": "an API key of the workspace that may read syncs; a personal access token for"
    " version 2",
    "customerio": "an App API key with the scope to read campaigns and messages; not the Track"
    " key, which writes",
    "refiner": "the account's API key",
    "livestorm": "a token that may read sessions and webhooks",
    "google_monitoring": "a service account with the role Monitoring Viewer"
    " (roles/monitoring.viewer) on the project",
    "hubspot": "a private app with the scopes crm.objects.contacts.read and"
    " crm.objects.companies.read",
    "helpscout": "an app of a user who may read customers",
    "bigquery": "BigQuery Job User (roles/bigquery.jobUser) on the project and BigQuery Data"
    " Viewer (roles/bigquery.dataViewer) on each dataset, nothing more",
}


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
        """What an environment sets to connect it; none once it is connected."""
        lacking = [h.key for h in self.keys if not (h.from_environment or h.pasted)]
        if all(key.optional for key in lacking):
            return []
        return [key for key in lacking if key.connects]

    @property
    def least(self) -> str:
        """The least role or scope that is enough."""
        return LEAST[self.vendor.key]

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
