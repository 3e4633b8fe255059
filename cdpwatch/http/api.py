"""Segment's Public API: the bearer token, the `{"data": ...}` envelope, retries and paging."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TypeVar

import httpx
import stamina

from cdpwatch.http.errors import (
    ApiError,
    BadPayload,
    NoRowTaken,
    RateLimited,
    Refused,
    Unauthorized,
)
from cdpwatch.http.exchange import MIB, check_url, make_client, send
from cdpwatch.http.paging import ListMoved, whole_list
from cdpwatch.http.payload import Fields, fields_of, parse_object
from cdpwatch.http.sample import reason_of, sample_of
from cdpwatch.http.status import check_is_json, error_for, server_said
from cdpwatch.readings import Rejection

Params = Mapping[str, str | int]
Row = TypeVar("Row")

LONGEST_SLEEP = 20.0  # seconds; a longer wait is the scheduler's, not a sleeping worker's
LARGEST_COUNT, SMALLER_COUNT = 1000, 200  # rows a page; older deployments take the smaller one


def segment(
    base_url: str,
    token: str,
    *,
    allow_loopback: bool = False,
    transport: httpx.BaseTransport | None = None,
    deadline: float = 30.0,
    max_bytes: int = 32 * MIB,
    attempts: int = 4,
    ca_file: str = "",
) -> Api:
    """A client of one workspace's Public API, to be used with `with`.

    `deadline` (seconds) and `max_bytes` (after inflation) are for each request; `attempts` is how
    often a request is tried at most; `ca_file` holds certificate authorities to trust besides the
    usual ones. `transport` takes the network's place in tests.
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
        ca_file=ca_file,
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
        # Called with the seconds to wait, 1 to 900, each time Segment answers 429.
        self.on_throttled: Callable[[float], object] = lambda seconds: None
        self.rejections: list[Rejection] = []  # rows that were not taken, in the order met
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._count = LARGEST_COUNT  # rows a page
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

    def rows(
        self,
        path: str,
        params: Params | None = None,
        *,
        key: str,
        parse: Callable[[Fields], Row],
        steady: bool = True,
    ) -> list[Row]:
        """What `parse` makes of each row of the list at `data[key]`, all of its pages.

        A row that `parse` raises BadPayload for goes to `rejections`, the others are taken.
        Raises ApiError; NoRowTaken when there are rows and none could be taken, and as
        `paging.whole_list`, which says what `steady` means.
        """

        def ask(cursor: str) -> Fields:
            return Fields(self._page(path, params or {}, cursor), f"GET {path}: data")

        where = f"GET {path}: {key}"
        taken: list[Row] = []
        rejected: list[Rejection] = []
        first: BadPayload | None = None
        for position, row in enumerate(whole_list(ask, key, f"GET {path}", steady=steady)):
            try:
                taken.append(parse(fields_of(row, f"{where}[{position}]")))
            except BadPayload as error:
                rejected.append(Rejection(where, reason_of(error, where), sample_of(row)))
                first = first or error
        if first and not taken:
            raise NoRowTaken(f"{first} No row of this list could be taken.")
        self.rejections += rejected
        return taken

    def _page(self, path: str, params: Params, cursor: str) -> dict[str, Any]:
        paged = {**params, "pagination.count": self._count}
        if cursor:
            return self._next_page(path, {**paged, "pagination.cursor": cursor})
        try:
            return self.get(path, paged)
        except Refused as error:
            if self._count <= SMALLER_COUNT or not _is_about_count(error):
                raise
        self._count = SMALLER_COUNT
        return self.get(path, {**paged, "pagination.count": SMALLER_COUNT})

    def _next_page(self, path: str, params: Params) -> dict[str, Any]:
        try:
            return self.get(path, params)
        except Refused as error:
            if error.status not in (400, 422):
                raise
            why = "its cursor was refused each time before the last page"
            raise ListMoved(f"GET {path} could not be read whole: {why}.") from None

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
            error = error_for(answer, where, self._token, datetime.now(UTC))
            if isinstance(error, RateLimited) and error.retry_after:
                self.on_throttled(error.retry_after)
            raise error
        check_is_json(answer, where)
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
