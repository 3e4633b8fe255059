"""The snapshot that pages read, kept between two evaluations."""

from __future__ import annotations

from django.db import models

from .catalog import Workspace


class KeptSnapshot(models.Model):
    """What the last evaluation saw, as JSON, so that a page need not count it all again.

    `stamp` names the rows it was made from (contract, policy, catalog): a page that finds
    another stamp, or an old `made_at`, counts by itself.
    """

    workspace = models.OneToOneField(Workspace, models.CASCADE, related_name="kept_snapshot")
    made_at = models.DateTimeField()
    stamp = models.CharField(max_length=200)
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"snapshot of {self.made_at:%Y-%m-%d %H:%M:%S}"
