"""Who may do what: people with one role each, and the log of what they did."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    """Viewers read, editors also act on leaks and texts, admins also connect and confirm."""

    VIEWER = "viewer", "Viewer"
    EDITOR = "editor", "Editor"
    ADMIN = "admin", "Admin"

    def allows(self, needed: Role) -> bool:
        order = [Role.VIEWER, Role.EDITOR, Role.ADMIN]
        return order.index(self) >= order.index(needed)


class User(AbstractUser):
    """A person who signs in."""

    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def can(self, needed: Role) -> bool:
        return Role(self.role).allows(needed)


class AuditLog(models.Model):
    """What a person changed, append-only. Secrets appear as their last four characters."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=150)  # the name, kept when the user is gone
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject}"
