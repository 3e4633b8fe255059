"""Month close: freezes a period that is over, and reopens it with a reason.

ledger    what one period used, by source and by call type
evidence  why a source moved
closing   the verbs: close, reopen; what has changed since
"""

from .closing import (
    carried_into,
    close,
    frozen,
    is_intact,
    past_uses,
    refusal,
    reopen,
    restatements,
    stamp_of,
)
from .ledger import NOT_LIVE, UNBILLED_BY_SOURCE, Ledger, call_type_table, ledger_of, source_table

__all__ = [
    "NOT_LIVE",
    "UNBILLED_BY_SOURCE",
    "Ledger",
    "call_type_table",
    "carried_into",
    "close",
    "frozen",
    "is_intact",
    "ledger_of",
    "past_uses",
    "refusal",
    "reopen",
    "restatements",
    "source_table",
    "stamp_of",
]
