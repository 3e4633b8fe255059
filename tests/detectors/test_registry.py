"""The registry: every detector is asked, and each names its own kind."""

from __future__ import annotations

from dataclasses import replace

from cdpwatch.budget import Verdict
from cdpwatch.detectors import DETECTORS, find_all
from cdpwatch.readings import PollerHealth
from cdpwatch.timetable import POLLERS
from tests.detectors.test_gap import make_pair
from tests.factories import NOW, at, make_situation, make_slice


def test_it_asks_every_detector() -> None:
    late = PollerHealth("usage", POLLERS["usage"].every, at(1), None, 0, "")
    drift = make_pair(90_000)
    situation = make_situation(traffic=(make_slice(),), pollers=(late,), compared=(drift,))
    standing = replace(situation.standing, verdict=Verdict.OVER)
    found = find_all(replace(situation, standing=standing))
    assert {finding.kind for finding in found} == set(DETECTORS)


def test_it_finds_nothing_in_a_calm_situation() -> None:
    assert find_all(make_situation()) == []


def test_it_judges_leaks_by_live_volume_and_the_rest_by_the_clock() -> None:
    situation = make_situation(live_to=None)
    evidence = {name: detector.evidence(situation) for name, detector in DETECTORS.items()}
    assert evidence == {"leak": None, "overage": NOW, "blind": NOW, "gap": NOW}
