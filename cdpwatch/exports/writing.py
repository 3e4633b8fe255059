"""Rows as CSV or JSON. Text that a spreadsheet would run gets an apostrophe in front."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from typing import Any, TextIO

Row = dict[str, Any]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
FORMATS = ("csv", "json")
# Headers of tables that may be empty; the others are headed by what their rows hold.
HEADERS = {
    "usage": ["day", "source_id", "source", "environment", "billed", "live"],
    "months": ["month", "source_id", "source", "environment", "billed", "unknown_days"],
    "catalog": [
        "segment_id",
        "name",
        "direction",
        "environment",
        "app",
        "enabled",
        "labels",
        "naming",
        "advice",
        "first_seen",
        "last_seen",
        "retired_at",
        "owner",
        "description",
    ],
    "names": [
        "segment_id",
        "direction",
        "name",
        "verdict",
        "environment",
        "application",
        "new_name",
        "choices",
        "why",
    ],
    "events": [
        "source_id",
        "source",
        "call_type",
        "event",
        "calls",
        "share",
        "first_seen",
        "last_seen",
    ],
    "agreement": [
        "day",
        "compared",
        "about",
        "first_side",
        "other_side",
        "first",
        "other",
        "gap",
        "explained",
        "unexplained",
    ],
}


def write(name: str, rows: Iterable[Row], form: str, out: TextIO) -> None:
    """Write the rows of export `name` as a JSON list or as CSV with a header."""
    listed = list(rows)
    if form == "json":
        json.dump(listed, out, indent=1)
        out.write("\n")
        return
    header = HEADERS.get(name) or list(dict.fromkeys(key for row in listed for key in row))
    writer = csv.DictWriter(out, header, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({key: cell(value) for key, value in row.items()} for row in listed)


def cell(value: object) -> object:
    """A value that a spreadsheet shows and does not run."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
