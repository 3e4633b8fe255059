"""Vendors: the counters that are reached at one address and share their keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .base import Counter, Key


@dataclass(frozen=True)
class Vendor:
    """Who is connected at once. `key` names it in addresses: "amplitude"."""

    key: str
    counters: tuple[Counter, ...]

    @property
    def name(self) -> str:
        return vendor_name(self.counters[0])

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys of all of its counters, each variable once."""
        found = {key.variable: key for counter in self.counters for key in counter.keys}
        return tuple(found.values())


def vendors(counters: Iterable[Counter]) -> dict[str, Vendor]:
    """The vendors by key, in the order of their first counters."""
    grouped: dict[str, list[Counter]] = {}
    for counter in counters:
        grouped.setdefault(vendor_key(counter), []).append(counter)
    return {key: Vendor(key, tuple(group)) for key, group in grouped.items()}


def vendor_name(counter: Counter) -> str:
    """Whom a counter asks: "Amplitude", of "Amplitude: events counted"."""
    return counter.title.partition(":")[0]


def vendor_key(counter: Counter) -> str:
    """Which vendor a counter belongs to: "amplitude", of AMPLITUDE_API_URL.

    BigQuery's variable is Google's own, BIGQUERY_EMULATOR_HOST.
    """
    return re.sub(r"_(api_url|emulator_host)$", "", counter.url_variable.lower())
