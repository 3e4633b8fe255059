"""Tables of alerts: leaks, incidents with their timeline, channels and the outbox."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from cdpwatch.readings import Message

from .catalog import Connection, Workspace


class AlertState(models.TextChoices):
    OPEN = "open", "Open"
    RESOLVED = "resolved", "Resolved"


class Alert(models.Model):
    """One incident. While it is open nothing else may open with its fingerprint."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="alerts")
    fingerprint = models.CharField(max_length=400)
    kind = models.CharField(max_length=40)  # the detector's name
    severity = models.CharField(max_length=10)
    state = models.CharField(max_length=10, choices=AlertState, default=AlertState.OPEN)
    title = models.CharField(max_length=500)
    consequence = models.CharField(max_length=1000)
    facts = models.JSONField(default=list)  # [label, value] in the order shown
    data = models.JSONField(default=dict)
    quiet_rounds = models.PositiveSmallIntegerField(default=0)  # evaluations without a finding
    judged_at = models.DateTimeField(default=timezone.now)  # age of the evidence last looked at
    opened_at = models.DateTimeField(default=timezone.now)
    refreshed_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-opened_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=["workspace", "fingerprint"],
                condition=Q(state="open"),
                name="one_open_alert_per_fingerprint",
            ),
        )

    def __str__(self) -> str:
        return self.title


class Leak(models.Model):
    """One slice of traffic that should not be counted: since when, how much, at what cost."""

    alert = models.OneToOneField(Alert, models.CASCADE, related_name="leak")
    source = models.ForeignKey(Connection, models.CASCADE, related_name="leaks")
    call_type = models.CharField(max_length=10)
    event = models.CharField(max_length=300, blank=True)  # "" when the rule is about the type
    rule_key = models.CharField(max_length=60)
    since = models.DateTimeField()
    calls_so_far = models.BigIntegerField()
    calls_to_end = models.BigIntegerField()  # by the end of the period, if it is left

    def __str__(self) -> str:
        return f"{self.source} {self.call_type} {self.event}"


class AlertEvent(models.Model):
    """One step of an alert's timeline."""

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20)  # opened or resolved
    at = models.DateTimeField()
    text = models.CharField(max_length=1000)
    actor = models.CharField(max_length=150, blank=True)  # "" = cdpwatch itself

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.at:%d %H:%M} {self.kind}"


class Channel(models.Model):
    """Where alerts go. A permanent error switches it off and says why."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="channels")
    kind = models.CharField(max_length=20)  # a key of channels.CHANNELS
    name = models.CharField(max_length=100)
    enabled = models.BooleanField(default=True)
    error = models.CharField(max_length=300, blank=True)
    last_sent = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "kind", "name"], name="one_channel"),
        )

    def __str__(self) -> str:
        return self.name


class DeliveryState(models.TextChoices):
    PENDING = "pending", "Waiting"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Given up"


class Delivery(models.Model):
    """The outbox: one message to one channel about one step of one alert.

    It is sent at least once: a sender that dies leaves a lease that runs out, and only a 2xx
    of the far side makes it `sent`.
    """

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    message = models.JSONField()  # a readings.Message, frozen when the step happened
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = (
            models.UniqueConstraint(
                fields=["alert", "channel", "event"], name="one_delivery_per_step"
            ),
        )
        # alerts.claim_due looks for what waits, every few seconds.
        indexes = (models.Index(fields=["state", "due_at"]),)

    def __str__(self) -> str:
        return f"{self.event} to {self.channel}: {self.state}"

    def as_message(self) -> Message:
        facts = tuple((label, value) for label, value in self.message["facts"])
        return Message(**{**self.message, "facts": facts})
