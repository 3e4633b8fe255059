"""One workspace at one moment, read in a fixed number of queries whatever its size.

Detectors start from `take()`, pages from `current()`, which reads what the last evaluation kept
of it. What was billed comes from the days, what was not
billed yet from live volume; the sum is the "used" that every page shows.
"""

from cdpwatch.days import DAY

from .agreement import compared, other_side, places_of, rows_of
from .ahead import Ahead, SourcesAhead, sources_ahead
from .carrying import carried_into, past_uses
from .counts import (
    PastPeriod,
    billed_in_months,
    billed_to,
    is_billed,
    months_by_source,
    months_in,
    past_periods,
    shared,
    used_by_day,
    used_in,
    workspace_days,
    workspace_months,
)
from .events import NamedCalls, names_of
from .free_days import countries
from .known import (
    contract_days,
    contract_days_known,
    contract_months,
    days_known,
    joined,
    source_days_known,
)
from .parts import Kind, Remark
from .rows import Deliveries, SourceRow, deliveries, source_rows, verdicts_of
from .sheet import FRESH, Sheet, ahead_of, current, keep, known_at, sheet_of, stamp
from .traffic import EVEN_HOURS, began, calls_by_event, hour_shares, traffic
from .whole import WORKER_START, Snapshot, inputs_of, poller_health, take

__all__ = [
    "DAY",
    "EVEN_HOURS",
    "FRESH",
    "WORKER_START",
    "Ahead",
    "Deliveries",
    "Kind",
    "NamedCalls",
    "PastPeriod",
    "Remark",
    "Sheet",
    "Snapshot",
    "SourceRow",
    "SourcesAhead",
    "ahead_of",
    "began",
    "billed_in_months",
    "billed_to",
    "calls_by_event",
    "carried_into",
    "compared",
    "contract_days",
    "contract_days_known",
    "contract_months",
    "countries",
    "current",
    "days_known",
    "deliveries",
    "hour_shares",
    "inputs_of",
    "is_billed",
    "joined",
    "keep",
    "known_at",
    "months_by_source",
    "months_in",
    "names_of",
    "other_side",
    "past_periods",
    "past_uses",
    "places_of",
    "poller_health",
    "rows_of",
    "shared",
    "sheet_of",
    "source_days_known",
    "source_rows",
    "sources_ahead",
    "stamp",
    "take",
    "traffic",
    "used_by_day",
    "used_in",
    "verdicts_of",
    "workspace_days",
    "workspace_months",
]
