"""Who is in the demo workspace: sources, destinations, the warehouse, labels, the function.

Names follow "[Environment] - [Application]" except for three deliberate violations, so that the
naming check has something to find. Ids look like Segment's and never change. Every write key and
setting carries `CANARY`, so that a test can prove that none of them is ever stored.
"""

from __future__ import annotations

import hashlib
import string
from dataclasses import dataclass

CANARY = "demo-canary"
_ALPHABET = string.ascii_letters + string.digits


def segment_id(kind: str, key: str, length: int = 22) -> str:
    """A fixed id in Segment's look: base62, starting with a letter."""
    number = int.from_bytes(hashlib.sha256(f"{kind}/{key}".encode()).digest(), "big")
    letters = [string.ascii_letters[number % 52]]
    while len(letters) < length:
        number //= 62
        letters.append(_ALPHABET[number % 62])
    return "".join(letters)


@dataclass(frozen=True)
class Source:
    """A source; `kind` names its row in `metadata.SOURCE_KINDS`."""

    slug: str
    name: str
    kind: str
    labels: tuple[tuple[str, str], ...] = ()
    enabled: bool = True

    @property
    def id(self) -> str:
        return segment_id("source", self.slug)

    @property
    def write_key(self) -> str:
        return f"{CANARY}-write-key-{self.slug}"


@dataclass(frozen=True)
class Destination:
    """A destination: one instance belongs to one source."""

    kind: str
    name: str
    source: str  # slug

    @property
    def id(self) -> str:
        return segment_id("destination", f"{self.kind}/{self.source}")

    @property
    def source_id(self) -> str:
        return segment_id("source", self.source)


WORKSPACE = {
    "id": segment_id("workspace", "gitbook-com"),
    "slug": "gitbook-com",
    "name": "GitBook (demo)",
}

WAREHOUSE_ID = segment_id("warehouse", "bigquery")
WAREHOUSE_NAME = "Prod - BigQuery"

FUNCTION_ID = f"sfnc_{segment_id('function', 'livestorm', 10)}"
FUNCTION_CATALOG_ID = segment_id("catalog", "livestorm", 10)


def _labels(environment: str, team: str, app: str) -> tuple[tuple[str, str], ...]:
    return (("env", environment), ("team", team), ("app", app))


SOURCES: tuple[Source, ...] = (
    Source(
        "prod-application",
        "Prod - Application",
        "javascript",
        _labels("prod", "product", "application"),
    ),
    Source("prod-backend", "Prod - Backend", "node", _labels("prod", "product", "backend")),
    Source("prod-census", "Prod - Census", "http-api", _labels("prod", "data", "census")),
    Source(
        "prod-customer-io",
        "Prod - Customer.io",
        "customer-io",
        _labels("prod", "growth", "customer-io"),
    ),
    Source(
        "prod-amplitude-cohort",
        "Prod - Amplitude Cohort",
        "amplitude-cohorts",
        _labels("prod", "data", "amplitude-cohort"),
    ),
    Source(
        "prod-cloud-function",
        "Prod - Cloud Function",
        "http-api",
        _labels("prod", "product", "cloud-function"),
    ),
    Source(
        "staging-application",
        "Staging - Application",
        "javascript",
        _labels("staging", "product", "application"),
    ),
    Source(
        "dev-application",
        "Dev - Application",
        "javascript",
        _labels("dev", "product", "application"),
    ),
    Source("prod-manual", "Prod - Manual", "python", _labels("prod", "data", "manual")),
    Source(
        "staging-backend", "Staging - Backend", "node", _labels("staging", "product", "backend")
    ),
    Source("prod-refiner", "Prod - Refiner", "refiner", _labels("prod", "growth", "refiner")),
    Source(
        "prod-livestorm",
        "Prod - Livestorm",
        "livestorm",
        _labels("prod", "growth", "livestorm"),
    ),
    Source(
        "prod-application-old",
        "prod-application-old",
        "javascript",
        (("env", "prod"),),
        enabled=False,
    ),
    Source("segment-test-anna", "Segment test (Anna)", "http-api"),
)

_FEEDS = {
    "amplitude": (
        "application",
        "backend",
        "census",
        "customer-io",
        "cloud-function",
        "manual",
        "livestorm",
    ),
    "customer-io": ("application", "backend", "census", "amplitude-cohort"),
    "hubspot": ("backend", "census"),
    "hubspot-web": ("application",),
    "help-scout": ("backend",),
    "cloud-function": ("backend",),
}
_DESTINATION_NAMES = {
    "amplitude": "Prod - Amplitude",
    "customer-io": "Prod - Customer.io",
    "hubspot": "Prod - HubSpot",
    "hubspot-web": "Prod - HubSpot",
    "help-scout": "Prod - Help Scout",
    "cloud-function": "Prod - Cloud Function",
}
_MISNAMED = {("amplitude", "manual"): "Production - Amplitude"}

# The browser sends to these past Segment's servers (device mode), which counts nothing of it.
DEVICE_MODE = frozenset(("hubspot-web",))

DESTINATIONS: tuple[Destination, ...] = tuple(
    Destination(kind, _MISNAMED.get((kind, app), _DESTINATION_NAMES[kind]), f"prod-{app}")
    for kind, apps in _FEEDS.items()
    for app in apps
)

WAREHOUSE_SOURCES: tuple[Source, ...] = tuple(
    source for source in SOURCES if source.name.startswith("Prod - ")
)

SOURCE_BY_ID = {source.id: source for source in SOURCES}
SOURCE_BY_WRITE_KEY = {source.write_key: source for source in SOURCES}
DESTINATION_BY_ID = {destination.id: destination for destination in DESTINATIONS}

LABEL_DESCRIPTIONS = {
    ("env", "prod"): "Production",
    ("env", "staging"): "Staging",
    ("env", "dev"): "Development",
}
