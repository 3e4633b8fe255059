"""What a new database holds before anything was polled: the brief's catalog and contract.

Spelled as the workspace's own page spells it. Seeding twice changes nothing that people edited.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from . import contracts, naming, policy, rulebook
from .models import (
    App,
    Channel,
    Contract,
    Environment,
    Flow,
    Function,
    Workspace,
)

ALLOWANCE = 40_000_000  # calls; the contract's row is what counts from then on


class MixedData(Exception):
    """Demo data and live settings, or the other way round: the two never share a database."""


class DeclaredApp(NamedTuple):
    name: str
    description: str
    flow: Flow
    aliases: tuple[str, ...] = ()


APPS = (
    DeclaredApp("Application", "Our web application tracking (front)", Flow.SOURCE, ("app",)),
    DeclaredApp("Backend", "Our backend tracking (server)", Flow.SOURCE),
    DeclaredApp(
        "Cloud Function", "Dedicated Cloud Function channel", Flow.BOTH, ("cloudfunctions", "gcf")
    ),
    DeclaredApp("Manual", "A channel dedicated to manual script", Flow.SOURCE),
    DeclaredApp("Amplitude", "Product Analytics tool", Flow.DESTINATION, ("actionsamplitude",)),
    DeclaredApp(
        "Amplitude Cohort",
        "A way to sync Amplitude cohort",
        Flow.SOURCE,
        ("amplitudecohorts",),
    ),
    DeclaredApp("Census", "Reverse ETL solution", Flow.SOURCE),
    DeclaredApp(
        "Customer.io",
        "Email marketing solution",
        Flow.BOTH,
        ("actionscustomerio",),
    ),
    DeclaredApp("Refiner", "Survey solution", Flow.SOURCE),
    DeclaredApp("BigQuery", "Our DWH solution", Flow.DESTINATION),
    DeclaredApp(
        "Hubspot", "CRM solution", Flow.DESTINATION, ("actionshubspotcloud", "hubspotcloud")
    ),
    DeclaredApp("HelpScout", "Support solution", Flow.DESTINATION),
)
ENVIRONMENTS = (
    ("Prod", ("production", "prd", "live"), True),
    ("Staging", ("stage", "stg", "preprod"), False),
    ("Dev", ("development", "develop", "local"), False),
)
LIVESTORM = {
    "segment_id": "sfnc_PsrIGpNhDv",
    "kind": "SOURCE",
    "name": "Livestorm",
    "description": (
        "Parses Livestorm webhook events and generates track events, so that Livestorm's key "
        "events reach Amplitude and BigQuery."
    ),
    "url": "https://app.segment.com/gitbook-com/functions/catalog/sfnc_PsrIGpNhDv",
}


def the_workspace() -> Workspace:
    """The one workspace of this installation, made at the first call.

    Raises MixedData when demo data and live settings meet, or the other way round.
    """
    workspace = Workspace.objects.order_by("pk").first()
    if workspace is None:
        return Workspace.objects.create(demo=settings.DEMO)
    if workspace.demo != settings.DEMO:
        kind, flag = ("demo", "with") if workspace.demo else ("live", "without")
        raise MixedData(f"This database holds {kind} data: start {flag} --demo.")
    return workspace


@transaction.atomic
def seed(now: datetime) -> Workspace:
    """Make what is missing of the catalog, the contract, the policy and the Slack channel."""
    workspace = the_workspace()
    if not workspace.environments.exists():
        _seed_environments(workspace)
    for position, app in enumerate(APPS):
        _seed_app(workspace, app, position)
    # By its mark, not its name: Segment may list it under another one.
    Function.objects.get_or_create(workspace=workspace, declared=True, defaults=LIVESTORM)
    _seed_contract(workspace, now)
    _seed_policy(workspace)
    Channel.objects.get_or_create(workspace=workspace, kind="slack", name="Slack")
    return workspace


def _seed_environments(workspace: Workspace) -> None:
    for position, (name, aliases, production) in enumerate(ENVIRONMENTS):
        Environment.objects.create(
            workspace=workspace,
            name=name,
            aliases=list(aliases),
            production=production,
            position=position,
        )


def _seed_app(workspace: Workspace, app: DeclaredApp, position: int) -> None:
    slug = app.name.lower().replace(".", "-").replace(" ", "-")
    App.objects.get_or_create(
        workspace=workspace,
        slug=slug,
        defaults={
            "name": app.name,
            "description": app.description,
            "flow": app.flow,
            "aliases": [naming.plain(app.name), *app.aliases],
            "position": position,
        },
    )


def _seed_contract(workspace: Workspace, now: datetime) -> None:
    """40 million "as it is today": it judges from this month on, and waits to be confirmed."""
    if workspace.contract is None:
        first = now.date().replace(day=1)
        workspace.contract = Contract.objects.create(allowance=ALLOWANCE, starts_on=first)
        workspace.save(update_fields=["contract"])
        workspace.contract.entries.create(at=now, terms=contracts.told(workspace.contract))


def _seed_policy(workspace: Workspace) -> None:
    if not workspace.policies.exists():
        rulebook.save(
            workspace, policy.DEFAULT_RULES, "cdpwatch", "The policy cdpwatch ships with."
        )
