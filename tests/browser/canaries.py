"""Hostile text in every column that Segment or a person can fill.

A new text column is filled too, unless it is listed here as words of our own.
"""

from __future__ import annotations

from django.apps import apps
from django.db import models

CANARIES = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    '" autofocus onfocus=alert(1) x="',
    "</script></title></textarea><script>alert(1)</script>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="//evil.example">x</a>',
    "{{7*7}}{% now %}",
    "<!channel> <https://evil.example|Click>",
    "\u202egnp.exe",
    "Ω" * 10_000,  # the last: nothing after it fits anywhere
)
# Keys and enumerations that code compares with; none is copied from outside.
OWN = {
    "Alert.kind",
    "Alert.severity",
    "AlertEvent.kind",
    "App.slug",
    "CatalogChange.field",
    "Channel.kind",
    "Connection.naming",
    "Credential.last_four",
    "Delivery.event",
    "DeliveryDay.call_type",
    "Function.url",  # of the seeded function; no form and no poll writes it
    "Heartbeat.name",
    "KeptSnapshot.stamp",
    "Leak.call_type",
    "Leak.rule_key",
    "PollRun.poller",
    "PollerState.poller",
    "Projection.method",
    "Projection.quantiles",
    "Projection.verdict",
    "Replay.method",
    "Replay.quantiles",
    "TrackingRule.apps",
    "TrackingRule.call_types",
    "TrackingRule.environments",
    "TrackingRule.key",
    "TrackingRule.verdict",
    "User.password",
    "VolumeDay.call_type",
    "VolumeHour.call_type",
    "VolumeMinute.call_type",
    "WorkRequest.subject",
}


def poison_everything() -> None:
    """Write canaries over each text of each row."""
    for model in apps.get_app_config("cdpwatch").get_models():
        fields = [field for field in model._meta.concrete_fields if is_foreign_text(field)]
        rows = list(model._base_manager.all())
        for row in rows:
            for field in fields:
                setattr(row, field.name, poisoned(field, getattr(row, field.name), row.pk))
        if fields and rows:
            model._base_manager.bulk_update(rows, [field.name for field in fields])


def is_foreign_text(field: models.Field) -> bool:
    text = isinstance(field, models.CharField | models.TextField | models.JSONField)
    return text and not field.choices and f"{field.model.__name__}.{field.name}" not in OWN


def poisoned(field: models.Field, value: object, seed: int) -> object:
    if isinstance(field, models.JSONField):
        words = canary(seed, 300)
        return {words: words} if field.name == "labels" else poisoned_json(value, words)
    return canary(seed, field.max_length or 12_000)


def poisoned_json(value: object, words: str) -> object:
    """The same shape with every text replaced; an empty list gets one."""
    if isinstance(value, dict):
        return {key: poisoned_json(part, words) for key, part in value.items()}
    if isinstance(value, list):
        return [poisoned_json(part, words) for part in value] or [words]
    return words if isinstance(value, str) else value


def canary(seed: int, most: int) -> str:
    """All canaries, another one first from row to row, for short columns hold only the first.

    The number in front keeps unique columns unique.
    """
    *short, long = CANARIES
    first = seed % len(short)
    return "".join([str(seed), *short[first:], *short[:first], long])[:most]
