"""The few HTTP values that every route shares: a request, a reply, and a refusal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """One request. Header names are lower case, `path` has no query and no trailing slash."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_json(self) -> bool:
        return self.headers.get("content-type", "").startswith("application/json")

    def fields(self) -> dict[str, str]:
        """The body's fields as text, sent as JSON or as a form. Raises Refused (422)."""
        if not self.is_json:
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        try:
            sent = json.loads(self.body)
        except ValueError as error:
            raise Refused(422, "the body is not JSON") from error
        if not isinstance(sent, dict):
            raise Refused(422, "the body is not a JSON object")
        return {name: _as_text(value) for name, value in sent.items()}


@dataclass(frozen=True)
class Reply:
    """What goes back."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, headers: Mapping[str, str]) -> Reply:
        return Reply(self.status, self.body, self.content_type, {**self.headers, **headers})


class Refused(Exception):
    """A request that Segment would refuse; `data` and `headers` go out with it."""

    def __init__(
        self,
        status: int,
        message: str,
        field: str = "",
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field
        self.data, self.headers = data, headers or {}


def as_json(payload: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(payload, separators=(",", ":")).encode(), JSON)


def as_text(text: str, status: int = 200) -> Reply:
    return Reply(status, text.encode(), TEXT)


def as_redirect(path: str) -> Reply:
    return Reply(HTTPStatus.SEE_OTHER, b"", TEXT, {"Location": path})


def as_error(refused: Refused) -> Reply:
    """The error envelope of the Public API: `{"errors": [{type, message, field?, data?}]}`."""
    error: dict[str, Any] = {"type": ERROR_TYPES.get(refused.status, "RequestError")}
    error["message"] = refused.message
    if refused.field:
        error["field"] = refused.field
    if refused.data is not None:
        error["data"] = dict(refused.data)
    return as_json({"errors": [error]}, refused.status).with_headers(refused.headers)


ERROR_TYPES = {401: "unauthorized", 404: "not-found", 422: "input-validation"}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)
