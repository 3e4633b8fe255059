"""Segment's client and the webhook over a fake transport: errors, retries, parsing."""

from __future__ import annotations

import gzip
import json
import pickle
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from cdpwatch.http import (
    ApiError,
    BadPayload,
    Fields,
    NotFound,
    RateLimited,
    Refused,
    Reply,
    ServerError,
    Unauthorized,
    Unreachable,
    post_json,
    segment,
    whole,
)
from cdpwatch.http.asker import wait_before_retry
from cdpwatch.http.status import parse_retry_after
from tests.answering import TOKEN, Script, client, failure, ok

HOOK = "https://hooks.slack.test/services/T1/B2/do-not-print-me"
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("no_waiting")

# The request


def test_it_gives_what_is_inside_data() -> None:
    with client(ok(workspace={"id": "w"})) as api:
        assert api.get("/") == {"workspace": {"id": "w"}}


def test_it_sends_the_token_in_the_header_alone() -> None:
    script = Script(ok())
    with client(script) as api:
        api.get("/sources", {"period": "2025-06-01"})
    (request,) = script.asked
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["accept"] == "application/json"
    assert str(request.url) == "https://api.segment.test/sources?period=2025-06-01"


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "schlüssel"])
def test_it_refuses_a_token_that_cannot_be_one(token: str) -> None:
    with pytest.raises(Unauthorized, match="holds characters"):
        segment("https://api.segment.test", token)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://api.segment.test", "not https on the usual port"),
        ("https://api.segment.test:8443", "not https on the usual port"),
        ("https://me:word@api.segment.test", "user name"),
        ("ftp://api.segment.test", "not an https"),
        ("api.segment.test", "not an https"),
        ("https://[::1", "not a URL"),
    ],
)
def test_it_refuses_a_base_url_that_we_do_not_call(url: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        segment(url, TOKEN)


# Failures


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Refused),
        (302, Refused),
        (400, Refused),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (409, Refused),
        (422, Refused),
    ],
)
def test_it_asks_once_where_asking_again_does_not_help(status: int, kind: type[ApiError]) -> None:
    script = Script(httpx.Response(status, headers={"location": "https://elsewhere.test/"}))
    with client(script) as api, pytest.raises(kind) as caught:
        api.get("/sources")
    assert type(caught.value) is kind
    assert caught.value.permanent
    assert caught.value.status == status
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (httpx.Response(429, headers={"retry-after": "1"}), RateLimited),
        (httpx.Response(500, text="<html>"), ServerError),
        (httpx.Response(503), ServerError),
        (httpx.ConnectError("no route"), Unreachable),
        (httpx.ReadTimeout("slow"), Unreachable),
        (httpx.RemoteProtocolError("cut"), Unreachable),
    ],
)
def test_it_retries_what_may_pass(fault: httpx.Response | Exception, kind: type[ApiError]) -> None:
    passing, lasting = Script(fault, fault, ok(a=1)), Script(fault)
    with client(passing) as api:
        assert api.get("/sources") == {"a": 1}
    with client(lasting) as api, pytest.raises(kind) as caught:
        api.get("/sources")
    assert not caught.value.permanent
    assert len(lasting.asked) == 4


def test_it_does_not_sleep_through_a_long_wait() -> None:
    script = Script(httpx.Response(429, headers={"retry-after": "41"}))
    with client(script) as api, pytest.raises(RateLimited) as caught:
        api.get("/sources")
    assert caught.value.retry_after == 41
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (RateLimited("", retry_after=5), 5, 6),
        (ServerError("", retry_after=20), 20, 21),
        (RateLimited("", retry_after=21), 0, 0),
        (RateLimited(""), 1, 1),
        (Refused("", retry_after=5), 0, 0),
        (KeyError(), 0, 0),
    ],
)
def test_it_waits_as_long_as_it_was_asked_to(error: Exception, least: float, most: float) -> None:
    """False (0) stops, True (1) backs off, a float is seconds."""
    assert least <= wait_before_retry(error) <= most


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 1),
        ("-30", 1),
        ("86400", 900),
        ("Sun, 01 Jun 2025 12:00:42 GMT", 42),
        ("Sun, 01 Jun 2025 12:00:42 -0000", 42),
        ("Sun, 01 Jun 2025 11:00:00 GMT", 1),
        ("", None),
        ("soon", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_it_reads_retry_after(header: str, seconds: float | None) -> None:
    assert parse_retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "milliseconds", "seconds"),
    [
        ({}, 41_250, 41.25),
        ({}, 1e300, 900),
        ({}, -5, 1),
        ({}, True, 30),
        ({}, "41250", 30),
        ({}, None, 30),
        ({"retry-after": "50"}, 41_250, 50),
        ({"retry-after": "soon"}, 41_250, 41.25),
    ],
)
def test_it_falls_back_to_the_wait_in_the_body(
    headers: dict[str, str], milliseconds: object, seconds: float | None
) -> None:
    body = {"errors": [{"data": {"msBeforeNext": milliseconds}}]}
    limited = httpx.Response(429, json=body, headers=headers)
    with client(limited, attempts=1) as api, pytest.raises(RateLimited) as caught:
        api.get("/sources")
    assert caught.value.retry_after == seconds


