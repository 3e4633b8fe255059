"""Google's client against real servers on loopback, which misbehave."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from cdpwatch.http import ApiError, BadPayload, Refused, Unreachable
from cdpwatch.http.exchange import MIB
from cdpwatch.warehouse import Meter, settings_of, warehouse
from cdpwatch.warehouse.errors import told
from cdpwatch.warehouse.session import session
from tests.factories import NOW
from tests.loopback import send, serve

Answering = Callable[[BaseHTTPRequestHandler], None]
DATASET = b'{"datasetReference": {"projectId": "p", "datasetId": "ds"}, "location": "EU"}'
JSON = ("Content-Type", "application/json")


def failing(answering: Answering, **bounds: Any) -> ApiError:
    """How a dataset is told of by a server that answers so; one try, of half a second."""
    asking = {"deadline": 0.5, "max_bytes": MIB, "allow_loopback": True, **bounds}
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    ours = session(credentials, sign_in=True, **asking)
    with serve(answering) as url:
        options = {"api_endpoint": url}
        client = bigquery.Client("p", credentials, ours, client_options=options)
        with pytest.raises(ApiError) as failure, told(NOW):
            client.get_dataset("p.ds", retry=DEFAULT_RETRY.with_timeout(0))
        client.close()  # type: ignore[no-untyped-call]
    return failure.value


def drip(handler: BaseHTTPRequestHandler, data: bytes) -> None:
    handler.close_connection = True
    for byte in data:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.05)


def test_it_reads_a_compressed_answer() -> None:
    packed = gzip.compress(DATASET)
    with (
        serve(lambda h: send(h, packed, JSON, ("Content-Encoding", "gzip"))) as url,
        warehouse(
            settings_of({"project": "demo-project"}),
            Meter(lambda: 0, lambda note: None),
            NOW,
            url=url,
            allow_loopback=True,
        ) as opened,
    ):
        assert opened.location("demo-project.ds") == "EU"


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n"]
)
def test_it_cuts_off_a_drip_at_the_deadline(head: bytes) -> None:
    def answering(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        drip(handler, b" " * 400)

    error = failing(answering)
    assert isinstance(error, Unreachable)
    assert str(error) == "BigQuery did not answer in full within 0.5 s."


def test_it_stops_inflating_at_the_cap() -> None:
    bomb = gzip.compress(bytes(2**26))
    error = failing(lambda h: send(h, bomb, JSON, ("Content-Encoding", "gzip")), deadline=5.0)
    assert isinstance(error, BadPayload)
    assert str(error) == "BigQuery sent more than 1 MiB."


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_it_follows_no_redirect(status: int) -> None:
    met: list[str] = []

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        met.append(handler.path)
        send(handler, DATASET, JSON)

    with serve(elsewhere) as other:

        def answering(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            handler.send_header("Location", f"{other}/elsewhere")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        error = failing(answering)
    assert isinstance(error, Refused) and "which is not followed" in str(error)
    assert not met


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"<html>sign in", "text/html", "answered with text/html instead of JSON"),
        (b"<html>sign in", "application/json", "not JSON"),
        (DATASET[:40], "application/json", "not JSON"),
        (b"", "application/json", "answered 200 with nothing in it"),
    ],
)
def test_it_takes_nothing_that_is_not_whole_json(body: bytes, kind: str, said: str) -> None:
    error = failing(lambda h: send(h, body, ("Content-Type", kind)))
    assert isinstance(error, BadPayload) and said in str(error)


def test_it_takes_an_answer_cut_off_in_the_middle_as_transient() -> None:
    def answering(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{"id": ')

    error = failing(answering)
    assert isinstance(error, Unreachable) and "broke off its answer" in str(error)


def test_it_connects_to_no_private_address() -> None:
    met: list[str] = []
    error = failing(lambda h: met.append(h.path), allow_loopback=False)
    assert isinstance(error, Refused) and "private or reserved address" in str(error)
    assert not met


def test_it_signs_in_within_the_same_bounds() -> None:
    """What fetches a token is another session; it is held to the same."""
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    ours = session(credentials, sign_in=True, allow_loopback=False)
    with (
        serve(lambda h: send(h, b"{}", JSON)) as url,
        pytest.raises(Refused, match="Google's sign-in is at a private or reserved address"),
    ):
        ours._auth_request(url, "POST", b"assertion=x")
    ours._auth_request.session.close()
    ours.close()  # type: ignore[no-untyped-call]


def test_it_tries_again_what_may_pass() -> None:
    """Google's client knows nothing of our errors: what may pass comes as one of those it knows."""
    ours = session(None, sign_in=True, allow_loopback=True, deadline=0.5)
    with pytest.raises(requests.ConnectionError) as failure:
        requests.Session.request(ours, "GET", "http://127.0.0.1:9/")
    assert isinstance(failure.value.args[0], Unreachable)
    ours._auth_request.session.close()
    ours.close()  # type: ignore[no-untyped-call]
