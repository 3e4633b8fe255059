"""The policy in force: reads its rows as rules, and keeps each change as a version."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction

from .models import PolicyVersion, TrackingRule, Workspace
from .policy import IN_APP_PAGES, Rule, Verdict


def current(workspace: Workspace) -> tuple[Rule, ...]:
    """The rules in force, in the order they are tried."""
    newest = workspace.policies.first()
    return tuple(map(_rule, newest.rules.all())) if newest else ()


def _rule(row: TrackingRule) -> Rule:
    return Rule(
        key=row.key,
        verdict=Verdict(row.verdict),
        reason=row.reason,
        apps=tuple(row.apps),
        environments=tuple(row.environments),
        call_types=tuple(row.call_types),
        event=row.event,
    )


@transaction.atomic
def save(workspace: Workspace, rules: tuple[Rule, ...], by: str, note: str) -> PolicyVersion:
    """Keep `rules` as the version in force from now on."""
    newest = workspace.policies.first()
    version = PolicyVersion.objects.create(
        workspace=workspace, number=newest.number + 1 if newest else 1, note=note, made_by=by
    )
    TrackingRule.objects.bulk_create(
        TrackingRule(
            version=version,
            position=position,
            key=rule.key,
            apps=list(rule.apps),
            environments=list(rule.environments),
            call_types=list(rule.call_types),
            event=rule.event,
            verdict=rule.verdict,
            reason=rule.reason,
        )
        for position, rule in enumerate(rules, 1)
    )
    return version


def want_in_app_pages(workspace: Workspace, wanted: bool, by: str) -> PolicyVersion:
    """Say whether page and screen calls of in-app sources are wanted: a new version either way."""
    verdict = Verdict.ACCEPTED if wanted else Verdict.PUBLIC
    rules = tuple(
        replace(rule, verdict=verdict) if rule.key == IN_APP_PAGES else rule
        for rule in current(workspace)
    )
    note = "In-app page calls are wanted." if wanted else "In-app page calls are not wanted."
    return save(workspace, rules, by, note)


def in_app_pages_wanted(rules: tuple[Rule, ...]) -> bool:
    return any(rule.key == IN_APP_PAGES and not rule.verdict.is_leak for rule in rules)
