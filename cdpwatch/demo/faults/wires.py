"""Bad ways to send a reply: late, in drops, cut off, with a length that is not so, without end."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from typing import Protocol

from cdpwatch.demo.web import Reply

DRIPS = 20  # parts of a dripping reply
MIB = 2**20
GIB = 2**30


class Wire(Protocol):
    """The connection to the client, as the request handler offers it."""

    connection: socket.socket

    def send_head(self, reply: Reply, length: int | None = None) -> None: ...
    def send_body(self, part: bytes) -> None: ...
    def wait(self, seconds: float) -> None: ...
    def hang_up(self) -> None: ...


Way = Callable[[Wire, Reply, float], None]


def plainly(wire: Wire, reply: Reply) -> None:
    wire.send_head(reply)
    wire.send_body(reply.body)


def _slow(wire: Wire, reply: Reply, seconds: float) -> None:
    wire.wait(seconds)
    plainly(wire, reply)


def _hang(wire: Wire, reply: Reply, seconds: float) -> None:
    wire.wait(seconds)
    wire.hang_up()


def _drip(wire: Wire, reply: Reply, seconds: float) -> None:
    wire.send_head(reply)
    _drop_by_drop(wire, reply.body, seconds)


def _drip_head(wire: Wire, reply: Reply, seconds: float) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(reply.body)}\r\nX-Slow: {'x' * 100}\r\n\r\n"
    _drop_by_drop(wire, head.encode(), seconds)
    wire.send_body(reply.body)


def _drop_by_drop(wire: Wire, data: bytes, seconds: float) -> None:
    size = max(len(data) // DRIPS, 1)
    for start in range(0, len(data), size):
        wire.wait(seconds / DRIPS)
        wire.send_body(data[start : start + size])


def _truncate(wire: Wire, reply: Reply, seconds: float) -> None:
    wire.send_head(reply)
    wire.send_body(reply.body[: len(reply.body) // 2])
    wire.hang_up()


def _too_short(wire: Wire, reply: Reply, seconds: float) -> None:
    wire.send_head(reply, len(reply.body) // 2)
    wire.send_body(reply.body)
    wire.hang_up()


def _too_long(wire: Wire, reply: Reply, seconds: float) -> None:
    wire.send_head(reply, len(reply.body) + 100)
    wire.send_body(reply.body)
    wire.hang_up()


def _flood(wire: Wire, reply: Reply, seconds: float) -> None:
    """The client hangs up long before the end; then writing fails."""
    wire.send_head(reply, GIB)
    for _ in range(GIB // MIB):
        wire.send_body(b" " * MIB)


def _reset(wire: Wire, reply: Reply, seconds: float) -> None:
    # Lingering for no time at all makes the kernel send RST instead of FIN.
    wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(wire.connection.detach())
    wire.hang_up()


def _as_text(wire: Wire, reply: Reply, seconds: float) -> None:
    plainly(wire, Reply(reply.status, reply.body, "text/plain; charset=utf-8", reply.headers))


WIRES: dict[str, tuple[str, Way]] = {
    "slow": ("the right answer after the given seconds", _slow),
    "hang": ("no answer; the connection closes after the given seconds", _hang),
    "drip": ("the right answer, spread over the given seconds", _drip),
    "drip-head": ("the same, with its headers in drops", _drip_head),
    "truncate": ("half of the announced body", _truncate),
    "too-short": ("a Content-Length of half the body", _too_short),
    "too-long": ("a Content-Length beyond the end of the body", _too_long),
    "flood": ("a body of 1 GiB", _flood),
    "reset": ("the connection is reset", _reset),
    "text": ("the right answer, announced as plain text", _as_text),
}
