"""Segment's Public API: the bearer token, the `{"data": ...}` envelope, retries and paging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from cdpwatch.http.asker import Asker, Params
from cdpwatch.http.errors import BadPayload, Refused, Unauthorized
from cdpwatch.http.exchange import MIB, check_url, make_client
from cdpwatch.http.paging import ListMoved, whole_list
from cdpwatch.http.payload import Fields, parse_object
from cdpwatch.http.status import server_said

Row = TypeVar("Row")

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
    return Api(client, [token], deadline=deadline, max_bytes=max_bytes, attempts=attempts)


class Api(Asker):
    """Asks one thing at a time; not to be shared between threads. Made by `segment`."""

    _count = LARGEST_COUNT  # rows a page

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """What is inside `data` of the answer to `GET path`. Raises ApiError."""
        return self._retrying(self._data, path, params or {})

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

        listed = whole_list(ask, key, f"GET {path}", steady=steady)
        return self.taken(listed, f"GET {path}: {key}", parse)

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

    def _data(self, path: str, params: Params) -> dict[str, Any]:
        where = f"GET {path}"
        answer = self._ask("GET", path, params=params)
        envelope = parse_object(answer.body, where)
        data = envelope.get("data")
        if isinstance(data, dict):
            return data
        said, _ = server_said(envelope, self._secrets)
        raise BadPayload(f"{where} answered {answer.status} without data: {said}")


def _is_about_count(error: Refused) -> bool:
    about = f"{error.field} {error}"
    return error.status == 422 and ("count" in about or "pagination" in about)
