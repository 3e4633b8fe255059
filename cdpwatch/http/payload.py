"""Strict reading of JSON from outside: a wrong shape is an error that names the field.

Messages name endpoints and fields, never values: catalog answers carry write keys and settings.
Keys that nobody asks for are ignored, so that a new field breaks nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, NoReturn

from cdpwatch.http.errors import BadPayload

LARGEST_EXACT_FLOAT = 2**53


def parse_json(body: bytes, where: str) -> Any:
    """The JSON value in `body`. NaN, Infinity and cut-off text: BadPayload."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadPayload(f"{where} answered with something that is not JSON.") from None


def parse_object(body: bytes, where: str) -> dict[str, Any]:
    """The JSON object in `body`, as `parse_json`; another top level: BadPayload."""
    value = parse_json(body, where)
    if not isinstance(value, dict):
        raise BadPayload(f"{where} answered with JSON that is not an object.")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def whole(value: object, where: str = "A count") -> int:
    """A count: an int, ASCII digits in a string, or a whole float below 2**53.

    Segment sends usage counts as strings and volume counts as numbers. At most 18 digits, to fit
    a 64-bit column. Booleans, negative numbers, "1e3", "1_000" and all else raise BadPayload,
    which begins with `where`.
    """
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    if isinstance(value, float) and value.is_integer() and 0 <= value < LARGEST_EXACT_FLOAT:
        return int(value)
    if type(value) is int and 0 <= value < 10**18:  # not isinstance: True is an int
        return value
    raise BadPayload(f"{where} is not a whole number.")


def iso_utc(moment: datetime) -> str:
    """An aware time as Segment's queries take it, to the second: 2025-06-01T00:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fields_of(value: object, where: str) -> Fields:
    """The JSON object `value`, found at `where`. Raises BadPayload for anything else."""
    if not isinstance(value, dict):
        raise BadPayload(f"{where} is not an object.")
    return Fields(value, where)


class Fields:
    """A JSON object that knows where it was found: `Fields(row, "GET /sources: sources[3]")`.

    Each reader takes a key and raises BadPayload naming it when the value has another type.
    null counts as absent.
    """

    def __init__(self, row: dict[str, Any], where: str) -> None:
        self.row = row
        self.where = where

    def text(self, key: str, default: str | None = None, *, longest: int | None = None) -> str:
        """A string of `longest` characters at most; `default` when absent, BadPayload without one.

        NUL and lone surrogates, which databases refuse, are replaced.
        """
        value = self._get(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, "is not a string")
        if longest is not None and len(value) > longest:
            raise self.wrong(key, f"is longer than {longest} characters")
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()

    def flag(self, key: str) -> bool:
        value = self._get(key)
        if not isinstance(value, bool):
            raise self.wrong(key, "is not true or false")
        return value

    def whole(self, key: str, default: int | None = None) -> int:
        return whole(self._get(key, default), f"{self.where}.{key}")

    def instant(self, key: str) -> datetime:
        """An ISO 8601 time as aware UTC; one without an offset is taken to be UTC."""
        value = self._get(key)
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            raise self.wrong(key, "is not an ISO 8601 time") from None

    def day(self, key: str) -> date:
        """The UTC day of an ISO 8601 time."""
        return self.instant(key).date()

    def has(self, key: str) -> bool:
        return self.row.get(key) is not None

    def part(self, key: str) -> Fields:
        return fields_of(self._get(key), f"{self.where}.{key}")

    def items(self, key: str) -> list[Any]:
        """The values in a list, whatever they are."""
        value = self._get(key)
        if not isinstance(value, list):
            raise self.wrong(key, "is not a list")
        return value

    def parts(self, key: str) -> Iterator[Fields]:
        """The objects in a list."""
        for position, item in enumerate(self.items(key)):
            yield fields_of(item, f"{self.where}.{key}[{position}]")

    def wrong(self, key: str, what: str) -> BadPayload:
        return BadPayload(f"{self.where}.{key} {what}.")

    def _get(self, key: str, default: Any = None) -> Any:
        value = self.row.get(key)
        if value is None and default is None:
            raise self.wrong(key, "is missing")
        return default if value is None else value
