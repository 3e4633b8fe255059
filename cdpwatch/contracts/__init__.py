"""The contract's rows: read as the pure terms of cdpwatch.budget, and changed under a lock.

Every verb that writes appends who did it and when, notes it in the log of acts in the same
transaction, and raises Refused with a sentence for what cannot be.
"""

from .billing import enter_invoice, lines_of, replace_invoice
from .entering import (
    Refused,
    amend,
    amended_terms,
    cover,
    coverable,
    enter,
    release,
    withdraw,
)
from .planning import (
    cancel_event,
    end_sub_budget,
    events_of,
    keep_scenario,
    make_sub_budget,
    members,
    note_day,
    plan_event,
    remove_note,
    remove_scenario,
    sub_budgets_of,
)
from .reading import contract_of, last_closed, terms_of, told

__all__ = [
    "Refused",
    "amend",
    "amended_terms",
    "cancel_event",
    "contract_of",
    "cover",
    "coverable",
    "end_sub_budget",
    "enter",
    "enter_invoice",
    "events_of",
    "keep_scenario",
    "last_closed",
    "lines_of",
    "make_sub_budget",
    "members",
    "note_day",
    "plan_event",
    "release",
    "remove_note",
    "remove_scenario",
    "replace_invoice",
    "sub_budgets_of",
    "terms_of",
    "told",
    "withdraw",
]
