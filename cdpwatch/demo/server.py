"""The HTTP server of the demo workspace: one thread a request, on loopback only."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from cdpwatch.demo import api, control, faults, intake, slack, vendors
from cdpwatch.demo.limits import PER_MINUTE, Limits
from cdpwatch.demo.page import SECURITY_HEADERS
from cdpwatch.demo.state import DEFAULT_TOKEN, Demo, utc_now
from cdpwatch.demo.store import Fault, Store
from cdpwatch.demo.web import Reply, Request, as_text

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_BODY = 1_000_000  # bytes
IDLE_SECONDS = 65


def answer(demo: Demo, request: Request) -> Reply:
    """The reply to any request, faults aside."""
    if _is_below("/_demo", request.path):
        return control.answer(demo, request).with_headers(SECURITY_HEADERS)
    if _is_below("/slack", request.path):
        return slack.answer(demo, request).with_headers(SECURITY_HEADERS)
    if _is_below(intake.ROOT, request.path):
        return intake.answer(demo, request)
    if _is_below(vendors.ROOT, request.path):
        return vendors.answer(demo, request)
    return api.answer(demo, request)


@contextmanager
def running(
    port: int = 0,
    data_dir: Path | None = None,
    token: str = DEFAULT_TOKEN,
    clock: Callable[[], datetime] = utc_now,
    per_minute: Mapping[str, int] = PER_MINUTE,
) -> Iterator[str]:
    """A listening demo workspace; gives its URL. Port 0 takes a free one. Raises OSError."""
    store = Store(data_dir, clock())
    demo = Demo(store, clock, token, Limits(per_minute))
    server = DemoServer(demo, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.url
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
        store.close()


def serve(
    port: int = 8010,
    data_dir: Path | None = None,
    port_file: Path | None = None,
    token: str = DEFAULT_TOKEN,
) -> None:
    """Serve until SIGTERM or SIGINT. The URL goes to `port_file` once the port listens, and what
    connects the vendors to `demo-vendors.json` beside it."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with running(port, data_dir, token) as url:
        if port_file:
            connects = vendors.at_first(f"{url}{vendors.ROOT}")
            _write_whole(port_file.with_name("demo-vendors.json"), json.dumps(connects))
            _write_whole(port_file, url)
        _say(f"Segment API    {url}    token {token}")
        _say(f"Tracking API   {url}{intake.ROOT}/batch    write keys on the control page")
        _say(f"Control page   {url}/_demo")
        _say(f"Vendors        {url}{vendors.ROOT}    lists what connects them")
        _say(f"To paste       {vendors.TO_PASTE}, on the Connect page; it is listed there too")
        _say(f"Slack webhook  {url}{slack.HOOK_PATH}    messages {url}/slack")
        stop.wait()


class DemoServer(ThreadingHTTPServer):
    """Holds what the request threads share."""

    def __init__(self, demo: Demo, port: int) -> None:
        self.demo = demo
        self.stopping = threading.Event()
        super().__init__((HOST, port), DemoHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exception(), ConnectionError):
            logger.debug("demo: the client went away")
        else:
            logger.exception("demo: a request failed")

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}"


class DemoHandler(BaseHTTPRequestHandler):
    """One connection: reads requests, lets faults have their way, sends replies."""

    protocol_version = "HTTP/1.1"
    server_version = "demo"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True  # head and body go out apart: Nagle would hold the body back

    @property
    def _server(self) -> DemoServer:
        return cast(DemoServer, self.server)

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def do_PATCH(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def _handle(self) -> None:
        demo = self._server.demo
        try:
            request = self._read()
            if request is None:
                return
            fault = _fault(demo, request.path)
            reply = faults.reply_to(fault, request, partial(answer, demo, request))
            faults.send(self, reply, fault)
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the client went away

    def _read(self) -> Request | None:
        """The request, or None when its body was refused."""
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY:
            faults.send(self, as_text("the body is too large", 413), None)
            self.hang_up()
            return None
        target = urlsplit(self.path)
        return Request(
            method=self.command,
            path=target.path.rstrip("/") or "/",
            query=target.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
        )

    def send_head(self, reply: Reply, length: int | None = None) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body) if length is None else length))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_body(self, part: bytes) -> None:
        self.wfile.write(part)
        self.wfile.flush()

    def wait(self, seconds: float) -> None:
        self._server.stopping.wait(seconds)

    def hang_up(self) -> None:
        self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header tells the demo's own clock: a vendor's days are counted back from it."""
        return super().date_time_string(self._server.demo.clock().timestamp())

    def log_message(self, format: str, *args: object) -> None:
        logger.debug("demo " + format, *args)


def _fault(demo: Demo, path: str) -> Fault | None:
    return None if _is_below("/_demo", path) else demo.store.take_fault(path)


def _is_below(root: str, path: str) -> bool:
    return path == root or path.startswith(f"{root}/")


def _say(text: str) -> None:
    print(text, flush=True)  # at once, also into a pipe


def _write_whole(path: Path, text: str) -> None:
    """Whoever waits for the file never reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)
