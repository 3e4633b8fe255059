"""Messages of the Tracking API: what each is counted as, and why one is turned away.

The reasons are those that Delivery Overview gives for events that failed on ingest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CALL_TYPES = ("track", "identify", "page", "screen", "group", "alias")
ACCEPTED = ""
BAD_REQUEST, NO_ID = "bad_request", "no_user_anon_id"
UNKNOWN_SOURCE, SOURCE_DISABLED = "unknown_source", "source_disabled"
LONGEST_ID = 100  # characters: a message id must be shorter

NAMES = {"track": "event", "page": "name", "screen": "name"}
# Call type: a field that must be there, the reason if it is not, the reason if it is not text.
NEEDED = {
    "track": ("event", "event_not_defined", "event_not_string"),
    "group": ("groupId", "id_required", "id_not_string"),
    "alias": ("previousId", "id_required", "id_not_string"),
}
SHAPES: tuple[tuple[str, type, str], ...] = (
    ("name", str, "name_not_string"),
    ("category", str, "category_not_string"),
    ("properties", dict, "properties_not_object"),
    ("traits", dict, "traits_not_object"),
)


@dataclass(frozen=True)
class Message:
    """One message as it is counted. `source` is a slug, "" where no source has the write key."""

    source: str
    call_type: str
    event: str  # of a track call, or the name of a page or a screen; else ""
    reason: str  # why it is not counted, or ACCEPTED
    message_id: str = ""  # "" is never taken for a repetition


def read(source: str, refusal: str, sent: object) -> Message:
    """`refusal` is why the source takes nothing at all, or ACCEPTED."""
    fields = sent if isinstance(sent, dict) else {}
    kind = fields.get("type")
    if kind not in CALL_TYPES:
        return Message(source, "", "", refusal or BAD_REQUEST)
    event = _text(fields.get(NAMES.get(kind, "")))
    reason = refusal or next(_faults(kind, fields), ACCEPTED)
    return Message(source, kind, event, reason, _text(fields.get("messageId"))[:LONGEST_ID])


def _faults(kind: str, fields: dict[str, Any]) -> Iterator[str]:
    if _is_missing(fields.get("userId")) and _is_missing(fields.get("anonymousId")):
        yield NO_ID
    if kind in NEEDED:
        name, missing, not_text = NEEDED[kind]
        if _is_missing(fields.get(name)):
            yield missing
        elif not isinstance(fields[name], str):
            yield not_text
    for name, shape, reason in SHAPES:
        if not isinstance(fields.get(name), shape | None):
            yield reason


def _is_missing(value: object) -> bool:
    return value is None or value == ""


def _text(value: object) -> str:
    """Half a surrogate pair is legal in JSON, and nowhere else."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
