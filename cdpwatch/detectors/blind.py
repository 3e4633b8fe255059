"""Blind: a poller has not worked for so long that the numbers built on it cannot be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from cdpwatch import wording
from cdpwatch.readings import Finding, PollerHealth

from .situation import Situation

# A poller is late after missing two turns; a fast one still gets some minutes to recover.
MISSED_TURNS = 2
GRACE = timedelta(minutes=10)


def is_late(poller: PollerHealth, now: datetime) -> bool:
    """Whether two turns were missed since the last good one, or since the first was due."""
    since = poller.last_good or poller.started
    return now - since > max((MISSED_TURNS + 1) * poller.every, poller.every + GRACE)


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per late poller that had its chance since the worker came up."""
    for poller in situation.pollers:
        had_its_chance = poller.resumed is None or situation.now - poller.resumed > GRACE
        if had_its_chance and is_late(poller, situation.now):
            yield _finding(poller, situation.now)


def _finding(poller: PollerHealth, now: datetime) -> Finding:
    good = wording.age(poller.last_good, now)
    last = (
        f"The last good reading was {good} ago" if poller.last_good else "No reading was good yet"
    )
    return Finding(
        fingerprint=f"blind:{poller.name}",
        kind="blind",
        severity="warning",
        title=f"No {poller.name} readings",
        consequence=f"{last}: numbers built on it are out of date.",
        facts=(
            ("Poller", f"{poller.name}, every {wording.length(poller.every)}"),
            ("Failures in a row", str(poller.failures)),
            ("Said", poller.error or "nothing: no turn was started"),
        ),
        data={"poller": poller.name},
    )
