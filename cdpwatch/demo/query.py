"""Query strings in the four spellings that Segment's clients use.

    pagination.count=3            groupBy.0=source          the documented form
    pagination[count]=3           filter[eventType][0]=page the TypeScript SDK (Go mixes both)
    pagination={"count": 3}       groupBy=a&groupBy=b       the Python SDK

All become the same flat table: dotted name -> values in order, list positions dropped.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from cdpwatch.demo.web import Refused

Row = TypeVar("Row")
DEFAULT_COUNT, MAX_COUNT = 200, 1000
YEARS = range(1970, 2200)


@dataclass(frozen=True)
class Query:
    """The parameters of a request. Every reader raises Refused (422) with the field's name."""

    values: dict[str, list[str]]

    def texts(self, name: str) -> list[str]:
        return self.values.get(name, [])

    def text(self, name: str) -> str:
        """A required value."""
        found = self.texts(name)
        if not found or not found[-1]:
            raise Refused(422, f'"{name}" is required', name)
        return found[-1]

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """A required value out of `allowed`, in any case; answered as `allowed` spells it."""
        value = self.text(name).upper()
        if value not in allowed:
            raise Refused(422, f'"{name}" must be one of {", ".join(allowed)}', name)
        return value

    def choices(self, name: str, allowed: Sequence[str]) -> list[str]:
        chosen = self.texts(name)
        if unknown := [value for value in chosen if value not in allowed]:
            raise Refused(422, f'"{name}" must not contain {unknown[0]!r}', name)
        return list(dict.fromkeys(chosen))

    def instant(self, name: str) -> datetime:
        """A required ISO-8601 time; UTC where it names no zone."""
        try:
            value = datetime.fromisoformat(self.text(name))
        except ValueError as error:
            raise Refused(422, f'"{name}" must be an ISO-8601 time', name) from error
        if value.year not in YEARS:
            raise Refused(422, f'"{name}" is too far away', name)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def page(self, rows: Sequence[Row]) -> tuple[Sequence[Row], dict[str, Any]]:
        """The asked page of the rows, and the pagination object; no `next` on the last page."""
        offset, count = self.offset(), self._count()
        pagination: dict[str, Any] = {"current": cursor(offset), "totalEntries": len(rows)}
        if offset > 0:
            pagination["previous"] = cursor(max(offset - count, 0))
        if offset + count < len(rows):
            pagination["next"] = cursor(offset + count)
        return rows[offset : offset + count], pagination

    def _count(self) -> int:
        name = "pagination.count"
        value = (self.texts(name) or [str(DEFAULT_COUNT)])[-1]
        if not value.isascii() or not value.isdigit() or not 1 <= int(value[:5]) <= MAX_COUNT:
            raise Refused(422, f'"{name}" must be between 1 and {MAX_COUNT}', name)
        return int(value)

    def offset(self) -> int:
        """How many rows come before the asked page."""
        name = "pagination.cursor"
        value = (self.texts(name) or [""])[-1]
        if not value:
            return 0
        try:
            offset = int(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError) as error:
            raise Refused(422, f'"{name}" is not a cursor', name) from error
        if offset < 0:
            raise Refused(422, f'"{name}" is not a cursor', name)
        return offset


def cursor(offset: int) -> str:
    return base64.b64encode(str(offset).encode()).decode()


def parse(query: str) -> Query:
    values: dict[str, list[str]] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        name = _dotted(key.replace("]", "").replace("[", "."))
        for path, leaf in _leaves(name, value):
            values.setdefault(path, []).append(leaf)
    return Query(values)


def _dotted(name: str) -> str:
    """The name without list positions: `filter.eventType.0` is `filter.eventType`."""
    return ".".join(part for part in name.split(".") if part and not part.isdigit())


def _leaves(name: str, value: str) -> list[tuple[str, str]]:
    if name not in ("pagination", "filter"):
        return [(name, value)]
    try:
        return _flatten(name, json.loads(value))
    except ValueError as error:
        raise Refused(422, f'"{name}" is not JSON', name) from error


def _flatten(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in _flatten(f"{name}.{key}", inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _flatten(name, inner)]
    return [] if value is None else [(name, str(value))]
