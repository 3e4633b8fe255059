"""Faults to rehearse with, each a kind that the control page offers and says in words.

replies.py   another reply in place of the right one
spoils.py    the right reply with something wrong inside its JSON
wires.py     a right or wrong reply, sent in a bad way
"""

from __future__ import annotations

from collections.abc import Callable

from cdpwatch.demo.faults.replies import REPLIES
from cdpwatch.demo.faults.spoils import SPOILS, spoil
from cdpwatch.demo.faults.wires import WIRES, Wire, plainly
from cdpwatch.demo.store import Fault
from cdpwatch.demo.web import Reply, Request

# What the caller gets, by kind.
KINDS: dict[str, str] = {
    kind: said for registry in (REPLIES, SPOILS, WIRES) for kind, (said, _) in registry.items()
}
NEVER_ANSWERED = ("hang", "reset")


def reply_to(fault: Fault | None, request: Request, answer: Callable[[], Reply]) -> Reply:
    """The reply that goes out; the request is only acted on where its own answer is sent."""
    if fault is None:
        return answer()
    if fault.kind in REPLIES:
        return REPLIES[fault.kind][1](fault.seconds)
    if fault.kind in NEVER_ANSWERED:
        return Reply(200)
    return spoil(fault.kind, answer(), request) if fault.kind in SPOILS else answer()


def send(wire: Wire, reply: Reply, fault: Fault | None) -> None:
    """Send the reply, in the way that the fault prescribes."""
    if fault and fault.kind in WIRES:
        WIRES[fault.kind][1](wire, reply, fault.seconds)
    else:
        plainly(wire, reply)
