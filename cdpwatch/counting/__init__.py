"""Counting: records what Segment said and keeps the current view of it.

Every verb here is absolute and keyed: recording the same reading twice, or from two workers,
leaves the same rows. Billed usage is cumulative at the door; a day's calls are a difference.
"""

from .delivery import record_delivery
from .losses import record_rejections
from .rows import upsert
from .usage import MISSING_ROW, NOT_BILLED_YET, daily, note_failure, record_usage
from .volume import KEPT, LONGEST_EVENT, record_volume

__all__ = [
    "KEPT",
    "LONGEST_EVENT",
    "MISSING_ROW",
    "NOT_BILLED_YET",
    "daily",
    "note_failure",
    "record_delivery",
    "record_rejections",
    "record_usage",
    "record_volume",
    "upsert",
]
