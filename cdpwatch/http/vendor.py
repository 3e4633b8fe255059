"""A vendor's JSON API: headers of its own making, any JSON as an answer, no envelope."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import httpx

from cdpwatch.http.asker import Asker, Params
from cdpwatch.http.errors import Refused, Unauthorized
from cdpwatch.http.exchange import MIB, check_url, make_client
from cdpwatch.http.payload import parse_json

Opened = Callable[[str, Mapping[str, str]], httpx.Client]  # by base URL and headers


def vendor(
    base_url: str,
    headers: Mapping[str, str],
    *,
    peer: str,
    secrets: Collection[str] = (),
    allow_loopback: bool = False,
    transport: httpx.BaseTransport | None = None,
    deadline: float = 30.0,
    max_bytes: int = 32 * MIB,
    attempts: int = 4,
    ca_file: str = "",
) -> JsonApi:
    """A client of one vendor's API, to be used with `with`.

    `headers` carry the keys and go out with every request; `secrets` are cut out of what the
    server says; `peer` is what messages call the vendor. The rest is as for `segment`.
    Raises Refused for a base URL that we do not call, Unauthorized for a key that cannot be one.
    """

    opened = partial(
        _opened,
        peer=peer,
        allow_loopback=allow_loopback,
        deadline=deadline,
        transport=transport,
        ca_file=ca_file,
    )
    bounds = {"deadline": deadline, "max_bytes": max_bytes, "attempts": attempts}
    return JsonApi(opened, base_url, headers, secrets, **bounds)


class JsonApi(Asker):
    """Asks one thing at a time; not to be shared between threads. Made by `vendor`."""

    def __init__(
        self,
        opened: Opened,
        base_url: str,
        headers: Mapping[str, str],
        secrets: Collection[str],
        **bounds: Any,
    ) -> None:
        super().__init__(opened(base_url, headers), secrets, **bounds)
        self._opened, self._bounds = opened, bounds
        self._others: list[JsonApi] = []  # closed with this one
        self.last_headers: Mapping[str, str] = {}  # of the last answer; case-insensitive
        # Called with a key's name and value when the vendor gave a new one in place of the old.
        self.rotated: Callable[[str, str], object] = lambda name, value: None

    def get(self, path: str, params: Params | None = None) -> Any:
        """The JSON that answers `GET path`; a full URL must be one of this API. Raises ApiError."""
        return self._retrying(self._json, "GET", path, params=params)

    def post(
        self,
        path: str,
        json: object = None,
        params: Params | None = None,
        *,
        form: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> Any:
        """As `get`, with a body of JSON or of form fields.

        `once`: never sent a second time, for what may be used up by the first (a refresh token).
        """
        ask = self._json if once else lambda *a, **k: self._retrying(self._json, *a, **k)
        return ask("POST", path, params=params, json=json, data=form)

    def beside(self, base_url: str, headers: Mapping[str, str]) -> JsonApi:
        """The same vendor at another address ("": at this one) or with other headers: same hooks,
        same rejections.

        Where a token is fetched first: what `headers` carry is cut out of messages like any other
        secret. It is closed with this one. Raises as `vendor`.
        """
        url = base_url or str(self._client.base_url)
        tokens = [word for value in headers.values() for word in value.split()[-1:]]  # no "Bearer"
        other = JsonApi(self._opened, url, headers, (*self._secrets, *tokens), **self._bounds)
        other.before_each = lambda: self.before_each()
        other.on_throttled = lambda seconds: self.on_throttled(seconds)
        other.rotated = lambda name, value: self.rotated(name, value)
        other.rejections, other.pace = self.rejections, self.pace
        self._others.append(other)
        return other

    def close(self) -> None:
        super().close()
        for other in self._others:
            other.close()

    def _json(self, method: str, path: str, **body: Any) -> Any:
        self._check_is_ours(path)
        answer = self._ask(method, path, **body)
        self.last_headers = answer.headers
        return parse_json(answer.body, f"{method} {path.partition('?')[0]}")

    def _check_is_ours(self, path: str) -> None:
        """Raise Refused for a full URL elsewhere: a "next page" must not carry our keys away."""
        base = self._client.base_url
        url = self._client.build_request("GET", path).url
        if (url.scheme, url.host, url.port) != (base.scheme, base.host, base.port):
            raise Refused(f"{base.host} named a next page at another address: not called.")


def _opened(
    url: str, headers: Mapping[str, str], *, peer: str, allow_loopback: bool, **rest: Any
) -> httpx.Client:
    _check_headers(headers, peer)
    checked = check_url(url, f"the {peer} API", allow_loopback=allow_loopback)
    headers = {"Accept": "application/json", **headers}
    return make_client(checked, peer, allow_loopback=allow_loopback, headers=headers, **rest)


def _check_headers(headers: Mapping[str, str], peer: str) -> None:
    """Raise Unauthorized for a value that no header can hold, such as a key with a line break."""
    for value in headers.values():
        if not value.isascii() or not value.isprintable():
            raise Unauthorized(f"A key of {peer} holds characters that no key has.")
