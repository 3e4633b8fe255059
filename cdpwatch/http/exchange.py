"""One request and its answer: sent once, read up to a cap, failures turned into the error tree."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import httpx

from cdpwatch.http.errors import ApiError, BadPayload, Refused, Unreachable
from cdpwatch.http.network import GuardedTransport

MIB = 2**20


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read whole."""

    status: int
    headers: Mapping[str, str]  # case-insensitive
    body: bytes


def check_url(url: str, peer: str, *, allow_loopback: bool) -> httpx.URL:
    """The URL, parsed. Raises Refused unless it is https on port 443 without credentials.

    With `allow_loopback` http and other ports pass as well.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise Refused(f"The address of {peer} is not a URL.") from None
    if parsed.scheme not in ("https", "http") or not parsed.host:
        raise Refused(f"The address of {peer} is not an https:// URL.")
    if parsed.userinfo:
        raise Refused(f"The address of {peer} holds a user name or password: not called.")
    if not allow_loopback and (parsed.scheme != "https" or parsed.port is not None):
        raise Refused(f"The address of {peer} is not https on the usual port: not called.")
    return parsed


def make_client(
    url: httpx.URL,
    peer: str,
    *,
    allow_loopback: bool,
    deadline: float,
    transport: httpx.BaseTransport | None,
    headers: Mapping[str, str] | None = None,
    ca_file: str = "",
) -> httpx.Client:
    """A client for one checked URL: no redirects, no proxies or credentials from the environment.

    `peer` is what messages call the other side; `ca_file` holds authorities to trust besides the
    usual ones. Raises Refused when it cannot be read.
    """
    try:
        network = transport or GuardedTransport(
            peer, deadline=deadline, allow_loopback=allow_loopback, ca_file=ca_file
        )
    except OSError:  # ssl.SSLError is one
        raise Refused(f"The certificates to trust {peer} by cannot be read.") from None
    return httpx.Client(
        base_url=url,
        headers={"Accept-Encoding": "gzip", **(headers or {})},
        transport=network,
        timeout=deadline,
        follow_redirects=False,
        trust_env=False,
    )


def send(
    client: httpx.Client, request: httpx.Request, *, peer: str, deadline: float, max_bytes: int
) -> Answer:
    """Send once and read the answer whole, whatever its status.

    Raises Unreachable when no whole answer came, Refused when the address may not be called,
    BadPayload when the inflated body of a success is longer than `max_bytes` or unreadable.
    """
    # "from None": the causes hold the request, and with it the token or the webhook's URL.
    try:
        response = client.send(request, stream=True)
        try:
            return _answer(response, peer, max_bytes)
        finally:
            response.close()
    except httpx.TimeoutException:
        raise Unreachable(f"{peer} did not answer in full within {deadline:g} s.") from None
    except httpx.TransportError as error:
        raise _unreachable(error, peer) from None


def _unreachable(error: httpx.TransportError, peer: str) -> ApiError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unreachable(f"The TLS certificate of {peer} fails: {cause.verify_message}.")
        if isinstance(cause, ssl.SSLError):
            return Unreachable(f"{peer} does not speak TLS as expected.")
        if isinstance(cause, ConnectionRefusedError):
            return Unreachable(f"{peer} refused the connection.")
        cause = cause.__cause__ or cause.__context__  # httpcore re-raises "from None"
    if isinstance(error, httpx.ConnectError):
        return Unreachable(f"{peer} could not be connected to.")
    return Unreachable(f"{peer} broke off its answer.")


def _answer(response: httpx.Response, peer: str, max_bytes: int) -> Answer:
    try:
        body = _read(response, peer, max_bytes)
    except BadPayload:
        if response.is_success:
            raise
        body = b""  # the status of a failure says more than its body
    return Answer(response.status_code, response.headers, body)


def _read(response: httpx.Response, peer: str, max_bytes: int) -> bytes:
    """The body, inflated here and not by httpx, whose decoders have no limit on what comes out."""
    assert isinstance(response.stream, httpx.SyncByteStream)
    encoding = response.headers.get("content-encoding", "").lower()
    body = bytearray()
    for piece in _pieces(response.stream, encoding, peer):
        body += piece
        if len(body) > max_bytes:
            raise BadPayload(f"{peer} sent more than {max_bytes / MIB:g} MiB.")
    return bytes(body)


def _pieces(chunks: Iterable[bytes], encoding: str, peer: str) -> Iterable[bytes]:
    if encoding in ("", "identity"):
        return chunks
    if encoding in ("gzip", "x-gzip"):
        return _inflated(chunks, peer)
    raise BadPayload(f"{peer} answered in an encoding that was not asked for.")


def _inflated(chunks: Iterable[bytes], peer: str) -> Iterator[bytes]:
    """A megabyte at a time: one chunk of a bomb may hold a thousand times its size."""
    gzip = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            while chunk:
                yield gzip.decompress(chunk, MIB)
                chunk = gzip.unconsumed_tail
        yield gzip.flush()
    except zlib.error:
        raise BadPayload(f"{peer} sent a compressed body that cannot be read.") from None
    if not gzip.eof:
        raise BadPayload(f"{peer} sent a compressed body that ends too early.")
