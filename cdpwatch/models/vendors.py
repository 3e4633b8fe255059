"""Tables of the other sides: what a vendor counts, what the warehouse holds, what asking cost."""

from __future__ import annotations

from django.db import models

from .catalog import Connection, Workspace


class VendorCount(models.Model):
    """One number of a counter on the other side, for one app or function of ours.

    `bucket` is the UTC start of the span that `grain` names. `clock` says by which moment of a
    call's life the vendor files it: receive, deliver, event, upload or load.
    """

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="vendor_counts", db_index=False
    )
    app = models.CharField(max_length=100)  # as Connection.app_slug: an app's or a function's
    counter = models.CharField(max_length=40)  # a key of COUNTERS
    bucket = models.DateTimeField()
    grain = models.CharField(max_length=8)  # minute, hour, day, run
    kind = models.CharField(max_length=20)  # a counters.Kind
    call_type = models.CharField(max_length=10, default="*")
    event = models.CharField(max_length=300, default="*")
    dims = models.CharField(max_length=300, blank=True)  # "status=ok", in key order
    count = models.BigIntegerField()
    exactness = models.CharField(max_length=12)
    clock = models.CharField(max_length=8)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=[
                    "workspace",
                    "app",
                    "counter",
                    "bucket",
                    "grain",
                    "kind",
                    "call_type",
                    "event",
                    "dims",
                ],
                name="one_vendor_count",
            ),
        )

    def __str__(self) -> str:
        return f"{self.counter} {self.bucket:%Y-%m-%d %H:%M}: {self.count}"


class TrafficDay(models.Model):
    """Rows of the warehouse for one source and UTC day (of receipt), by what only it knows."""

    source = models.ForeignKey(Connection, models.CASCADE, related_name="traffic", db_index=False)
    day = models.DateField()
    call_type = models.CharField(max_length=10)
    event = models.CharField(max_length=300, blank=True)
    host = models.CharField(max_length=200, blank=True)
    path = models.CharField(max_length=200, blank=True)  # its first segment: "/pricing"
    library = models.CharField(max_length=100, blank=True)
    anonymous = models.BooleanField()
    count = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=[
                    "source",
                    "day",
                    "call_type",
                    "event",
                    "host",
                    "path",
                    "library",
                    "anonymous",
                ],
                name="one_traffic_day",
            ),
        )

    def __str__(self) -> str:
        return f"{self.source_id} {self.day} {self.call_type} {self.host}: {self.count}"


class QueryJob(models.Model):
    """One BigQuery job and what it was billed, so that a month's bytes can be held to a cap."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="query_jobs")
    job_id = models.CharField(max_length=200)
    shape = models.CharField(max_length=40)  # a key of the query registry
    asked_at = models.DateTimeField()
    estimated_bytes = models.BigIntegerField(null=True)
    billed_bytes = models.BigIntegerField(null=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "job_id"], name="one_query_job"),
        )
        indexes = (models.Index(fields=["asked_at"]),)

    def __str__(self) -> str:
        return self.job_id
