"""A small BigQuery on loopback: what the emulator ignores. It estimates, bills, limits and pages.

It runs no SQL: each shape of query has an answer that the test gives. SQL is tested on the
emulator, in test_sql.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback import serve

ROOT = "/bigquery/v2/projects/demo-project"
MIB = 2**20
TYPES = {"n": "INTEGER", "anonymous": "BOOLEAN"}  # of a column; others are text
COLUMNS = ("id", "received_at", "event", "user_id")
CALL = {
    "day": "2026-11-18",
    "call_type": "track",
    "event": "page_edited",
    "host": "app.gitbook.com",
    "path": "/o",
    "library": "analytics.js",
    "anonymous": "false",
    "n": "9211",
}


@dataclass
class Fault:
    """The next `times` requests whose path holds `path` fail with Google's `reason`."""

    path: str
    status: int
    reason: str = ""
    times: int = 1
    body: bytes = b""  # instead of Google's JSON


@dataclass
class Google:
    """What the project holds, and what was asked of it. `answers` by shape of query."""

    datasets: dict[str, dict[str, tuple[str, ...]]] = field(
        default_factory=lambda: {"prod_application": {"tracks": COLUMNS}}
    )
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rows: int = 1000  # of every table
    estimate: int = 24 * MIB
    billed: int = 24 * MIB
    looks: int = 0  # how often a job is seen running before it is done
    page: int = 10_000
    faults: list[Fault] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # "GET /datasets/..."

    def __post_init__(self) -> None:
        tracks = [{"name": "tracks", "field": name} for name in COLUMNS]
        day = [{"name": "tracks", "day": "20261118", "n": "9300"}]
        self.answers = {"columns": tracks, "partitions": day, "scan": [CALL], **self.answers}

    @property
    def inserted(self) -> list[str]:
        """Shapes of the jobs that were run, which is what costs."""
        return [job["configuration"]["labels"]["shape"] for job in self.jobs.values()]

    @property
    def bytes_billed(self) -> int:
        return sum(
            int(job["statistics"]["query"]["totalBytesBilled"]) for job in self.jobs.values()
        )

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if re.fullmatch(r"/datasets/\w+", path):
            return self._dataset(path.rpartition("/")[2])
        if match := re.fullmatch(r"/datasets/(\w+)/tables/(\w+)", path):
            return self._table(*match.groups())
        if method == "POST":
            return self._insert(body)
        job = self.jobs.get(path.rpartition("/")[2])
        if job is None:
            return error(404, "notFound", "Not found: Job")
        return self._results(job, query) if path.startswith("/queries/") else self._job(job)

    def _dataset(self, name: str) -> tuple[int, Any]:
        if name not in self.datasets:
            return error(404, "notFound", f"Not found: Dataset demo:{name}")
        reference = {"projectId": "demo-project", "datasetId": name}
        return 200, {"datasetReference": reference, "location": "EU"}

    def _table(self, dataset: str, name: str) -> tuple[int, Any]:
        if name not in self.datasets.get(dataset, {}):
            return error(404, "notFound", f"Not found: Table demo:{dataset}.{name}")
        fields = [{"name": column, "type": "STRING"} for column in self.datasets[dataset][name]]
        return 200, {
            "tableReference": {"projectId": "demo-project", "datasetId": dataset, "tableId": name},
            "schema": {"fields": fields},
            "numRows": str(self.rows),
            "lastModifiedTime": "1795000000000",
            "timePartitioning": {"type": "DAY"},
        }

    def _insert(self, body: Any) -> tuple[int, Any]:
        configuration, reference = body["configuration"], body["jobReference"]
        used = {"totalBytesProcessed": str(self.estimate), "totalBytesBilled": "0"}
        if configuration.get("dryRun"):
            statistics = {"totalBytesProcessed": str(self.estimate), "query": used}
            done = {"state": "DONE"}
            job = {"jobReference": reference, "configuration": configuration}
            return 200, {**job, "status": done, "statistics": statistics}
        if reference["jobId"] in self.jobs:
            return error(409, "duplicate", "Already Exists: Job")
        job = {"jobReference": reference, "configuration": configuration, "looks": self.looks}
        most = int(configuration["query"]["maximumBytesBilled"])
        job["status"] = {"state": "DONE"} if not self.looks else {"state": "RUNNING"}
        used["totalBytesBilled"] = str(self.billed)
        if self.billed > most:
            said = {"reason": "bytesBilledLimitExceeded", "message": f"limit: {most}"}
            job["status"] = {"state": "DONE", "errorResult": said, "errors": [said]}
            used["totalBytesBilled"] = "0"
        job["statistics"] = {"creationTime": "1795003200000", "query": used}
        self.jobs[reference["jobId"]] = job
        return 200, job

    def _job(self, job: dict[str, Any]) -> tuple[int, Any]:
        if job["looks"]:
            job["looks"] -= 1
        if not job["looks"] and "errorResult" not in job["status"]:
            job["status"] = {"state": "DONE"}
        return 200, job

    def _results(self, job: dict[str, Any], query: dict[str, str]) -> tuple[int, Any]:
        rows = self.answers[job["configuration"]["labels"]["shape"]]
        names = list(rows[0]) if rows else list(CALL)
        fields = [{"name": name, "type": TYPES.get(name, "STRING")} for name in names]
        start = int(query.get("pageToken") or query.get("startIndex") or 0)
        end = start + min(self.page, int(query.get("maxResults") or self.page))
        cells = [{"f": [{"v": row[name]} for name in names]} for row in rows[start:end]]
        answer = {"jobComplete": True, "jobReference": job["jobReference"], "rows": cells}
        answer |= {"totalRows": str(len(rows)), "schema": {"fields": fields}}
        if end < len(rows):
            answer["pageToken"] = str(end)
        return 200, answer


def error(status: int, reason: str, message: str) -> tuple[int, Any]:
    detail = {"reason": reason, "message": message, "domain": "global"}
    return status, {"error": {"code": status, "message": message, "errors": [detail]}}


@contextmanager
def listening(google: Google) -> Iterator[str]:
    """`google` on loopback; gives its URL."""

    def answering(handler: BaseHTTPRequestHandler) -> None:
        target = urlsplit(handler.path)
        path = target.path.removeprefix(ROOT)
        google.asked.append(f"{handler.command} {path}")
        sent = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        fault = next((each for each in google.faults if each.times and each.path in path), None)
        if fault:
            fault.times -= 1
            status, answer = error(fault.status, fault.reason, "as the test wants it")
        else:
            status, answer = google.answer(
                handler.command, path, query, json.loads(sent) if sent else {}
            )
        body = fault.body if fault and fault.body else json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json; charset=UTF-8")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with serve(answering) as url:
        yield url
