"""The session that Google's client asks through: its requests go out as all of cdpwatch's do.

Its own has a timeout for each read, none for the whole; it inflates without end, follows redirects
and connects to whatever a name resolves to. Imported only when BigQuery is asked, as `requests` is.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import httpx
import requests
from google.auth.transport.requests import AuthorizedSession, Request
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from cdpwatch.http import Unreachable
from cdpwatch.http.exchange import MIB, Answer, make_client, send
from cdpwatch.http.status import check_is_json, error_for

DEADLINE = 30.0  # seconds; of one request, its answer read whole
MOST_BYTES = 32 * MIB  # of one answer, inflated; a page of rows is some megabytes
OURS = {"accept-encoding", "connection", "host"}  # headers that httpx sets


class GuardedAdapter(BaseAdapter):
    """Sends what `requests` prepared by way of `cdpwatch.http`, and gives back its answer.

    Raises ApiError. What may pass (Unreachable) comes inside of a ConnectionError, which Google's
    client tries again.
    """

    def __init__(self, peer: str, *, deadline: float, max_bytes: int, **network: Any) -> None:
        super().__init__()
        self._peer, self._deadline, self._max_bytes = peer, deadline, max_bytes
        base = httpx.URL()  # each request brings its whole address
        self._client = make_client(base, peer, deadline=deadline, transport=None, **network)

    def send(
        self, request: requests.PreparedRequest, *args: object, **kwargs: object
    ) -> requests.Response:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in OURS}
        prepared: Any = {"headers": headers, "content": request.body}
        method = str(request.method)
        sent = self._client.build_request(method, str(request.url), **prepared)
        try:
            answer = send(
                self._client,
                sent,
                peer=self._peer,
                deadline=self._deadline,
                max_bytes=self._max_bytes,
            )
        except Unreachable as error:
            raise requests.ConnectionError(error) from None
        self._check(answer, f"{method} {sent.url.path}")
        return _response(request, answer)

    def _check(self, answer: Answer, where: str) -> None:
        """A refusal is Google's to explain; a redirect and a web page are no answer of its API."""
        if 200 <= answer.status < 300:
            check_is_json(answer, where)
        elif answer.status < 400:
            raise error_for(answer, where, (), datetime.now(UTC))

    def close(self) -> None:
        self._client.close()


def _response(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    response = requests.Response()
    response.request, response.url = request, str(request.url)
    response.status_code, response.encoding = answer.status, "utf-8"
    response.headers = CaseInsensitiveDict(answer.headers)
    response.raw = io.BytesIO(answer.body)
    return response


def session(
    credentials: Any,
    *,
    sign_in: bool,
    allow_loopback: bool,
    ca_file: str = "",
    deadline: float = DEADLINE,
    max_bytes: int = MOST_BYTES,
) -> AuthorizedSession:
    """A session that carries `credentials`; `sign_in`: they fetch their tokens in the same way.

    A login of this machine is fetched in Google's own way: where it runs in Google's cloud, from
    an address that we never call.
    """
    asking: Any = {
        "deadline": deadline,
        "max_bytes": max_bytes,
        "allow_loopback": allow_loopback,
        "ca_file": ca_file,
    }
    auth_request: Any = None
    if sign_in:
        signing = requests.Session()
        _guard(signing, GuardedAdapter("Google's sign-in", **asking))
        auth_request = Request(signing)
    made = AuthorizedSession(credentials, auth_request=auth_request)  # type: ignore[no-untyped-call]
    _guard(made, GuardedAdapter("BigQuery", **asking))
    return made


def _guard(made: requests.Session, adapter: GuardedAdapter) -> None:
    made.trust_env = False  # a .netrc would put another login in the place of ours
    made.mount("https://", adapter)
    made.mount("http://", adapter)
