"""Schema settings of each source: what it does with calls that break its schema."""

from __future__ import annotations

from typing import Any

from cdpwatch.demo import world
from cdpwatch.demo.api.catalog import find_source
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import Demo

# Sources that block calls that break their schema.
STRICT = ("staging-application", "dev-application")
# A copy of each such call is sent on to another source, and billed there.
FORWARDS = {"staging-application": "segment-test-anna"}
TRAITS = {"allowUnplannedTraits": True, "allowTraitsOnViolations": True}


def schema(demo: Demo, query: Query, source_id: str) -> dict[str, Any]:
    slug = find_source(source_id).slug
    strict = slug in STRICT
    track = {
        "allowUnplannedEvents": True,
        "allowUnplannedEventProperties": True,
        "allowEventOnViolations": not strict,
        "allowPropertiesOnViolations": True,
        "commonEventOnViolations": "BLOCK" if strict else "ALLOW",
    }
    traits = {**TRAITS, "commonEventOnViolations": "ALLOW"}
    settings: dict[str, Any] = {"track": track, "identify": traits, "group": traits}
    if slug in FORWARDS:
        settings["forwardingViolationsTo"] = world.segment_id("source", FORWARDS[slug])
    return {"sourceId": source_id, "settings": settings}
