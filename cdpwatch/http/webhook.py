"""One JSON POST to a webhook. Its URL is the secret, so it appears in no error."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from cdpwatch.http.errors import Refused
from cdpwatch.http.exchange import MIB, check_url, make_client, send
from cdpwatch.http.status import wait_asked

PEER = "the webhook"


@dataclass(frozen=True)
class Reply:
    """What the webhook answered; `retry_after` in seconds, None when it did not say."""

    status: int
    text: str
    retry_after: float | None


def post_json(
    url: str,
    payload: Mapping[str, Any],
    *,
    allow_loopback: bool = False,
    allowed_hosts: Collection[str] | None,
    transport: httpx.BaseTransport | None = None,
    deadline: float = 15.0,
) -> Reply:
    """POST `payload` once and give back the reply, whatever its status: no retry, no redirect.

    `allowed_hosts`: lower-case host names, None for any public host. Raises Refused for a URL
    that we do not call, Unreachable when no whole reply came within `deadline` seconds (the
    message may have arrived all the same), BadPayload for a reply that cannot be read.
    """
    target = check_url(url, PEER, allow_loopback=allow_loopback)
    if allowed_hosts is not None and target.host not in allowed_hosts:
        raise Refused("The host of the webhook is not one that we post to.")
    with make_client(
        target, PEER, allow_loopback=allow_loopback, deadline=deadline, transport=transport
    ) as client:
        request = client.build_request("POST", target, json=payload)
        answer = send(client, request, peer=PEER, deadline=deadline, max_bytes=MIB)
    text = answer.body.decode("utf-8", "replace")
    return Reply(answer.status, text, wait_asked(answer, datetime.now(UTC)))
