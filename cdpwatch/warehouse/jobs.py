"""One query, paid once: looked for, estimated, held to the caps, run, its rows read in pages.

1. A job's id follows from its query, what its answer depends on, and the UTC day. Is there one by
   that id, its answer is taken: nothing is paid.
2. Else a dry run says what it would read. More than is left of the month, or than one query may:
   OverCap, before any cost.
3. The job carries `maximum_bytes_billed`, so that it cannot cost more than was estimated as left.
4. It is waited for; a turn that dies meanwhile leaves a job that the next one finds.

A job that failed keeps its id, so the next turn's has another number at its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cdpwatch.http import NotFound, Unreachable
from cdpwatch.wording import gib

from .errors import OverCap, Taken, told
from .keys import Settings

SMALLEST = 10 * 2**20  # bytes; Google bills no less for a table (its price list)
MOST_ATTEMPTS = 8  # jobs of one query in a day, where each failed
PAGE = 10_000  # rows
TIMEOUT = 30.0  # seconds; of one request
PATIENCE = 300.0  # seconds that a turn waits for one job
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 20.0  # seconds between two looks at it

Value = str | datetime | Sequence[str]


@dataclass(frozen=True)
class Query:
    """What is asked. `version` changes when the same text may have another answer."""

    shape: str  # "columns", "partitions", "scan"
    dataset: str  # in full: "project.prod_application"
    sql: str
    values: Mapping[str, Value] = field(default_factory=dict)  # by parameter
    version: str = ""

    def job_id(self, now: datetime, attempt: int) -> str:
        words = (self.dataset, self.sql, sorted(self.values.items()), self.version)
        digest = hashlib.sha256(repr(words).encode()).hexdigest()[:24]
        return f"cdpwatch_{self.shape}_{now:%Y%m%d}_{digest}_{attempt}"


@dataclass(frozen=True)
class JobNote:
    """What one job cost, in bytes; `billed` None until it has ended."""

    job_id: str
    shape: str
    asked_at: datetime
    estimated: int | None
    billed: int | None = None
    error: str = ""


@dataclass(frozen=True)
class Meter:
    """The book of jobs, which is kept elsewhere: bytes of this month, and where to note a job."""

    used: Callable[[], int]
    note: Callable[[JobNote], object]


class Warehouse:
    """Asks one thing at a time. Made by `client.warehouse`; use with `with`."""

    def __init__(
        self,
        client: Any,
        settings: Settings,
        meter: Meter,
        now: datetime,
        *,
        before_each: Callable[[], object],
        retries: float,
        sleep: Callable[[float], object],
    ) -> None:
        from google.cloud.bigquery.retry import DEFAULT_RETRY

        self._client = client
        self.settings = settings
        self._meter = meter
        self._now = now
        self._before_each = before_each
        self._usual = {"retry": DEFAULT_RETRY.with_timeout(retries), "timeout": TIMEOUT}
        self._sleep = sleep

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def location(self, dataset: str) -> str:
        """Where the dataset lies, which its jobs must name. Free. Raises ApiError."""
        return str(self._do(self._client.get_dataset, dataset).location or "")

    def table(self, name: str) -> Any | None:
        """What Google says of a table, None where there is none. Free. Raises ApiError."""
        try:
            return self._do(self._client.get_table, name)
        except NotFound:
            return None

    def ask(self, query: Query, location: str) -> Iterator[dict[str, Any]]:
        """The rows of the answer. Raises ApiError, OverCap among them."""
        job = self._job(query, location)
        with told(self._now):
            rows = job.result(page_size=PAGE, **self._usual)
            pages = iter(rows.pages)
        while True:
            self._before_each()
            with told(self._now):
                page = next(pages, None)
                values = None if page is None else [dict(row.items()) for row in page]
            if values is None:
                return
            yield from values

    def _job(self, query: Query, location: str) -> Any:
        """A job that ended: one from before that did not fail, else a new one, failed or not."""
        for attempt in range(1, MOST_ATTEMPTS + 1):
            job_id = query.job_id(self._now, attempt)
            known = self._known(job_id, location)
            job = known or self._start(query, job_id, location)
            self._finish(query, job)
            if known is None or not job.error_result:
                break
        return job

    def _known(self, job_id: str, location: str) -> Any | None:
        try:
            return self._do(self._client.get_job, job_id, location=location or None)
        except NotFound:
            return None

    def _start(self, query: Query, job_id: str, location: str) -> Any:
        estimated = self._estimate(query, location)
        most = self._most(query, estimated)
        self._meter.note(JobNote(job_id, query.shape, self._now, estimated))
        config = self._config(query, maximum_bytes_billed=most)
        options = {"job_id": job_id, "location": location or None, "job_retry": None}
        try:
            return self._do(self._client.query, query.sql, job_config=config, **options)
        except Taken:  # another worker, or an answer of Google's that was lost
            return self._do(self._client.get_job, job_id, location=location or None)

    def _estimate(self, query: Query, location: str) -> int:
        """Bytes that the query would read. A dry run is free."""
        config = self._config(query, dry_run=True, use_query_cache=False)
        place = location or None
        dry = self._do(self._client.query, query.sql, job_config=config, location=place)
        return max(int(dry.total_bytes_processed or 0), SMALLEST)

    def _most(self, query: Query, estimated: int) -> int:
        """Bytes that the query may be billed. Raises OverCap when it would read more."""
        limits, used = self.settings, self._meter.used()
        left = max(limits.month_bytes - used, 0)
        most = min(left, limits.job_bytes)
        if estimated > most:
            raise OverCap(
                f"BigQuery would read {gib(estimated)} for {query.dataset} ({query.shape}), and"
                f" {gib(most)} are allowed: {gib(used)} of this month's"
                f" {gib(limits.month_bytes)} are used. Not asked, not paid. BIGQUERY_MONTHLY_GIB"
                " and BIGQUERY_JOB_GIB set the limits."
            )
        return most

    def _config(self, query: Query, **options: Any) -> Any:
        from google.cloud import bigquery

        labels = {"app": "cdpwatch", "shape": query.shape}
        values = [_parameter(bigquery, name, value) for name, value in query.values.items()]
        return bigquery.QueryJobConfig(labels=labels, query_parameters=values, **options)

    def _finish(self, query: Query, job: Any) -> None:
        """Wait until the job is done and note what it cost. Raises Unreachable after PATIENCE."""
        waited, pause = 0.0, FIRST_PAUSE
        while job.state != "DONE":
            if waited >= PATIENCE:
                raise Unreachable("A query still runs in BigQuery; the next turn takes its answer.")
            self._sleep(pause)
            waited, pause = waited + pause, min(2 * pause, LONGEST_PAUSE)
            self._do(job.reload)
        billed = int(job.total_bytes_billed or 0)
        said = str((job.error_result or {}).get("message", ""))[:500]
        asked_at = (job.created or self._now).astimezone(UTC)
        self._meter.note(JobNote(job.job_id, query.shape, asked_at, None, billed, said))

    def _do(self, act: Callable[..., Any], *words: Any, **options: Any) -> Any:
        """One request, told of beforehand, its errors in our words."""
        self._before_each()
        with told(self._now):
            return act(*words, **self._usual, **options)


def _parameter(bigquery: Any, name: str, value: Value) -> Any:
    if isinstance(value, datetime):
        return bigquery.ScalarQueryParameter(name, "TIMESTAMP", value)
    if isinstance(value, str):
        return bigquery.ScalarQueryParameter(name, "STRING", value)
    return bigquery.ArrayQueryParameter(name, "STRING", list(value))