def test_it_tells_of_each_answer_that_asks_to_wait() -> None:
    waits: list[float] = []
    slow = [httpx.Response(429, headers={"retry-after": text}) for text in ("7", "-1", "86400")]
    with client(Script(*slow)) as api, pytest.raises(RateLimited):
        api.on_throttled = waits.append
        api.get("/things")
    assert waits == [7, 1, 900]


def test_it_passes_on_what_the_api_says_about_a_refusal() -> None:
    refusal = failure(422, message='"period" is required', field="period")
    with client(refusal) as api, pytest.raises(Refused) as caught:
        api.get("/usage/api-calls/daily")
    assert str(caught.value) == (
        'GET /usage/api-calls/daily was refused (422): "period" is required (field period).'
    )
    assert caught.value.field == "period"


@pytest.mark.parametrize("body", ["", "[]", '{"errors": 5}', '{"errors": []}', '{"errors": [5]}'])
def test_it_manages_without_a_reason(body: str) -> None:
    with client(httpx.Response(422, text=body)) as api, pytest.raises(Refused) as caught:
        api.get("/sources")
    assert str(caught.value) == "GET /sources was refused (422): no reason given."


def test_it_never_repeats_the_token_nor_control_characters() -> None:
    refusal = failure(422, message=f"bad\n\x1b[31m token {TOKEN}" + "x" * 5000)
    with client(refusal) as api, pytest.raises(Refused) as caught:
        api.get("/sources")
    said = str(caught.value)
    assert TOKEN not in said and said.isprintable() and len(said) < 300
    assert "bad [31m token [token]x" in said


def test_its_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(RateLimited("Wait.", retry_after=4.0, status=429)))
    assert (str(error), error.retry_after, error.status) == ("Wait.", 4.0, 429)


# Answers


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>Sign in to the airport</html>", "not JSON"),
        (b"", "answered 200 with nothing in it"),
        (b'{"data": {"sources": [{"id": "a"', "not JSON"),
        (b'{"data": {"count": NaN}}', "not JSON"),
        (b'{"data": {"count": -Infinity}}', "not JSON"),
        (b'{"data": {"count": ' + b"9" * 5000 + b"}}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"data": "\xff"}', "not JSON"),
        (b"[]", "not an object"),
        (b"{}", "without data"),
        (b'{"data": []}', "without data"),
        (b'{"errors": [{"message": "no such thing"}]}', "without data: no such thing"),
    ],
)
def test_it_refuses_an_answer_of_the_wrong_shape(body: bytes, why: str) -> None:
    script = Script(httpx.Response(200, content=body))
    with client(script) as api, pytest.raises(BadPayload, match=why):
        api.get("/sources")
    assert len(script.asked) == 1


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "text/plain", "image/\x1b[31mpng"])
def test_it_refuses_an_answer_that_says_it_is_not_json(kind: str) -> None:
    answer = httpx.Response(200, content=b'{"data": {}}', headers={"content-type": kind.encode()})
    with client(answer) as api, pytest.raises(BadPayload, match="instead of JSON: a proxy") as e:
        api.get("/sources")
    assert str(e.value).isprintable()


@pytest.mark.parametrize("kind", ["application/json", "application/vnd.segment.v1+json", None])
def test_it_takes_every_spelling_of_json(kind: str | None) -> None:
    headers = {"content-type": kind} if kind else {}
    with client(httpx.Response(200, content=b'{"data": {}}', headers=headers)) as api:
        assert api.get("/sources") == {}


def test_it_reads_a_compressed_answer() -> None:
    body = gzip.compress(json.dumps({"data": {"a": "b" * 1000}}).encode())
    answer = httpx.Response(
        200, stream=httpx.ByteStream(body), headers={"content-encoding": "gzip"}
    )
    with client(answer) as api:
        assert api.get("/") == {"a": "b" * 1000}


