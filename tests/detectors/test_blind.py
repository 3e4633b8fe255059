"""Blind: a poller is late after two missed turns, not after one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cdpwatch.detectors import blind
from cdpwatch.readings import PollerHealth
from tests.factories import NOW, make_situation

HOURLY, FAST = timedelta(hours=1), timedelta(minutes=2)
MINUTE = timedelta(minutes=1)


def health(every: timedelta, age: timedelta | None, **fields: object) -> PollerHealth:
    good = None if age is None else NOW - age
    started = fields.get("started", NOW - timedelta(days=9))
    return PollerHealth("usage", every, started, good, failures=4, error="401")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("poller", "late"),
    [
        (health(HOURLY, MINUTE), False),
        (health(HOURLY, 3 * HOURLY), False),
        (health(HOURLY, 3 * HOURLY + MINUTE), True),
        (health(FAST, 12 * MINUTE), False),
        (health(FAST, 13 * MINUTE), True),
        (health(HOURLY, None), True),  # never worked in nine days
        (health(HOURLY, None, started=NOW - HOURLY), False),
    ],
)
def test_it_waits_for_two_missed_turns(poller: PollerHealth, late: bool) -> None:
    assert blind.is_late(poller, NOW) is late
    found = list(blind.find(make_situation(pollers=(poller,))))
    assert [finding.fingerprint for finding in found] == (["blind:usage"] if late else [])


def test_it_says_how_old_the_numbers_are_and_why() -> None:
    [finding] = blind.find(make_situation(pollers=(health(HOURLY, timedelta(hours=5)),)))
    assert (finding.kind, finding.severity) == ("blind", "warning")
    assert finding.consequence.startswith("The last good reading was 5 h ago")
    facts = dict(finding.facts)
    assert (facts["Failures in a row"], facts["Said"]) == ("4", "401")


def test_it_says_so_of_a_poller_that_never_worked() -> None:
    [finding] = blind.find(make_situation(pollers=(health(HOURLY, None),)))
    assert finding.consequence.startswith("No reading was good yet:")


def test_it_gives_a_worker_that_came_up_a_moment_to_read() -> None:
    late = replace(health(HOURLY, timedelta(days=2)), resumed=NOW - MINUTE)
    assert not list(blind.find(make_situation(pollers=(late,))))
    long_up = replace(late, resumed=NOW - 11 * MINUTE)
    assert len(list(blind.find(make_situation(pollers=(long_up,))))) == 1
