"""Which addresses may be called, and one deadline for a whole request.

httpx's timeouts are per read: a server that sends a byte a second holds a worker for ever. And a
name that passed a check can resolve to another address a moment later. Both are settled where
the socket is made: a name is resolved once, every address it has is checked, the connection goes
to a checked address (TLS still verifies the name), and each read gets what is left of the time.
The system's resolver cannot be interrupted, so it works in a thread that nobody waits for longer.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpcore
import httpx

from cdpwatch.http.errors import Refused, Unreachable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Python 3.11 calls these global: IETF protocol assignments, local NAT64, site-local.
NOT_PUBLIC = (
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("64:ff9b:1::/48"),
    ipaddress.ip_network("fec0::/10"),
)


def may_call(address: str, *, allow_loopback: bool) -> bool:
    """Whether a resolved address may be connected to.

    Public unicast always; loopback and private ones with `allow_loopback`; link-local ones, where
    cloud machines keep their credentials, never.
    """
    ip = _unwrap(ipaddress.ip_address(address))
    if ip.is_multicast or ip.is_link_local or ip.is_unspecified:
        return False
    if ip.is_global and not any(ip in network for network in NOT_PUBLIC):
        return True
    return allow_loopback and ip.is_private


def _unwrap(ip: Address) -> Address:
    """The IPv4 address that an IPv6 one carries (mapped, 6to4, NAT64), or the address itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


class Deadline:
    """Seconds left for the request under way; `restart` begins the next one."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self.restart()

    def restart(self) -> None:
        self._end = self._clock() + self.seconds

    def left(self) -> float:
        """Seconds left, always more than 0. Raises httpcore.ReadTimeout when there are none."""
        left = self._end - self._clock()
        if left <= 0:
            raise httpcore.ReadTimeout("deadline")
        return left


class DeadlineStream(httpcore.NetworkStream):
    """A connection whose every wait is what is left of the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        tls = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return DeadlineStream(tls, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to addresses that `may_call` lets through, and to no other.

    Raises Unreachable when the name is unknown and Refused when any of its addresses is not
    allowed; other failures are httpcore's.
    """

    def __init__(
        self,
        peer: str,
        deadline: Deadline,
        *,
        allow_loopback: bool,
        resolve: Callable[..., list[Any]] = socket.getaddrinfo,
    ) -> None:
        self._peer = peer
        self._resolve = resolve
        self._deadline = deadline
        self._allow_loopback = allow_loopback
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        for address in self._addresses(host, port):
            try:
                stream = self._sockets.connect_tcp(address, port, self._deadline.left())
            except httpcore.ConnectError as error:
                failure = error
            else:
                return DeadlineStream(stream, self._deadline)
        raise failure or Unreachable(f"{self._peer} has no address.")

    def _addresses(self, host: str, port: int) -> list[str]:
        found = self._resolved(host, port)
        addresses = [str(entry[4][0]) for entry in found]
        if not all(may_call(each, allow_loopback=self._allow_loopback) for each in addresses):
            raise Refused(
                f"{self._peer} is at a private or reserved address, which is not called"
                " (for a demo on this machine set CDPWATCH_ALLOW_LOOPBACK=1)."
            )
        return addresses

    def _resolved(self, host: str, port: int) -> list[Any]:
        answer: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answer.put(self._resolve(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError):  # UnicodeError: a label that is too long for DNS
                answer.put(None)

        threading.Thread(target=ask, name="resolver", daemon=True).start()
        try:
            found = answer.get(timeout=self._deadline.left())
        except queue.Empty:
            why = f"was not resolved (DNS) within {self._deadline.seconds:g} s"
            raise Unreachable(f"The name of {self._peer} {why}.") from None
        if found is None:
            raise Unreachable(f"The name of {self._peer} does not resolve (DNS).")
        return found


class GuardedTransport(httpx.HTTPTransport):
    """httpx's own transport on a CheckedBackend; each request gets `deadline` seconds in all.

    `ca_file`: authorities to trust besides the usual ones, as of a proxy that opens TLS.
    """

    def __init__(
        self, peer: str, *, deadline: float, allow_loopback: bool, ca_file: str = ""
    ) -> None:
        context = _trusting(ca_file, Path(ca_file).stat().st_mtime_ns if ca_file else 0)
        super().__init__(verify=context, trust_env=False)
        self._deadline = Deadline(deadline)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            network_backend=CheckedBackend(peer, self._deadline, allow_loopback=allow_loopback),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._deadline.restart()
        return super().handle_request(request)


# Reading the usual authorities costs more CPU than the rest of a small request, and each unit of
# work opens a client of its own.
@lru_cache(maxsize=8)
def _trusting(ca_file: str, changed: int) -> ssl.SSLContext:
    """The authorities to trust, read once a process and for each time `ca_file` was `changed`."""
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file:
        context.load_verify_locations(ca_file)
    return context
