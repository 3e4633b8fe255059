"""Tables of counting: what Segment said, the current view of it, and the work of asking.

All days are UTC days, as Segment bills. Counts are whole calls.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from .catalog import Connection, Workspace


class Reading(models.Model):
    """Append-only: cumulative billed calls since `period_start`, as Segment said at `observed_at`.

    A row only where the answer differs from the last one for the same day, so restatements
    stay visible and any past view can be rebuilt. `source` None is the workspace's own total.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="readings")
    source = models.ForeignKey(Connection, models.CASCADE, null=True, related_name="readings")
    period_start = models.DateField()
    day = models.DateField()
    cumulative = models.BigIntegerField()
    observed_at = models.DateTimeField()

    class Meta:
        # counting.record_usage reads the newest reading of each day of a period.
        indexes = (models.Index(fields=["workspace", "period_start", "source", "day"]),)

    def __str__(self) -> str:
        return f"{self.source_id or 'workspace'} {self.day}: {self.cumulative}"


class DayRow(models.Model):
    """Billed calls of one UTC day, or a hole (`calls` None) with its reason.

    The last day of a hole may carry the joint calls of all days since `joint_since`.
    """

    day = models.DateField()
    calls = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    joint_since = models.DateField(null=True)
    joint_calls = models.BigIntegerField(null=True)

    class Meta:
        abstract = True


class WorkspaceDay(DayRow):
    # No index of its own, here and below: that of the constraint begins with it.
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="days", db_index=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "day"], name="one_workspace_day"),
        )

    def __str__(self) -> str:
        return f"{self.day}: {self.calls}"


class SourceDay(DayRow):
    source = models.ForeignKey(Connection, models.CASCADE, related_name="days", db_index=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["source", "day"], name="one_source_day"),)
        indexes = (models.Index(fields=["day", "source", "calls"]),)  # month by source

    def __str__(self) -> str:
        return f"{self.source_id} {self.day}: {self.calls}"


class VolumeRow(models.Model):
    """Live calls by source, call type and event in the bucket starting at `bucket`."""

    # Not checked by the database: connections are never deleted, and a check a row is a third of
    # what writing costs.
    source = models.ForeignKey(
        Connection, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    bucket = models.DateTimeField()
    call_type = models.CharField(max_length=10)
    event = models.CharField(max_length=300)
    count = models.BigIntegerField()

    class Meta:
        abstract = True


class VolumeMinute(VolumeRow):
    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["source", "bucket", "call_type", "event"], name="one_volume_minute"
            ),
        )
        indexes = (models.Index(fields=["bucket"]),)  # pruned and summed by time

    def __str__(self) -> str:
        return f"{self.bucket:%H:%M} {self.call_type} {self.count}"


class VolumeHour(VolumeRow):
    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["source", "bucket", "call_type", "event"], name="one_volume_hour"
            ),
        )
        indexes = (models.Index(fields=["bucket"]),)

    def __str__(self) -> str:
        return f"{self.bucket:%d %H:00} {self.call_type} {self.count}"


class VolumeDay(VolumeRow):
    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["source", "bucket", "call_type", "event"], name="one_volume_day"
            ),
        )

    def __str__(self) -> str:
        return f"{self.bucket:%Y-%m-%d} {self.call_type} {self.count}"


class DeliveryDay(models.Model):
    """What one destination was sent on one UTC day, by call type."""

    destination = models.ForeignKey(
        Connection, models.CASCADE, related_name="deliveries", db_index=False
    )
    day = models.DateField()
    call_type = models.CharField(max_length=10)
    delivered = models.BigIntegerField()
    failed = models.BigIntegerField()
    filtered = models.BigIntegerField()
    retried = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["destination", "day", "call_type"], name="one_delivery_day"
            ),
        )

    def __str__(self) -> str:
        return f"{self.destination_id} {self.day} {self.call_type}"


class RunState(models.TextChoices):
    RUNNING = "running", "Running"
    GOOD = "good", "Good"
    FAILED = "failed", "Failed"
    PUT_OFF = "put_off", "Put off"  # not done, through no fault of Segment: `error` says why


class PollRun(models.Model):
    """One turn of one poller. The unique slot makes two beats or two workers do it once.

    `fence` grows each time a run is taken over after its lease ended: a holder that wakes up
    late finds another number here and its rows are rolled back.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="runs")
    poller = models.CharField(max_length=40)
    slot = models.DateTimeField()
    state = models.CharField(max_length=10, choices=RunState, default=RunState.RUNNING)
    fence = models.PositiveIntegerField(default=1)
    lease_until = models.DateTimeField()
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    rows = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)  # rows that could not be taken
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["poller", "workspace", "slot"], name="one_run_per_slot"
            ),
        )
        # The health page lists the newest; watch.prune drops the old ones (retention.py).
        indexes = (models.Index(fields=["started_at"]),)

    def __str__(self) -> str:
        return f"{self.poller} {self.slot:%d %H:%M} {self.state}"


class RejectedRow(models.Model):
    """The loss ledger: rows of a turn that could not be taken, counted by what was wrong.

    The sample is of the first such row, shortened and without values of secret fields.
    """

    run = models.ForeignKey(PollRun, models.CASCADE, related_name="rejections")
    where = models.CharField(max_length=200)  # "GET /sources: sources"
    reason = models.CharField(max_length=300)
    count = models.PositiveIntegerField()
    sample = models.CharField(max_length=300)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["run", "where", "reason"], name="one_rejection"),
        )

    def __str__(self) -> str:
        return f"{self.count} x {self.reason}"


class PollerState(models.Model):
    """What the health page shows of one poller, and how far its history has been read."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="pollers")
    poller = models.CharField(max_length=40)
    first_due = models.DateTimeField(default=timezone.now)
    last_run = models.DateTimeField(null=True)
    last_good = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    error = models.CharField(max_length=500, blank=True)
    rows = models.PositiveIntegerField(default=0)  # of the last good turn
    rejected = models.PositiveIntegerField(default=0)  # of the last good turn
    history_from = models.DateField(null=True)  # the oldest day that was asked for
    throttled_until = models.DateTimeField(null=True)  # of a counter; Segment's is its workspace's

    class Meta:
        ordering = ("poller",)
        constraints = (
            models.UniqueConstraint(fields=["workspace", "poller"], name="one_poller_state"),
        )

    def __str__(self) -> str:
        return self.poller


class Heartbeat(models.Model):
    """When beat and the worker were last alive."""

    name = models.CharField(max_length=40, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"


class RequestKind(models.TextChoices):
    POLL = "poll", "Poll now"
    CHECK_TOKEN = "check_token", "Check a Segment token"
    TEST_SLACK = "test_slack", "Send a test message to Slack"
    CHECK_KEYS = "check_keys", "Check a vendor's keys"


class RequestState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class WorkRequest(models.Model):
    """What a page wants done outside. The worker's sweep picks it up within seconds."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="requests")
    kind = models.CharField(max_length=20, choices=RequestKind)
    subject = models.CharField(max_length=40, blank=True)  # a poller or vendor; never a secret
    state = models.CharField(max_length=10, choices=RequestState, default=RequestState.QUEUED)
    result = models.JSONField(default=dict)
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)  # workers that took it up
    lease_until = models.DateTimeField(null=True)  # of the worker that has it now
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-asked_at",)
        # watch.sweep looks for what is queued, every few seconds.
        indexes = (models.Index(fields=["state", "asked_at"]),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.state}"
