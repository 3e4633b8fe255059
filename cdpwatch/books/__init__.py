"""Month close: freezes a period that is over, and reopens it with a reason.

ledger    what one period used, by source and by call type
evidence  why a source moved
closing   the verbs: close, reopen; what has changed since
checking  an invoice against the counts; what an open period has accrued
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
)
from .ledger import NOT_LIVE, UNBILLED_BY_SOURCE, Ledger, call_type_table, ledger_of, source_table
from .looking_back import past_months

__all__ = [
    "NOT_LIVE",
    "UNBILLED_BY_SOURCE",
    "Accrued",
    "Ledger",
    "accrued",
    "call_type_table",
    "carried_into",
    "close",
    "frozen",
    "invoice_check",
    "is_intact",
    "ledger_of",
    "past_months",
    "past_uses",
    "refusal",
    "reopen",
    "restatements",
    "source_table",
    "stamp_of",
]