@pytest.mark.parametrize(
    ("body", "encoding", "why"),
    [
        (gzip.compress(b"x" * 4096), "gzip", "sent more than 0.000976562 MiB"),
        (b"x" * 4096, "identity", "sent more than"),
        (gzip.compress(b'{"data": {}}')[:-9], "gzip", "ends too early"),
        (b'{"data": {}}', "gzip", "cannot be read"),
        (gzip.compress(gzip.compress(b"x")), "gzip, gzip", "not asked for"),
        (b"x", "br", "not asked for"),
    ],
)
def test_it_refuses_a_body_that_it_cannot_read_in_bounds(
    body: bytes, encoding: str, why: str
) -> None:
    answer = httpx.Response(
        200, stream=httpx.ByteStream(body), headers={"content-encoding": encoding}
    )
    with client(answer, max_bytes=1024) as api, pytest.raises(BadPayload, match=why):
        api.get("/")


def test_it_inflates_no_more_than_the_cap() -> None:
    bomb = gzip.compress(bytes(2**26))
    answer = httpx.Response(
        200, stream=httpx.ByteStream(bomb), headers={"content-encoding": "gzip"}
    )
    with client(answer, max_bytes=2**20) as api:
        tracemalloc.start()
        with pytest.raises(BadPayload):
            api.get("/")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2**23  # bytes, of the 2**26 that it would inflate to


def test_it_goes_by_the_status_of_a_failure_whose_body_it_cannot_read() -> None:
    answer = httpx.Response(
        502, stream=httpx.ByteStream(b"<html>"), headers={"content-encoding": "br"}
    )
    with client(answer) as api, pytest.raises(ServerError, match="502"):
        api.get("/")


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), (12, 12), ("0012", 12), ("9" * 18, 10**18 - 1), (5.0, 5), (10**18 - 1, 10**18 - 1)],
)
def test_it_reads_a_count(value: object, count: int) -> None:
    assert whole(value) == count


@pytest.mark.parametrize(
    "value",
    [True, False, None, -1, -1.0, 1.5, 2.0**53, float("inf"), float("nan"), 10**18, [], {}, b"5"]
    + ["", " 12 ", "12\n", "1_000", "+5", "-5", "1e3", "12.0", "٣", "１２", "9" * 19],
)
def test_it_refuses_what_is_not_a_count(value: object) -> None:
    with pytest.raises(BadPayload, match=r"^A count is not a whole number\.$"):
        whole(value)


def test_it_reads_times_as_utc() -> None:
    row = Fields(
        {"a": "2025-06-01T01:00:00+02:00", "b": "2025-06-01", "c": "0001-01-01T00:00+02:00"}, "x"
    )
    assert row.instant("a") == datetime(2025, 5, 31, 23, tzinfo=UTC)
    assert row.instant("b") == datetime(2025, 6, 1, tzinfo=UTC)
    with pytest.raises(BadPayload, match=r"^x\.c is not an ISO 8601 time\.$"):
        row.instant("c")


# The webhook


def post(answer: httpx.Response | Exception, url: str = HOOK, **options: Any) -> Reply:
    options = {"allowed_hosts": {"hooks.slack.test"}, **options}
    return post_json(url, {"text": "hi"}, transport=httpx.MockTransport(Script(answer)), **options)


def test_it_posts_json_and_gives_back_the_reply() -> None:
    script = Script(httpx.Response(200, text="ok"))
    reply = post_json(
        HOOK, {"text": "hi"}, allowed_hosts=None, transport=httpx.MockTransport(script)
    )
    assert reply == Reply(200, "ok", None)
    (request,) = script.asked
    assert (request.method, str(request.url), json.loads(request.content)) == (
        "POST",
        HOOK,
        {"text": "hi"},
    )


def test_it_gives_back_a_refusal_with_the_wait_that_was_asked_for() -> None:
    limited = httpx.Response(429, text="rate_limited", headers={"retry-after": "30"})
    assert post(limited) == Reply(429, "rate_limited", 30)


def test_it_posts_once() -> None:
    script = Script(httpx.ReadTimeout("slow"))
    with pytest.raises(Unreachable):
        post_json(HOOK, {}, allowed_hosts=None, transport=httpx.MockTransport(script))
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("answer", "url"),
    [
        (httpx.ConnectError(f"cannot reach {HOOK}"), HOOK),
        (httpx.ReadTimeout(HOOK), HOOK),
        (httpx.Response(200, content=b"x" * 2**21), HOOK),
        (httpx.Response(200), HOOK.replace("hooks.slack.test", "evil.test")),
        (httpx.Response(200), HOOK.replace("https", "http")),
        (httpx.Response(200), HOOK.replace("hooks.", "do-not-print-me@hooks.")),
        (httpx.Response(200), "https://[do-not-print-me"),
        (httpx.Response(200), "do-not-print-me"),
    ],
)
def test_its_errors_never_hold_the_webhook_url(
    answer: httpx.Response | Exception, url: str
) -> None:
    with pytest.raises(ApiError) as caught:
        post(answer, url)
    assert "do-not-print-me" not in str(caught.value)
    assert caught.value.__cause__ is None
