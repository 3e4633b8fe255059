"""Counting: records what Segment said and keeps the current view of it.

Every verb here is absolute and keyed: recording the same reading twice, or from two workers,
leaves the same rows. Billed usage is cumulative at the door; a day's calls are a difference.
"""

from cdpwatch.cumulative import MISSING_ROW, NOT_BILLED_YET, daily

from .delivery import record_delivery
from .hints import record_audit, record_periods, record_schema
from .ingest import record_ingest
from .losses import record_rejections
from .names import fold_event_names
from .rollups import Difference, differences, refresh_months
from .rows import upsert
from .syncs import record_syncs
from .traffic import bytes_used, note_job, record_traffic
from .usage import note_failure, record_usage
from .vendors import record_counts
from .volume import LONGEST_EVENT, record_volume

__all__ = [
    "LONGEST_EVENT",
    "MISSING_ROW",
    "NOT_BILLED_YET",
    "Difference",
    "bytes_used",
    "daily",
    "differences",
    "fold_event_names",
    "note_failure",
    "note_job",
    "record_audit",
    "record_counts",
    "record_delivery",
    "record_ingest",
    "record_periods",
    "record_rejections",
    "record_schema",
    "record_syncs",
    "record_traffic",
    "record_usage",
    "record_volume",
    "refresh_months",
    "upsert",
]
