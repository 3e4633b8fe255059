"""One workspace at one moment, read in a fixed number of queries whatever its size.

Detectors and pages both start from `take()`. What was billed comes from the days, what was not
billed yet from live volume; the sum is the "used" that every page shows.
"""

from cdpwatch.days import DAY

from .counts import (
    PastPeriod,
    billed_in_months,
    billed_to,
    is_billed,
    past_periods,
    used_by_day,
    used_in,
    workspace_days,
)
from .rows import Deliveries, SourceRow, deliveries, source_rows
from .traffic import EVEN_HOURS, began, hour_shares, traffic
from .whole import WORKER_START, Snapshot, poller_health, project, take, terms_of

__all__ = [
    "DAY",
    "EVEN_HOURS",
    "WORKER_START",
    "Deliveries",
    "PastPeriod",
    "Snapshot",
    "SourceRow",
    "began",
    "billed_in_months",
    "billed_to",
    "deliveries",
    "hour_shares",
    "is_billed",
    "past_periods",
    "poller_health",
    "project",
    "source_rows",
    "take",
    "terms_of",
    "traffic",
    "used_by_day",
    "used_in",
    "workspace_days",
]
