"""How far counts of the same calls agree: rows in, gaps out. Pure; every function takes its clock.

    Rows                   what every side counted, by UTC day; snapshot.agreement reads it
      -> own_pairs(),      two counts of the same calls, with what is known of their
         vendor_pairs()    difference
      -> compare()         the gap over some days: named causes, and the unexplained rest
      -> moved()           pairs whose gap left its usual band, for detectors.gap

A day that one side has no number for is compared by nobody: a gap is never made of a hole.
"""

from .compare import Days, Gap, GapState, Pair, Share, common, compare
from .drift import Trend, moved, silent, trend
from .functions import Step, steps
from .outside import vendor_pairs
from .pairs import final, own_pairs
from .places import Group, groups, live_total, loaded_of, partitions_of, received_of, sent_total
from .rows import EVERY, OtherSide, Place, Rows, Sent, VendorDay
from .sides import CLOCKS, SIDES, Side, last_settled
from .vendors import counted_by

__all__ = [
    "CLOCKS",
    "EVERY",
    "SIDES",
    "Days",
    "Gap",
    "GapState",
    "Group",
    "OtherSide",
    "Pair",
    "Place",
    "Rows",
    "Sent",
    "Share",
    "Side",
    "Step",
    "Trend",
    "VendorDay",
    "common",
    "compare",
    "counted_by",
    "final",
    "groups",
    "last_settled",
    "live_total",
    "loaded_of",
    "moved",
    "own_pairs",
    "partitions_of",
    "received_of",
    "sent_total",
    "silent",
    "steps",
    "trend",
    "vendor_pairs",
]
