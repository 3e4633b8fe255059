"""Real servers on loopback that answer as a test says, and our client pointed at them."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from cdpwatch.http import Api, ApiError, segment

Answering = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serve(answering: Answering, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server on loopback that answers each request with `answering`; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes

        def do_GET(self) -> None:
            answering(self)

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            """The client hangs up in these tests."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def client(url: str, **options: Any) -> Api:
    """One that tries once and gives up after five seconds or a megabyte, unless told otherwise."""
    usual = {"deadline": 5.0, "max_bytes": 2**20, "attempts": 1, **options}
    return segment(url, "sgp_test", allow_loopback=True, **usual)


def send(handler: BaseHTTPRequestHandler, body: bytes, *headers: tuple[str, str]) -> None:
    handler.send_response(200)
    for name, value in (*headers, ("Content-Length", str(len(body)))):
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def failing(url: str, **options: Any) -> ApiError:
    with client(url, **options) as api, pytest.raises(ApiError) as e:
        api.get("/sources")
    return e.value
