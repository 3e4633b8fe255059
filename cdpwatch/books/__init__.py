"""Month close: freezes a period that is over, and reopens it with a reason.

ledger    what one period used, by source and by call type
evidence  why a source moved
closing   the verbs: close, reopen; what has changed since
checking  an invoice against the counts; what an open period has accrued
replaying, track_record  what was or would have been projected, against what came
"""

from cdpwatch.snapshot import carried_into, past_uses

from .checking import Accrued, accrued, invoice_check
from .closing import (
    close,
    frozen,
    is_intact,
    refusal,
    reopen,
    restatements,
    stamp_of,
    unknown_days,
)
from .ledger import NOT_LIVE, UNBILLED_BY_SOURCE, Ledger, call_type_table, ledger_of, source_table
from .looking_back import past_months
from .replaying import replay
from .track_record import (
    DIFFERS,
    NO_INPUTS,
    OLDER,
    REPLAYED,
    SAID,
    SAME,
    STATES,
    Again,
    Record,
    made_again,
    record_of,
    record_rows,
)

__all__ = [
    "DIFFERS",
    "NOT_LIVE",
    "NO_INPUTS",
    "OLDER",
    "REPLAYED",
    "SAID",
    "SAME",
    "STATES",
    "UNBILLED_BY_SOURCE",
    "Accrued",
    "Again",
    "Ledger",
    "Record",
    "accrued",
    "call_type_table",
    "carried_into",
    "close",
    "frozen",
    "invoice_check",
    "is_intact",
    "ledger_of",
    "made_again",
    "past_months",
    "past_uses",
    "record_of",
    "record_rows",
    "refusal",
    "reopen",
    "replay",
    "restatements",
    "source_table",
    "stamp_of",
    "unknown_days",
]
