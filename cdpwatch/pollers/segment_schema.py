"""Reads what each source does with calls that break its schema, for a forwarded copy is billed.

`GET /sources/{id}/settings`, one request a source. `forwardingViolationsTo` and
`forwardingBlockedEventsTo` name a source that gets a copy of each such call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from cdpwatch.http import Api, Fields
from cdpwatch.pollers.each import read_each
from cdpwatch.readings import LONGEST_ID, SchemaReading

# Only what is documented is kept, by call type: true or false, or a word such as "ALLOW".
FLAGS = {
    "track": (
        "allowUnplannedEvents",
        "allowUnplannedEventProperties",
        "allowEventOnViolations",
        "allowPropertiesOnViolations",
    ),
    "identify": ("allowUnplannedTraits", "allowTraitsOnViolations"),
    "group": ("allowUnplannedTraits", "allowTraitsOnViolations"),
}
WORD = "commonEventOnViolations"
LONGEST_WORD = 40


def read(api: Api, source_ids: Sequence[str]) -> tuple[SchemaReading, ...]:
    """The schema settings of each source. Raises as `read_each`, which says what is left out."""
    return read_each(
        api, source_ids, lambda source_id: _source(api, source_id), lambda name: f"source {name}"
    )


def _source(api: Api, source_id: str) -> list[SchemaReading]:
    path = f"/sources/{quote(source_id, safe='')}/settings"
    told = api.get(path).get("settings")
    return api.taken([told], "GET /sources/{id}/settings", lambda row: _reading(source_id, row))


def _reading(source_id: str, row: Fields) -> SchemaReading:
    return SchemaReading(
        source_id,
        row.text("forwardingViolationsTo", "", longest=LONGEST_ID),
        row.text("forwardingBlockedEventsTo", "", longest=LONGEST_ID),
        {name: _kept(row.part(name), name) for name in FLAGS if row.has(name)},
    )


def _kept(part: Fields, name: str) -> Mapping[str, bool | str]:
    kept: dict[str, bool | str] = {flag: part.flag(flag) for flag in FLAGS[name] if part.has(flag)}
    if part.has(WORD):
        kept[WORD] = part.text(WORD, longest=LONGEST_WORD)
    return kept
