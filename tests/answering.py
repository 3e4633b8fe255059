"""A Segment behind a fake transport that answers from a script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from cdpwatch.http import Api, segment

TOKEN = "sgp_do_not_print_me"
Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler | httpx.Response, **options: Any) -> Api:
    answer = (lambda request: handler) if isinstance(handler, httpx.Response) else handler
    return segment(
        "https://api.segment.test", TOKEN, transport=httpx.MockTransport(answer), **options
    )


class Script:
    """Gives its answers in turn, the last one for ever, and remembers what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def ok(**data: Any) -> httpx.Response:
    return httpx.Response(200, json={"data": data})


def failure(status: int, **error: Any) -> httpx.Response:
    return httpx.Response(status, json={"errors": [{"type": "input-validation", **error}]})
