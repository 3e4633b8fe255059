"""What every page shows around its own content: where it is, whose data, what is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from cdpwatch import snapshot, vault
from cdpwatch.detectors.blind import is_late
from cdpwatch.models import (
    Alert,
    AlertState,
    Channel,
    Delivery,
    DeliveryState,
    Role,
    User,
    Workspace,
)
from cdpwatch.readings import PollerHealth
from dashboards.templatetags.figures import icon

PAGES = (
    ("overview", "Overview", Role.VIEWER),
    ("catalog", "Catalog", Role.VIEWER),
    ("budget", "Budget", Role.VIEWER),
    ("reconcile", "Reconcile", Role.VIEWER),
    ("alerts", "Alerts", Role.VIEWER),
    ("health", "Health", Role.VIEWER),
    ("connect", "Connect", Role.ADMIN),
)


STUCK_LATELY = timedelta(days=7)


def the_workspace() -> Workspace:
    """The one that is watched. `seed` made it before the web started."""
    return Workspace.objects.order_by("pk")[0]


@dataclass
class Visit:
    """One request's clock, and what its page and the frame around it both show: read once."""

    now: datetime

    @cached_property
    def workspace(self) -> Workspace:
        return the_workspace()

    @cached_property
    def open_alerts(self) -> list[Alert]:
        return list(Alert.objects.filter(workspace=self.workspace, state=AlertState.OPEN))

    @property
    def severities(self) -> list[str]:
        """Of the open alerts; where the page reads none of them itself, nothing else is read."""
        if "open_alerts" in self.__dict__:
            return [alert.severity for alert in self.open_alerts]
        rows = Alert.objects.filter(workspace=self.workspace, state=AlertState.OPEN)
        return list(rows.values_list("severity", flat=True))

    @cached_property
    def pollers(self) -> tuple[PollerHealth, ...]:
        return self._pollers[0]

    @cached_property
    def live_to(self) -> datetime | None:
        """The moment up to which live volume was read."""
        return self._pollers[1]

    @cached_property
    def _pollers(self) -> tuple[tuple[PollerHealth, ...], datetime | None]:
        return snapshot.poller_health(self.workspace)


def visit(request: HttpRequest) -> Visit:
    """The visit that a request is; whoever asks first begins it."""
    begun: Visit = request.META.setdefault("cdpwatch.visit", Visit(datetime.now(UTC)))
    return begun


@dataclass(frozen=True)
class NavEntry:
    url: str
    label: str
    current: bool
    count: int | None = None  # None: this page has nothing to count


@dataclass(frozen=True)
class Banner:
    """One line above every page about something that makes its numbers doubtful."""

    state: str  # "warn" or "bad"
    text: str
    href: str = ""
    link_text: str = ""


def site(request: HttpRequest) -> dict[str, object]:
    """Context of every page; nothing of the workspace before somebody has signed in."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {"demo": settings.DEMO, "workspace": None, "nav": [], "banners": []}
    seen = visit(request)
    kinds = seen.severities
    return {
        "demo": settings.DEMO,
        "workspace": seen.workspace,
        "open_alerts": len(kinds),
        "worst_state": worst(kinds),
        "nav": nav(request, user, len(kinds)),
        "banners": banners(seen, user),
    }


def worst(severities: list[str]) -> str:
    if "critical" in severities:
        return "bad"
    return "warn" if severities else "ok"


def title(page: str, severities: list[str]) -> str:
    """The <title> of a page, as templates/base.html writes it: what is open comes first."""
    count = f"{icon(worst(severities))} {len(severities)} · " if severities else ""
    return f"{count}{page} · cdpwatch"


def nav(request: HttpRequest, user: User, open_alerts: int) -> list[NavEntry]:
    here = request.resolver_match.view_name if request.resolver_match else ""
    return [
        NavEntry(
            url=reverse(name),
            label=label,
            current=here.split("-")[0] == name,
            count=open_alerts if name == "alerts" else None,
        )
        for name, label, role in PAGES
        if user.can(role)
    ]


def banners(seen: Visit, user: User) -> list[Banner]:
    """What makes the numbers on a page doubtful, or keeps alerts from arriving."""
    workspace, found = seen.workspace, []
    if not vault.has_segment_token(workspace):
        text = "Segment is not connected, so there are no new numbers."
        found.append(Banner("warn", text, _connect(user), "Connect"))
    late = [poller.name for poller in seen.pollers if is_late(poller, seen.now)]
    if late:
        text = f"Late data: {', '.join(late)}. Numbers built on it are out of date."
        found.append(Banner("warn", text, reverse("health"), "Health"))
    if count := stuck_messages(workspace, seen.now):
        text = f"{count} message{'s' if count > 1 else ''} could not be delivered."
        found.append(Banner("bad", text, reverse("alerts"), "Alerts"))
    channel = Channel.objects.filter(workspace=workspace, enabled=True).exists()
    if not (channel and vault.has_slack_webhook(workspace)):
        found.append(Banner("bad", "No working alert channel.", _connect(user), "Connect"))
    return found


def stuck_messages(workspace: Workspace, now: datetime) -> int:
    """Messages that did not arrive and still matter: of an open alert, or of the last days."""
    rows = Delivery.objects.filter(
        alert__workspace=workspace, state__in=(DeliveryState.PENDING, DeliveryState.FAILED)
    ).exclude(error="")
    matters = Q(alert__state=AlertState.OPEN) | Q(created_at__gte=now - STUCK_LATELY)
    return rows.filter(matters).count()


def _connect(user: User) -> str:
    return reverse("connect") if user.can(Role.ADMIN) else ""
