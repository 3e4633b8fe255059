"""What Django is told at start: migrations on PostgreSQL may take longer than a page may."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


class CdpwatchConfig(AppConfig):
    name = "cdpwatch"

    def ready(self) -> None:
        pre_migrate.connect(lift_statement_timeout, sender=self)
        post_migrate.connect(restore_statement_timeout, sender=self)


def lift_statement_timeout(using: str, **_: Any) -> None:
    """No end to a statement. A lock is still waited for only so long: whoever waits for one keeps
    every reader behind it waiting too."""
    _say(using, "SET statement_timeout = 0")


def restore_statement_timeout(using: str, **_: Any) -> None:
    """Back to what the settings ask for."""
    _say(using, "RESET statement_timeout")


def _say(using: str, sql: str) -> None:
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute(sql)
