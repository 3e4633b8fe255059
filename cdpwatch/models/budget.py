"""Tables of the budget: the contract over time, what was projected, what was closed and billed.

What people decided is appended, never rewritten: who entered what, and when, stays.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from .catalog import Connection


class PeriodKind(models.TextChoices):
    MONTH = "month", "a month"
    YEAR = "year", "a year"
    QUARTER = "quarter", "a quarter"
    TERM = "term", "for the whole term"


class Priced(models.Model):
    """What the contract says of money. Null is what nobody has entered, not nothing."""

    currency = models.CharField(max_length=3, default="USD")  # ISO 4217
    price = models.DecimalField(max_digits=16, decimal_places=4, null=True)  # of one period
    overage_price = models.DecimalField(max_digits=16, decimal_places=4, null=True)
    overage_unit = models.PositiveIntegerField(default=1_000_000)  # calls it is the price of

    class Meta:
        abstract = True


class Contract(Priced):
    """How many API calls are bought for which period. The allowance is this row, nowhere else.

    It covers the workspaces whose `contract` it is. Until `confirmed_at` is set, the period is an
    assumption and every budget page says so. Periods that ended before `starts_on` or begin at
    `ends_on` or later have no allowance and are not judged. The row holds the terms that the
    contract began with, as they are known now; `entries` hold what it said before.
    """

    name = models.CharField(max_length=100, blank=True)
    allowance = models.BigIntegerField()  # calls a period
    period = models.CharField(max_length=7, choices=PeriodKind, default=PeriodKind.MONTH)
    cycle_day = models.PositiveSmallIntegerField(default=1)  # 29-31 clamp to the month's end
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)  # the first day after the term
    carries_over = models.BooleanField(default=False)
    carry_cap = models.BigIntegerField(null=True)  # calls; null carries over all
    purchase_order = models.CharField(max_length=100, blank=True)
    cost_centre = models.CharField(max_length=100, blank=True)
    entered_by = models.CharField(max_length=150, blank=True)
    entered_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=150, blank=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on")),
                name="contract_ends_after_its_start",
            ),
        )

    def __str__(self) -> str:
        return f"{self.allowance:,} calls {self.get_period_display()}"


class ContractEntry(models.Model):
    """The terms of a contract as somebody entered them. Append-only: the newest is the row's."""

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="entries")
    at = models.DateTimeField()
    by = models.CharField(max_length=150, blank=True)
    terms = models.JSONField()  # as contracts.told; money as text

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.by} {self.at:%Y-%m-%d %H:%M}"


class Amendment(Priced):
    """What changes from a day on. Null is left as it was; it is withdrawn, never deleted.

    `priced` says whether the four fields of money change too.
    """

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="amendments")
    starts_on = models.DateField()
    allowance = models.BigIntegerField(null=True)
    period = models.CharField(max_length=7, choices=PeriodKind, blank=True)
    cycle_day = models.PositiveSmallIntegerField(null=True)
    ends_on = models.DateField(null=True)
    whole = models.BooleanField(default=False)  # its allowance holds for all of a running period
    priced = models.BooleanField(default=False)
    note = models.CharField(max_length=300, blank=True)
    entered_by = models.CharField(max_length=150)
    entered_at = models.DateTimeField()
    withdrawn_by = models.CharField(max_length=150, blank=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_why = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("starts_on", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["contract", "starts_on"],
                condition=Q(withdrawn_at=None),
                name="one_amendment_a_day",
            ),
        )

    def __str__(self) -> str:
        return f"from {self.starts_on}"


class SubBudget(models.Model):
    """A part of the allowance for some sources. A change ends one row and begins another."""

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="sub_budgets")
    name = models.CharField(max_length=100)
    allowance = models.BigIntegerField()  # calls a period
    by = models.CharField(max_length=11)  # one of budget.subbudgets.BY
    values = models.JSONField(default=list)  # app slugs, environments, owners, "key:value" labels
    position = models.PositiveSmallIntegerField(default=0)
    entered_by = models.CharField(max_length=150)
    entered_at = models.DateTimeField()
    ended_by = models.CharField(max_length=150, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("position", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["contract", "name"],
                condition=Q(ended_at=None),
                name="one_sub_budget_of_a_name",
            ),
        )

    def __str__(self) -> str:
        return self.name


