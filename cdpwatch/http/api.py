"""Segment's Public API: the bearer token, the `{"data": ...}` envelope, retries and paging."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import httpx
import stamina

from cdpwatch.http.errors import ApiError, BadPayload, Refused, Unauthorized
from cdpwatch.http.exchange import MIB, check_url, make_client, send
from cdpwatch.http.payload import Fields, parse_object
from cdpwatch.http.status import error_for, server_said

Params = Mapping[str, str | int]

LONGEST_SLEEP = 20.0  # seconds; a longer wait is the scheduler's, not a sleeping worker's
SMALLER_COUNT = 200  # rows a page that older deployments take at most


def segment(
    base_url: str,
    token: str,
    *,
    allow_loopback: bool = False,
    transport: httpx.BaseTransport | None = None,
    deadline: float = 30.0,
    max_bytes: int = 64 * MIB,
    attempts: int = 4,
) -> Api:
    """A client of one workspace's Public API, to be used with `with`.

    `deadline` (seconds) and `max_bytes` (after inflation) are for each request; `attempts` is how
    often a request is tried at most. `transport` takes the network's place in tests.
    Raises Refused for a base URL that we do not call, Unauthorized for a token that cannot be one.
    """
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Unauthorized("The Segment token is empty or holds characters that no token has.")
    url = check_url(base_url, "the Segment API", allow_loopback=allow_loopback)
    client = make_client(
        url,
        url.host,
        allow_loopback=allow_loopback,
        deadline=deadline,
        transport=transport,
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
    )
    return Api(client, token, deadline=deadline, max_bytes=max_bytes, attempts=attempts)


class Api:
    """Asks one thing at a time; not to be shared between threads. Made by `segment`."""

    def __init__(
        self,
        client: httpx.Client,
        token: str,
        *,
        deadline: float,
        max_bytes: int,
        attempts: int,
    ) -> None:
        self._client = client
        self._token = token
        self.before_each: Callable[[], object] = lambda: None  # called before every request
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._largest_count = 1000
        self._retrying = stamina.RetryingCaller(
            attempts=attempts, timeout=60.0, wait_initial=0.5, wait_max=8.0, wait_jitter=1.0
        ).on(wait_before_retry)

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """What is inside `data` of the answer to `GET path`. Raises ApiError."""
        return self._retrying(self._ask, path, params or {})

    def pages(
        self,
        path: str,
        params: Params | None = None,
        *,
        key: str,
        count: int = 1000,
        max_pages: int = 1000,
    ) -> Iterator[list[dict[str, Any]]]:
        """The list at `data[key]`, page by page, `count` rows each where the server allows it.

        Raises BadPayload for a cursor that comes back and for a list longer than `max_pages`.
        """
        seen: set[str] = set()
        cursor = ""
        for _ in range(max_pages):
            data = Fields(self._page(path, params or {}, count, cursor), f"GET {path}: data")
            yield [row.row for row in data.parts(key)]
            cursor = data.part("pagination").text("next", "") if data.has("pagination") else ""
            if not cursor:
                return
            if cursor in seen:
                raise BadPayload(f"GET {path} gave the same page cursor twice.")
            seen.add(cursor)
        raise BadPayload(f"GET {path} has more than {max_pages} pages.")

    def rows(self, path: str, params: Params | None = None, *, key: str) -> Iterator[Fields]:
        """The rows of all pages, each able to say where a wrong field is."""
        for page in self.pages(path, params, key=key):
            for position, row in enumerate(page):
                yield Fields(row, f"GET {path}: {key}[{position}]")

    def _page(self, path: str, params: Params, count: int, cursor: str) -> dict[str, Any]:
        count = min(count, self._largest_count)
        paged = {**params, "pagination.count": count}
        if cursor:
            return self.get(path, {**paged, "pagination.cursor": cursor})
        try:
            return self.get(path, paged)
        except Refused as error:
            if count <= SMALLER_COUNT or not _is_about_count(error):
                raise
        self._largest_count = SMALLER_COUNT
        return self.get(path, {**paged, "pagination.count": SMALLER_COUNT})

    def _ask(self, path: str, params: Params) -> dict[str, Any]:
        self.before_each()
        answer = send(
            self._client,
            self._client.build_request("GET", path, params=params),
            peer=self._client.base_url.host,
            deadline=self._deadline,
            max_bytes=self._max_bytes,
        )
        where = f"GET {path}"
        if not 200 <= answer.status < 300:
            raise error_for(answer, where, self._token, datetime.now(UTC))
        envelope = parse_object(answer.body, where)
        data = envelope.get("data")
        if isinstance(data, dict):
            return data
        said, _ = server_said(envelope, self._token)
        raise BadPayload(f"{where} answered {answer.status} without data: {said}")


def wait_before_retry(error: Exception) -> bool | float:
    """Stamina's hook: False stops, True backs off exponentially, a number is seconds to wait."""
    if not isinstance(error, ApiError) or error.permanent:
        return False
    if error.retry_after is None:
        return True
    if error.retry_after > LONGEST_SLEEP:
        return False
    return error.retry_after + random.random()  # so that two workers do not come back together


def _is_about_count(error: Refused) -> bool:
    about = f"{error.field} {error}"
    return error.status == 422 and ("count" in about or "pagination" in about)
