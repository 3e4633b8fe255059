"""Filters that can be clicked: what templates/components/_pill.html shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pill:
    """One filter that a click sets, or takes off; `count` is what it would show."""

    text: str
    url: str
    count: int | None
    current: bool
