"""The Tracking API: takes in what Segment's own client libraries send, and counts it.

As the real one it answers 200 to nearly everything, a wrong write key and a message without a user
included; 400 is for bodies that are not JSON or too large (HTTP API, "Errors", "Max request size").
A message counts in the minute in which it arrives. A message id counts once in 24 hours.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from cdpwatch.demo import messages, world
from cdpwatch.demo.messages import Message
from cdpwatch.demo.state import Demo
from cdpwatch.demo.web import Refused, Reply, Request, as_json

ROOT = "/v1"
MAX_MESSAGE, MAX_BATCH = 32 * 1024, 500 * 1024  # bytes
MAX_MESSAGES = 2_500  # of one batch; of more, none is taken
BATCHES = ("batch", "b", "import")
SHORT = {kind[0]: kind for kind in messages.CALL_TYPES}
SINGLES = {**SHORT, **{kind: kind for kind in messages.CALL_TYPES}}
GZIP = 16 + zlib.MAX_WBITS


def answer(demo: Demo, request: Request) -> Reply:
    """The reply to any request below /v1."""
    try:
        found = _messages(request)
    except Refused as refused:
        return as_json({"success": False, "message": refused.message}, refused.status)
    except RecursionError:
        return as_json({"success": False, "message": "malformed JSON"}, 400)
    demo.store.take(found, demo.clock())
    return as_json({"success": True})


def _messages(request: Request) -> list[Message]:
    """Raises Refused (400, 404)."""
    name = request.path.removeprefix(f"{ROOT}/")
    if request.method != "POST" or name not in (*BATCHES, *SINGLES):
        raise Refused(404, "Not found")
    body = _body(request)
    sent = _batch(body) if name in BATCHES else [_single(body, SINGLES[name])]
    source, refusal = _source(_basic_key(request) or body.get("writeKey"))
    if len(sent) > MAX_MESSAGES:
        return [Message(source, "", "", refusal or messages.BAD_REQUEST)] * len(sent)
    return [messages.read(source, refusal, message) for message in sent]


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(_inflated(request))
    except ValueError as error:
        raise Refused(400, "malformed JSON") from error
    if not isinstance(body, dict):
        raise Refused(400, "malformed JSON")
    return body


def _inflated(request: Request) -> bytes:
    body = request.body
    if request.headers.get("content-encoding", "").lower() == "gzip":
        try:
            body = zlib.decompressobj(GZIP).decompress(body, MAX_BATCH + 1)
        except zlib.error as error:
            raise Refused(400, "malformed gzip") from error
    if len(body) > MAX_BATCH:
        raise Refused(400, "Exceeded payload limit of 500KB")
    return body


def _batch(body: dict[str, Any]) -> list[object]:
    sent = body.get("batch")
    if not isinstance(sent, list):
        raise Refused(400, '"batch" must be an array')
    for message in sent:
        _check_size(message)
    return sent


def _single(body: dict[str, Any], kind: str) -> dict[str, Any]:
    _check_size(body)
    return {**body, "type": kind}


def _check_size(message: object) -> None:
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_MESSAGE:
        raise Refused(400, "Exceeded payload limit of 32KB")


def _basic_key(request: Request) -> str:
    """The user of basic authentication is the write key; "" without one."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value).decode().partition(":")[0]
    except ValueError:
        return ""


def _source(write_key: object) -> tuple[str, str]:
    """Slug of the source that has the write key, and why it takes nothing, if so."""
    source = world.SOURCE_BY_WRITE_KEY.get(write_key) if isinstance(write_key, str) else None
    if source is None:
        return "", messages.UNKNOWN_SOURCE
    return source.slug, messages.ACCEPTED if source.enabled else messages.SOURCE_DISABLED
