"""Tables of the tracking policy: ordered rules, kept under versions."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from .catalog import Workspace


class PolicyVersion(models.Model):
    """One saved state of the rules: who, when and why. The newest one is in force."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="policies")
    number = models.PositiveIntegerField()
    note = models.CharField(max_length=300)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=["workspace", "number"], name="one_policy_version"),
        )

    def __str__(self) -> str:
        return f"Version {self.number}: {self.note}"


class TrackingRule(models.Model):
    """What some traffic is. Rules are tried by position and the first match wins.

    An empty matcher matches everything; lists match any of their members.
    """

    version = models.ForeignKey(PolicyVersion, models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField()
    key = models.SlugField(max_length=60)  # stays the same from version to version
    apps = models.JSONField(default=list)  # app slugs
    environments = models.JSONField(default=list)
    call_types = models.JSONField(default=list)
    event = models.CharField(max_length=200, blank=True)  # a glob: "[GitBook] *"
    verdict = models.CharField(max_length=12)  # a policy.Verdict
    reason = models.CharField(max_length=300)

    class Meta:
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=["version", "position"], name="one_rule_per_position"),
        )

    def __str__(self) -> str:
        return f"{self.position}. {self.verdict}: {self.reason}"
