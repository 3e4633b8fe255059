"""Detectors find what people should know: one module each, `find(snapshot)` gives findings.

They are pure and level-triggered: what is still true is found again, so a crash between two
evaluations loses nothing. `quiet_rounds` is how many evaluations without a finding close the
alert that an earlier one opened; only evaluations that had new `evidence` count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from cdpwatch.readings import Finding

from . import blind, gap, leak, overage
from .situation import Situation


class Detector(NamedTuple):
    title: str
    find: Callable[[Situation], Iterable[Finding]]
    quiet_rounds: int
    evidence: Callable[[Situation], datetime | None]


def _live_volume(situation: Situation) -> datetime | None:
    return situation.live_to


def _clock(situation: Situation) -> datetime | None:
    return situation.now


DETECTORS: dict[str, Detector] = {
    "leak": Detector("Traffic that must not be tracked", leak.find, 3, _live_volume),
    "overage": Detector("The contract will be crossed", overage.find, 1, _clock),
    "blind": Detector("A poller sees nothing", blind.find, 1, _clock),
    "gap": Detector("Two counts drift apart", gap.find, 3, _clock),
}


def find_all(situation: Situation) -> list[Finding]:
    """What every detector finds in one situation."""
    return [finding for detector in DETECTORS.values() for finding in detector.find(situation)]
