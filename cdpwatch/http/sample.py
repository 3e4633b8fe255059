"""What may be shown of a row that was not taken: why, its shape, plain values, never a secret."""

from __future__ import annotations

import json
import re

LONGEST_SAMPLE = 300  # characters
MOST_KEYS, DEEPEST = 8, 3  # of a row that are shown
SECRET = re.compile(r"token|key|secret|password|webhook|settings|credential|code", re.IGNORECASE)


def sample_of(row: object) -> str:
    """`row`, a parsed JSON value, as one short printable line.

    The values of keys that look secret (write keys, settings, a function's code) are left out;
    so is a value that stands alone, for no key says what it is.
    """
    if not isinstance(row, dict):
        return f"({type(row).__name__})"
    return printable(json.dumps(_shown(row, 0), ensure_ascii=False))[:LONGEST_SAMPLE]


def reason_of(error: Exception, where: str) -> str:
    """What was wrong, without the row's position, so that rows of one kind count together."""
    said = str(error).removeprefix(where)
    return re.sub(r"\[[0-9]+\]", "[]", re.sub(r"^\[[0-9]+\]\.?", "", said)).strip()


def printable(text: str) -> str:
    """`text` without control characters, direction marks and lone surrogates."""
    return "".join(letter for letter in text if letter.isprintable())


def _shown(value: object, depth: int) -> object:
    if isinstance(value, dict | list) and depth == DEEPEST:
        return "…"
    if isinstance(value, dict):
        first = list(value.items())[:MOST_KEYS]
        return {key: "…" if SECRET.search(key) else _shown(v, depth + 1) for key, v in first}
    if isinstance(value, list):
        return [_shown(each, depth + 1) for each in value[:MOST_KEYS]]
    return value[:LONGEST_SAMPLE] if isinstance(value, str) else value
