"""The web server: slow clients hold nobody up, and a stop lets requests in hand finish."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from cdpwatch import web
from cdpwatch.machine import free_port

SLOW_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
SLOW_BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nslow"
# Reads the body before it answers, as Django does to check a form's token.
APP = """
import sys, time
from cdpwatch import web

def app(environ, start_response):
    environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/slow":
        print("in hand", flush=True)
        time.sleep(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ.get("HTTP_X_FORWARDED_FOR", "").encode()]

web.run(app, "127.0.0.1", int(sys.argv[1]))
"""
Server = tuple[str, "subprocess.Popen[str]"]


@pytest.fixture
def server() -> Iterator[Server]:
    port = free_port(0)
    command = [sys.executable, "-c", APP, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        transport = httpx.HTTPTransport(retries=9)  # until it listens
        with httpx.Client(transport=transport) as client:
            client.get(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}", process
        process.kill()


@pytest.mark.parametrize("start", [SLOW_HEAD, SLOW_BODY], ids=["head", "body"])
def test_it_answers_while_more_slow_clients_than_threads_wait(server: Server, start: bytes) -> None:
    address = ("127.0.0.1", httpx.URL(server[0]).port or 0)
    slow = [socket.create_connection(address) for _ in range(5 * int(web.OPTIONS["threads"]))]
    for client in slow:
        client.sendall(start)
    assert httpx.get(server[0], timeout=10).status_code == 200
    for client in slow:
        client.close()


def test_it_answers_what_it_has_in_hand_before_it_stops(server: Server) -> None:
    url, process = server
    with socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0)) as client:
        client.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
        assert process.stdout and process.stdout.readline() == "in hand\n"
        process.send_signal(signal.SIGTERM)
        assert client.recv(100).startswith(b"HTTP/1.0 200 OK")
    assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"X-Long": "x" * (web.LARGEST_HEAD + 1)}, b"", 431),
        ({}, b"x" * (web.LARGEST_BODY + 1), 413),
        ({}, iter([b"in ", b"pieces"]), 200),
    ],
    ids=["a head too long", "a body too long", "a chunked body"],
)
def test_it_bounds_what_it_is_sent(
    server: Server, headers: dict[str, str], body: bytes | Iterator[bytes], status: int
) -> None:
    assert httpx.post(server[0], headers=headers, content=body).status_code == status


def test_it_leaves_what_a_proxy_says_to_the_pages(server: Server) -> None:
    answer = httpx.get(server[0], headers={"X-Forwarded-For": "203.0.113.9"})
    assert answer.text == "203.0.113.9"
    assert "server" not in answer.headers
