"""Faults to rehearse with: statuses that replace the reply, and ways to spoil it on the wire.

401 403 429 500 503   that status, with the envelope that Segment would send
html empty            200, but a proxy's page, or nothing at all
slow                  the right reply, after `seconds`
hang                  no reply; the connection closes after `seconds`
drip                  the right reply, spread over `seconds`
truncate              half of the body that was announced, then the end
reset                 the connection is reset before any answer
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from typing import Protocol

from cdpwatch.demo.limits import too_many_requests
from cdpwatch.demo.store import Fault
from cdpwatch.demo.web import HTML, Refused, Reply, as_error

STATUSES = {
    "401": "The token is missing, invalid or has no access",
    "403": "The token has no access to this resource",
    "429": "Too many requests",
    "500": "Something went wrong on our side",
    "503": "The service is unavailable",
}
PROXY_PAGE = b"<!doctype html><title>Sign in</title><h1>Sign in to the network</h1>"
ANSWERED = ("slow", "drip", "truncate")
DRIPS = 20  # parts of a dripping body


class Wire(Protocol):
    """The connection to the client, as the request handler offers it."""

    connection: socket.socket

    def send_head(self, reply: Reply) -> None: ...
    def send_body(self, part: bytes) -> None: ...
    def wait(self, seconds: float) -> None: ...
    def hang_up(self) -> None: ...


def reply_to(fault: Fault | None, answer: Callable[[], Reply]) -> Reply:
    """The reply that goes out; the request is only acted on where its own answer is sent."""
    if fault is None or fault.kind in ANSWERED:
        return answer()
    if fault.kind == "429":
        return as_error(too_many_requests(fault.seconds))
    if fault.kind in STATUSES:
        return as_error(Refused(int(fault.kind), STATUSES[fault.kind]))
    return Reply(200, PROXY_PAGE, HTML) if fault.kind == "html" else Reply(200)


def send(wire: Wire, reply: Reply, fault: Fault | None) -> None:
    """Send the reply, in the way that the fault prescribes."""
    way = WAYS.get(fault.kind) if fault else None
    if fault and way:
        way(wire, reply, fault.seconds)
    else:
        _plainly(wire, reply, 0)


def _plainly(wire: Wire, reply: Reply, seconds: float) -> None:
    wire.send_head(reply)
    wire.send_body(reply.body)


def _slow(wire: Wire, reply: Reply, seconds: float) -> None:
    wire.wait(seconds)
    _plainly(wire, reply, 0)


def _hang(wire: Wire, reply: Reply, seconds: float) -> None:
    wire.wait(seconds)
    wire.hang_up()


def _drip(wire: Wire, reply: Reply, seconds: float) -> None:
    wire.send_head(reply)
    size = max(len(reply.body) // DRIPS, 1)
    for start in range(0, len(reply.body), size):
        wire.wait(seconds / DRIPS)
        wire.send_body(reply.body[start : start + size])


def _truncate(wire: Wire, reply: Reply, seconds: float) -> None:
    wire.send_head(reply)
    wire.send_body(reply.body[: len(reply.body) // 2])
    wire.hang_up()


def _reset(wire: Wire, reply: Reply, seconds: float) -> None:
    # Lingering for no time at all makes the kernel send RST instead of FIN.
    wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(wire.connection.detach())
    wire.hang_up()


WAYS: dict[str, Callable[[Wire, Reply, float], None]] = {
    "slow": _slow,
    "hang": _hang,
    "drip": _drip,
    "truncate": _truncate,
    "reset": _reset,
}
KINDS = (*STATUSES, "html", "empty", *WAYS)
