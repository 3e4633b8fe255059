"""Rollups: months by source and of the workspace, always equal to the days that they sum."""

from __future__ import annotations

from django.db import models

from .catalog import Connection, Workspace


class MonthRow(models.Model):
    """Calls of one UTC calendar month, as readings.MonthCount; counting.rollups writes it."""

    month = models.DateField()  # its first day
    calls = models.BigIntegerField()
    unknown_days = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True


class SourceMonth(MonthRow):
    source = models.ForeignKey(Connection, models.CASCADE, related_name="months", db_index=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["source", "month"], name="one_source_month"),
        )
        # Month by source, answered by the index alone.
        indexes = (
            models.Index(
                fields=["month", "source", "calls", "unknown_days"], name="month_by_source"
            ),
        )

    def __str__(self) -> str:
        return f"{self.source_id} {self.month:%Y-%m}: {self.calls}"


class WorkspaceMonth(MonthRow):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="months", db_index=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "month"], name="one_workspace_month"),
        )

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.calls}"
