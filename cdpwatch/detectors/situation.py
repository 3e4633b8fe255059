"""What detectors look at: one workspace at one moment, as plain values.

`cdpwatch.snapshot` builds it in a fixed number of queries; nothing here can reach a database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from cdpwatch.budget import Standing, Terms
from cdpwatch.policy import Rule
from cdpwatch.readings import DayCount, PollerHealth, TrafficSlice
from cdpwatch.reconciling import Pair


@dataclass(frozen=True)
class Situation:
    now: datetime
    workspace: str
    terms: Terms
    days: Mapping[date, DayCount]  # billed calls of the workspace
    billed_to: date | None  # last UTC day that Segment has billed
    standing: Standing  # of the running period, open leaks included
    rules: tuple[Rule, ...]
    traffic: tuple[TrafficSlice, ...]  # of the running period
    hour_shares: tuple[float, ...]  # of a day's calls, 24 values that add up to 1
    pollers: tuple[PollerHealth, ...]
    live_to: datetime | None  # up to when live volume was read
    compared: tuple[Pair, ...] = ()  # counts of the same calls; read for an evaluation alone
