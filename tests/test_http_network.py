"""The network layer against real servers on loopback, which misbehave."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from cdpwatch.http import BadPayload, Refused, Unreachable, post_json, segment
from cdpwatch.http.network import CheckedBackend, Deadline, may_call
from tests.loopback import client, failing, send, serve


def drip(handler: BaseHTTPRequestHandler, data: bytes) -> None:
    handler.close_connection = True
    for byte in data:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.05)


def test_it_gives_each_request_over_one_connection_the_whole_deadline() -> None:
    ports: set[int] = set()

    def answering(handler: BaseHTTPRequestHandler) -> None:
        ports.add(handler.client_address[1])
        time.sleep(0.3)
        send(handler, b'{"data": {}}')

    with serve(answering) as url, client(url, deadline=0.5) as api:
        assert [api.get("/") for _ in range(3)] == [{}, {}, {}]
    assert len(ports) == 1


def test_it_cuts_off_dripping_headers_at_the_deadline() -> None:
    with serve(lambda h: drip(h, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 400)) as url:
        error = failing(url, deadline=0.5)
    assert isinstance(error, Unreachable)
    assert "did not answer in full within 0.5 s" in str(error)


def test_it_cuts_off_a_dripping_body_at_the_deadline() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n"

    def answering(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        drip(handler, b" " * 400)

    with serve(answering) as url:
        error = failing(url, deadline=0.5)
    assert isinstance(error, Unreachable)
    assert "did not answer in full within 0.5 s" in str(error)


def test_it_cuts_off_a_webhook_at_the_deadline() -> None:
    slow = serve(lambda h: drip(h, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 400))
    with slow as url, pytest.raises(Unreachable, match="the webhook did not answer in full"):
        post_json(f"{url}/T/B/x", {}, allow_loopback=True, allowed_hosts=None, deadline=0.5)


def test_it_stops_inflating_at_the_cap() -> None:
    bomb = gzip.compress(bytes(2**26))
    with serve(lambda h: send(h, bomb, ("Content-Encoding", "gzip"))) as url:
        error = failing(url, max_bytes=2**20)
    assert isinstance(error, BadPayload)
    assert "sent more than 1 MiB" in str(error)


def test_it_takes_an_answer_cut_off_in_the_middle_as_transient() -> None:
    def answering(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{"data": {')

    with serve(answering) as url:
        error = failing(url)
    assert isinstance(error, Unreachable)
    assert "broke off its answer" in str(error)


def test_it_does_not_follow_a_redirect() -> None:
    reached: list[str] = []
    with serve(lambda h: reached.append(h.path)) as other:

        def answering(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(302)
            handler.send_header("Location", f"{other}/stolen")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with serve(answering) as url:
            error = failing(url)
    assert isinstance(error, Refused)
    assert "redirect (302), which is not followed" in str(error)
    assert reached == []


def test_it_waits_for_a_slow_resolver_no_longer_than_the_deadline() -> None:
    done = threading.Event()

    def resolve(host: str, port: int, **options: object) -> list[object]:
        done.wait(10)
        return []

    asked = CheckedBackend("it", Deadline(0.05), allow_loopback=True, resolve=resolve)
    with pytest.raises(Unreachable, match=r"was not resolved \(DNS\) within 0\.05 s"):
        asked.connect_tcp("slow.test", 443)
    done.set()


def test_it_says_that_a_connection_was_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = failing(f"http://127.0.0.1:{port}")
    assert isinstance(error, Unreachable)
    assert str(error) == "127.0.0.1 refused the connection."


def test_it_says_that_a_name_does_not_resolve() -> None:
    error = failing("https://segment.invalid")
    assert isinstance(error, Unreachable)
    assert str(error) == "The name of segment.invalid does not resolve (DNS)."


HERE = ("127.0.0.1", "localhost", "127.1", "2130706433", "[::1]", "10.0.0.1")


@pytest.mark.parametrize("host", HERE)
def test_it_calls_no_private_address_unless_it_may(host: str) -> None:
    with (
        segment(f"https://{host}", "sgp_test", attempts=1) as api,
        pytest.raises(Refused, match="private or reserved address"),
    ):
        api.get("/sources")


def test_it_posts_to_no_private_address_unless_it_may() -> None:
    with pytest.raises(Refused, match="the webhook is at a private or reserved address"):
        post_json("https://127.0.0.1/T/B/x", {}, allowed_hosts=None)


def backend(*addresses: str, allow_loopback: bool) -> CheckedBackend:
    """One whose resolver knows every name under the same addresses."""

    def resolve(host: str, port: int, **options: object) -> list[object]:
        return [(None, None, None, "", (address, port)) for address in addresses]

    return CheckedBackend("it", Deadline(5), allow_loopback=allow_loopback, resolve=resolve)


@pytest.mark.parametrize("addresses", [("8.8.8.8", "127.0.0.1"), ("127.0.0.1", "8.8.8.8")])
def test_it_checks_every_address_of_a_name(addresses: tuple[str, str]) -> None:
    with pytest.raises(Refused):
        backend(*addresses, allow_loopback=False).connect_tcp("two.test", 443)


def test_it_goes_on_to_the_next_address_of_a_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connected = backend("::1", "127.0.0.1", allow_loopback=True)
        stream = connected.connect_tcp("two.test", port)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
        stream.close()


PUBLIC = ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::")
LOCAL = ("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "::1", "fd00::1")
LOCAL_WRAPPED = ("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:10.0.0.1")
NEVER = ("169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1")
RESERVED = ("ff02::1", "100.64.0.1", "192.0.0.8", "fec0::1", "64:ff9b:1::1")


@pytest.mark.parametrize("address", PUBLIC)
def test_it_may_call_public_addresses(address: str) -> None:
    assert may_call(address, allow_loopback=False)


@pytest.mark.parametrize("address", LOCAL + LOCAL_WRAPPED)
def test_it_may_call_local_addresses_only_when_told(address: str) -> None:
    assert not may_call(address, allow_loopback=False)
    assert may_call(address, allow_loopback=True)


@pytest.mark.parametrize("address", NEVER + RESERVED)
def test_it_may_never_call_reserved_addresses(address: str) -> None:
    assert not may_call(address, allow_loopback=False)
    assert not may_call(address, allow_loopback=True)
