"""What would have been projected on days of the past, kept apart from what was."""

from __future__ import annotations

from django.db import models

from .budget import Contract


class Replay(models.Model):
    """The projection of a day's first moment, made afterwards from the readings known then.

    `quantiles` maps a level ("0.5") to the period's total in calls. It is made anew when the
    method, the period or the past that it starts from is another one.
    """

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="replays", db_index=False)
    as_of = models.DateField()
    period_start = models.DateField()
    period_end = models.DateField()
    since = models.DateField()  # the first day of the past that it may learn from
    method = models.CharField(max_length=60)
    quantiles = models.JSONField(default=dict)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ("as_of",)
        constraints = (
            models.UniqueConstraint(fields=["contract", "as_of"], name="one_replay_a_day"),
        )

    def __str__(self) -> str:
        return f"{self.period_start} replayed as of {self.as_of}"
