"""What every API's client shares: hooks around each request, retries, rows taken and rejected."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import stamina

from cdpwatch.http.errors import ApiError, BadPayload, NoRowTaken, RateLimited
from cdpwatch.http.exchange import Answer, send
from cdpwatch.http.payload import Fields, fields_of
from cdpwatch.http.sample import reason_of, sample_of
from cdpwatch.http.status import check_is_json, error_for
from cdpwatch.readings import Rejection

Params = Mapping[str, str | int]
Row = TypeVar("Row")

LONGEST_SLEEP = 20.0  # seconds; a longer wait is the scheduler's, not a sleeping worker's


class Pace:
    """When a request may go out. This one never waits; `cdpwatch.pacing` has one that does."""

    def wait(self, path: str, meanwhile: Callable[[], object]) -> None:
        """Return when `path` may be asked; call `meanwhile` while it may not yet."""

    def heed(self, path: str, headers: Mapping[str, str]) -> None:
        """Take note of an answer's headers, whatever its status."""


class Asker:
    """Asks one API, one thing at a time; not to be shared between threads. Use with `with`.

    `secrets` are cut out of what a server's own error message says.
    """

    def __init__(
        self,
        client: httpx.Client,
        secrets: Collection[str],
        *,
        deadline: float,
        max_bytes: int,
        attempts: int,
    ) -> None:
        self._client = client
        self._secrets = secrets
        self.before_each: Callable[[], object] = lambda: None  # called before every request
        # Called with the seconds to wait, 1 to 900, each time the server answers 429.
        self.on_throttled: Callable[[float], object] = lambda seconds: None
        self.pace = Pace()
        self.rejections: list[Rejection] = []  # rows that were not taken, in the order met
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._retrying = stamina.RetryingCaller(
            attempts=attempts, timeout=60.0, wait_initial=0.5, wait_max=8.0, wait_jitter=1.0
        ).on(wait_before_retry)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def reject(self, where: str, reason: str, row: object) -> None:
        """Note a row that was not taken; only a sample without secrets is kept of it."""
        self.rejections.append(Rejection(where, reason, sample_of(row)))

    def taken(
        self, rows: Iterable[object], where: str, parse: Callable[[Fields], Row]
    ) -> list[Row]:
        """What `parse` makes of each row; one that it raises BadPayload for goes to `rejections`.

        Raises NoRowTaken when there are rows and none could be taken.
        """
        taken: list[Row] = []
        rejected: list[Rejection] = []
        first: BadPayload | None = None
        for position, row in enumerate(rows):
            try:
                taken.append(parse(fields_of(row, f"{where}[{position}]")))
            except BadPayload as error:
                rejected.append(Rejection(where, reason_of(error, where), sample_of(row)))
                first = first or error
        if first and not taken:
            raise NoRowTaken(f"{first} No row of this list could be taken.")
        self.rejections += rejected
        return taken

    def _ask(self, method: str, path: str, **body: Any) -> Answer:
        """One request and its answer, which is a success and says that it is JSON."""
        self.before_each()
        self.pace.wait(path, self.before_each)
        request = self._client.build_request(method, path, **body)
        answer = send(
            self._client,
            request,
            peer=self._client.base_url.host,
            deadline=self._deadline,
            max_bytes=self._max_bytes,
        )
        self.pace.heed(path, answer.headers)
        where = f"{method} {path.partition('?')[0]}"
        if not 200 <= answer.status < 300:
            error = error_for(answer, where, self._secrets, datetime.now(UTC))
            if isinstance(error, RateLimited) and error.retry_after:
                self.on_throttled(error.retry_after)
            raise error
        check_is_json(answer, where)
        return answer


def wait_before_retry(error: Exception) -> bool | float:
    """Stamina's hook: False stops, True backs off exponentially, a number is seconds to wait."""
    if not isinstance(error, ApiError) or error.permanent:
        return False
    if error.retry_after is None:
        return True
    if error.retry_after > LONGEST_SLEEP:
        return False
    return error.retry_after + random.random()  # so that two workers do not come back together