class MonthClose(models.Model):
    """A period as it was frozen. Reopened it stays, and the next close is another row."""

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="closes")
    period_start = models.DateField()
    period_end = models.DateField()
    closed_by = models.CharField(max_length=150)
    closed_at = models.DateTimeField()
    stamp = models.CharField(max_length=64)  # SHA-256 of the numbers, so that none changes unseen
    numbers = models.JSONField()  # a budget.closing.Frozen with its schema
    note = models.CharField(max_length=300, blank=True)
    reopened_by = models.CharField(max_length=150, blank=True)
    reopened_at = models.DateTimeField(null=True)
    reopened_why = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-period_start", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=["contract", "period_start"],
                condition=Q(reopened_at=None),
                name="one_close_of_a_period",
            ),
            models.CheckConstraint(
                condition=Q(reopened_at=None) | ~Q(reopened_why=""),
                name="reopened_with_a_reason",
            ),
        )

    def __str__(self) -> str:
        return f"{self.period_start} closed by {self.closed_by}"


class Scenario(models.Model):
    """A what-if that somebody gave a name; the same text is the query of its link."""

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="scenarios")
    name = models.CharField(max_length=100)
    query = models.TextField()
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField()
    removed_by = models.CharField(max_length=150, blank=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("name", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["contract", "name"],
                condition=Q(removed_at=None),
                name="one_scenario_of_a_name",
            ),
        )

    def __str__(self) -> str:
        return self.name


class PlannedEvent(models.Model):
    """What is expected to change the traffic: days [starts_on, ends_on), as a forecast's Event."""

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="planned_events")
    source = models.ForeignKey(Connection, models.CASCADE, null=True, related_name="planned_events")
    name = models.CharField(max_length=100)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)  # null: for good
    scale = models.FloatField(default=1.0)  # what calls are multiplied by; 0 is off
    per_day = models.FloatField(default=0.0)  # calls a day on top
    planned_by = models.CharField(max_length=150)
    planned_at = models.DateTimeField()
    cancelled_by = models.CharField(max_length=150, blank=True)
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("starts_on", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on")),
                name="planned_event_ends_after_its_start",
            ),
        )

    def __str__(self) -> str:
        return self.name


class DayNote(models.Model):
    """What somebody knows of a day, to be seen on the charts."""

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="day_notes")
    day = models.DateField()
    text = models.CharField(max_length=300)
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
    removed_by = models.CharField(max_length=150, blank=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("day", "pk")

    def __str__(self) -> str:
        return f"{self.day}: {self.text}"


class Invoice(models.Model):
    """What Segment billed for the days [period_start, period_end). Replaced, never rewritten."""

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="invoices")
    number = models.CharField(max_length=100)
    period_start = models.DateField()
    period_end = models.DateField()
    calls = models.BigIntegerField()
    amount = models.DecimalField(max_digits=16, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, default="USD")
    entered_by = models.CharField(max_length=150)
    entered_at = models.DateTimeField()
    note = models.CharField(max_length=300, blank=True)
    replaced_by = models.CharField(max_length=150, blank=True)
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-period_start", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=["contract", "number"],
                condition=Q(replaced_at=None),
                name="one_invoice_of_a_number",
            ),
            models.CheckConstraint(
                condition=Q(period_end__gt=F("period_start")),
                name="invoice_ends_after_its_start",
            ),
        )

    def __str__(self) -> str:
        return f"{self.number}: {self.calls:,} calls"


class InvoiceLine(models.Model):
    """Calls that an invoice tells by day, by source, or by both; `source` is a Segment id."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines", db_index=False)
    day = models.DateField(null=True)
    source = models.CharField(max_length=100, blank=True)
    calls = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["invoice", "day", "source"],
                name="one_line_of_an_invoice",
            ),
        )

    def __str__(self) -> str:
        return f"{self.day or '-'} {self.source or '-'}: {self.calls}"


class Projection(models.Model):
    """What was projected for a period on one day; the day's last evaluation stays.

    `quantiles` maps a level ("0.5") to the period's total in calls. `inputs` is what it was made
    from (budget.inputs.packed), "" of projections older than that.
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
    inputs = models.TextField(blank=True)

    class Meta:
        ordering = ("-as_of",)
        constraints = (
            models.UniqueConstraint(
                fields=["contract", "as_of", "period_start"], name="one_projection_a_day"
            ),
        )

    def __str__(self) -> str:
        return f"{self.period_start} as of {self.as_of}: {self.verdict}"
