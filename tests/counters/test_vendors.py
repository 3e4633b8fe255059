"""Vendors: which counters are connected at once, and the word for them in addresses."""

from __future__ import annotations

from cdpwatch.counters import COUNTERS
from cdpwatch.counters.vendors import vendors


def test_it_names_a_vendor_in_addresses_by_a_plain_word() -> None:
    assert [*vendors(COUNTERS.values())] == [
        "amplitude",
        "census",
        "customerio",
        "refiner",
        "livestorm",
        "google_monitoring",
        "hubspot",
        "helpscout",
        "bigquery",
    ]
