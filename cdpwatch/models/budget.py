"""Tables of the budget: the contract and what was projected against it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from .catalog import Workspace


class PeriodKind(models.TextChoices):
    MONTH = "month", "a month"
    YEAR = "year", "a year"


class Contract(models.Model):
    """How many API calls are bought for which period. The allowance is this row, nowhere else.

    Until `confirmed_at` is set, the period is an assumption and every budget page says so.
    Periods that ended before `starts_on` have no entered allowance and are not judged.
    """

    workspace = models.OneToOneField(Workspace, models.CASCADE, related_name="contract")
    allowance = models.BigIntegerField()  # calls a period
    period = models.CharField(max_length=5, choices=PeriodKind, default=PeriodKind.MONTH)
    cycle_day = models.PositiveSmallIntegerField(default=1)  # 29-31 clamp to the month's end
    starts_on = models.DateField()
    confirmed_by = models.CharField(max_length=150, blank=True)
    confirmed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.allowance:,} calls {self.get_period_display()}"


class Projection(models.Model):
    """What was projected for a period on one day; the day's last evaluation stays.

    `quantiles` maps a level ("0.5") to the period's total in calls.
    """

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="projections")
    as_of = models.DateField()
    period_start = models.DateField()
    period_end = models.DateField()
    made_at = models.DateTimeField(default=timezone.now)
    used = models.BigIntegerField()
    quantiles = models.JSONField(default=dict)
    chance_over = models.FloatField(null=True)
    crosses_on = models.DateField(null=True)
    verdict = models.CharField(max_length=10)  # a budget.Verdict
    method = models.CharField(max_length=60)

    class Meta:
        ordering = ("-as_of",)
        constraints = (
            models.UniqueConstraint(
                fields=["contract", "as_of", "period_start"], name="one_projection_a_day"
            ),
        )

    def __str__(self) -> str:
        return f"{self.period_start} as of {self.as_of}: {self.verdict}"
