"""What the Connect page's cards say: the state of Segment, of Slack and of the contract.

Secrets are known here by their last four characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings

from cdpwatch import asking, budget, connecting, snapshot, wording
from cdpwatch.models import (
    Channel,
    Contract,
    Credential,
    CredentialKind,
    PollerState,
    RequestKind,
    RequestState,
    UsagePeriod,
    WorkRequest,
    Workspace,
)

KINDS = ("sources", "destinations", "warehouses", "functions")


@dataclass(frozen=True)
class Check:
    """A request of this page and what came of it."""

    request: WorkRequest
    waits: bool
    passed: bool
    said: str  # why it failed

    @property
    def found(self) -> list[tuple[str, int | None]]:
        """What a checked token opens, each kind with its number."""
        return [(kind.capitalize(), self.request.result.get(kind)) for kind in KINDS]

    @property
    def empty(self) -> bool:
        """Nothing is in the workspace: the sign of the wrong region."""
        return self.passed and not any(number for _, number in self.found)


def check(request: WorkRequest | None, now: datetime) -> Check | None:
    if request is None:
        return None
    said = str(request.result.get("said", ""))
    if asking.is_lost(request, now):
        said = "The worker stopped in the middle."
    passed = request.state == RequestState.DONE
    return Check(request, not asking.is_over(request, now), passed, said)


@dataclass(frozen=True)
class SegmentCard:
    """Which token is in use, and the one that waits to be."""

    state: str
    word: str
    workspace: Workspace
    from_environment: bool
    fixed_address: bool  # SEGMENT_API_URL is set: the region does not matter
    token: Credential | None
    candidate: Credential | None
    check: Check | None


def segment(workspace: Workspace, now: datetime) -> SegmentCard:
    kept = workspace.credentials.filter(kind=CredentialKind.SEGMENT_TOKEN)
    token = kept.filter(candidate=False).first()
    candidate = connecting.candidate(workspace)
    from_environment = connecting.token_from_environment()
    state, word = _segment_state(workspace, from_environment or token is not None)
    return SegmentCard(
        state=state,
        word=word,
        workspace=workspace,
        from_environment=from_environment,
        fixed_address=bool(settings.SEGMENT_API_URL),
        token=token,
        candidate=candidate,
        check=check(connecting.check_of(candidate), now) if candidate else None,
    )


def _segment_state(workspace: Workspace, has_token: bool) -> tuple[str, str]:
    if not has_token:
        return "off", "Not connected"
    catalog = PollerState.objects.filter(workspace=workspace, poller="catalog").first()
    if catalog and catalog.failures:
        return "bad", "Failing"
    if catalog and catalog.last_good:
        return "ok", "Connected"
    return "late", "First read"


@dataclass(frozen=True)
class SlackCard:
    """Where alerts go, and what Slack said last."""

    state: str
    word: str
    from_environment: bool
    webhook: Credential | None
    channel: Channel | None
    check: Check | None


def slack(workspace: Workspace, now: datetime) -> SlackCard:
    webhook = workspace.credentials.filter(kind=CredentialKind.SLACK_WEBHOOK).first()
    from_environment = connecting.webhook_from_environment()
    channel = workspace.channels.filter(kind="slack").first()
    state, word = _slack_state(channel, from_environment or webhook is not None)
    asked = workspace.requests.filter(kind=RequestKind.TEST_SLACK).first()
    return SlackCard(state, word, from_environment, webhook, channel, check(asked, now))


def _slack_state(channel: Channel | None, has_webhook: bool) -> tuple[str, str]:
    if not has_webhook or channel is None:
        return "off", "Not connected"
    if not channel.enabled:
        return "bad", "Switched off"
    if channel.error:
        return "warn", "Failing"
    return ("ok", "Connected") if channel.last_sent else ("late", "Not tested")


def evidence(workspace: Workspace, contract: Contract, today: date) -> str:
    """What the last twelve whole months say about "a month" or "a year", and about the cycle."""
    billed, months = snapshot.billed_in_months(snapshot.workspace_months(workspace), today)
    said = budget.evidence(contract.allowance, billed, months)
    period = UsagePeriod.objects.filter(workspace=workspace).order_by("starts_on").last()
    if period is None:
        return said
    span = f"{wording.day(period.starts_on)} to {wording.day(period.ends_on)}"
    return f"{said} Segment counts users from {span}: the billing cycle may be the same."


def spellings(workspace: Workspace) -> dict[str, list[str]]:
    """The environments as the log keeps them."""
    return dict(workspace.environments.values_list("name", "aliases"))
