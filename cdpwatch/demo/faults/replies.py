"""Whole replies that take the place of the right one: statuses, pages, bodies that hurt."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache

from cdpwatch.demo.limits import too_many_requests
from cdpwatch.demo.web import HTML, Refused, Reply, as_error, as_json

Make = Callable[[float], Reply]  # seconds of the fault -> reply
PROXY_PAGE = b"<!doctype html><title>Sign in</title><h1>Sign in to the network</h1>"
OUT_OF_QUOTA = b"""{"error": {"code": 403, "message": "Quota exceeded", "errors": [
{"reason": "quotaExceeded", "message": "Quota exceeded: your project ran out of it"}]}}"""
MIB = 2**20
BOMB_MIB = 128
DIGITS = 5_000
DEEP = 100_000


def _status(status: int, message: str) -> Make:
    return lambda seconds: as_error(Refused(status, message))


def _limited(seconds: float) -> Reply:
    return as_error(too_many_requests(seconds))


def _limited_saying(retry_after: str) -> Make:
    """A 429 with this Retry-After header and no word in its body."""
    refused = Refused(429, "Too many requests", headers={"Retry-After": retry_after})
    return lambda seconds: as_error(refused)


def _limited_until(seconds: float) -> Reply:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return _limited_saying(format_datetime(moment, usegmt=True))(seconds)


def _limited_in_body(seconds: float) -> Reply:
    limited = too_many_requests(seconds)
    return as_error(Refused(429, limited.message, data=limited.data))


def _envelope(seconds: float) -> Reply:
    error = {"type": "internal", "message": "Something went wrong on our side"}
    return as_json({"errors": [error]})


def _fixed(status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> Make:
    sent: Mapping[str, str] = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda seconds: Reply(status, body, kind, sent)


def _bomb(seconds: float) -> Reply:
    return Reply(200, _packed(), headers={"Content-Encoding": "gzip"})


@cache
def _packed() -> bytes:
    gzip = zlib.compressobj(1, wbits=31)
    return b"".join(gzip.compress(b" " * MIB) for _ in range(BOMB_MIB)) + gzip.flush()


REPLIES: dict[str, tuple[str, Make]] = {
    "401": ("status 401", _status(401, "The token is missing, invalid or has no access")),
    "403": ("status 403", _status(403, "The token has no access to this resource")),
    "403-quota": (
        "status 403 as Google sends it when a quota of the day is used up",
        _fixed(403, OUT_OF_QUOTA),
    ),
    "404": ("status 404", _status(404, "No such resource")),
    "422": ("status 422", _status(422, "The request is not valid")),
    "429": ("status 429; asks to wait the given seconds, in header and body", _limited),
    "429-date": ("status 429; the wait is a date in the header", _limited_until),
    "429-body": ("status 429; the wait is in the body alone", _limited_in_body),
    "429-bare": ("status 429 that says no wait", _status(429, "Too many requests")),
    "429-zero": ("status 429; asks to wait 0 seconds", _limited_saying("0")),
    "429-negative": ("status 429; asks to wait -30 seconds", _limited_saying("-30")),
    "429-day": ("status 429; asks to wait 86,400 seconds", _limited_saying("86400")),
    "500": ("status 500", _status(500, "Something went wrong on our side")),
    "502": ("status 502 with a web page", _fixed(502, PROXY_PAGE, HTML)),
    "503": ("status 503", _status(503, "The service is unavailable")),
    "html": (
        "status 200 with a web page, as from a hotel's network",
        _fixed(200, PROXY_PAGE, HTML),
    ),
    "html-json": ("the same page, announced as JSON", _fixed(200, PROXY_PAGE)),
    "empty": ("status 200 with nothing", _fixed(200)),
    "no-content": ("status 204", _fixed(204)),
    "redirect": ("a redirect to another address", _fixed(302, Location="/_demo/state.json")),
    "error-200": ("status 200 with Segment's error envelope", _envelope),
    "list": ("status 200 with a JSON list", _fixed(200, b"[]")),
    "null-data": ("status 200 with `data` null", _fixed(200, b'{"data":null}')),
    "bomb": (f"a gzip body of kilobytes that inflates to {BOMB_MIB} MiB", _bomb),
    "digits": ("a number of 5,000 digits", _fixed(200, b'{"data":{"n":' + b"9" * DIGITS + b"}}")),
    "nesting": ("JSON nested 100,000 deep", _fixed(200, b"[" * DEEP + b"]" * DEEP)),
}
