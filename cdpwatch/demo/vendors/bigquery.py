"""BigQuery's REST API, as far as Google's own client asks for it here.

There is no SQL engine. A job says by its label `shape` what it asks: "columns", "partitions" or
"scan"; its text names the dataset and tables, its parameters the days. The answer is that of the
moment when the job was made, so that one found again tells the same. A dry run estimates; a job
that may be billed less than it reads fails. Plain HTTP carries no key, so none is checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from cdpwatch.demo import query as queries
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import Demo
from cdpwatch.demo.vendors.tables import DATASETS, ONE_DAY, TABLES, Holdings
from cdpwatch.demo.web import Refused, Reply, Request, as_json

PROJECT = "demo-project"
CONNECTS = {"BIGQUERY_EMULATOR_HOST": "{root}", "BIGQUERY_PROJECT": PROJECT}
ROOT = f"/bigquery/v2/projects/{PROJECT}"
MIB = 2**20
LEAST = 10 * MIB  # bytes billed of each table (Google's price list)
ROW_BYTES = 180  # of the columns that a scan reads
PAGE = 500  # rows; Google's pages end at some megabytes
NAMED = re.compile(rf"`{PROJECT}\.(\w+)(?:\.(\w+))?`")  # a dataset or table in a query's text
REASONS = {400: "invalid", 404: "notFound", 409: "duplicate"}
TEXT = ("name", "field", "day", "call_type", "event", "host", "path", "library")
FIELDS = {
    "columns": ("name", "field"),
    "partitions": ("name", "day", "n"),
    "scan": ("day", "call_type", "event", "host", "path", "library", "anonymous", "n"),
}
TYPES = {"n": "INTEGER", "anonymous": "BOOLEAN", **dict.fromkeys(TEXT, "STRING")}
Rows = list[dict[str, Any]]


class Asked(NamedTuple):
    """What a job asks for, and of which tables."""

    shape: str
    holdings: Holdings
    tables: frozenset[str]
    values: Mapping[str, str]  # by parameter


def answer(demo: Demo, request: Request) -> Reply:
    """The reply, an error in Google's own envelope."""
    try:
        return as_json(_answer(demo, request))
    except Refused as refused:
        return as_error(refused.status, REASONS[refused.status], refused.message)
    except (KeyError, TypeError, ValueError):
        return as_error(400, "invalid", "The demo knows no such job")


def as_error(status: int, reason: str, message: str) -> Reply:
    detail = {"reason": reason, "message": message, "domain": "global"}
    error = {"code": status, "message": message, "errors": [detail]}
    return as_json({"error": error}, status)


def _answer(demo: Demo, request: Request) -> dict[str, Any]:
    path = request.path.removeprefix(ROOT)
    if (request.method, path) == ("POST", "/jobs"):
        return _insert(demo, json.loads(request.body))
    if match := re.fullmatch(r"/datasets/(\w+)(?:/tables/(\w+))?", path):
        name, table = match.groups()
        holdings = _holdings(demo, name, demo.clock())
        return _table(holdings, name, table) if table else _dataset(name)
    if match := re.fullmatch(r"/(jobs|queries)/([\w-]+)", path):
        body, at = _kept(demo, match[2])
        return body if match[1] == "jobs" else _page(demo, body, at, queries.parse(request.query))
    raise Refused(404, f"Not found: {request.path}")


# --- datasets and tables, which are free -------------------------------------------------------
def _holdings(demo: Demo, dataset: str, at: datetime) -> Holdings:
    if dataset not in DATASETS:
        raise Refused(404, f"Not found: Dataset {PROJECT}:{dataset}")
    return Holdings(demo.ledger(), DATASETS[dataset], at)


def _dataset(name: str) -> dict[str, Any]:
    return {"datasetReference": {"projectId": PROJECT, "datasetId": name}, "location": "EU"}


def _table(holdings: Holdings, dataset: str, name: str) -> dict[str, Any]:
    if name not in holdings.rows:
        raise Refused(404, f"Not found: Table {PROJECT}:{dataset}.{name}")
    columns = [{"name": column, "type": "STRING"} for column in holdings.columns()[name]]
    return {
        "tableReference": {"projectId": PROJECT, "datasetId": dataset, "tableId": name},
        "schema": {"fields": columns},
        "numRows": str(holdings.rows[name]),
        "lastModifiedTime": _milliseconds(holdings.loaded_at),
        "timePartitioning": {"type": "DAY"},
    }


# --- jobs --------------------------------------------------------------------------------------
def _insert(demo: Demo, sent: dict[str, Any]) -> dict[str, Any]:
    """Estimate or run it; a job that is there already is refused, and not paid again."""
    at = demo.clock()
    dry = bool(sent["configuration"].get("dryRun"))
    job = _job(sent, at, _bytes(_asked(demo, sent["configuration"], at)), dry)
    if not dry and not demo.store.keep_job(str(job["jobReference"]["jobId"]), at, job):
        raise Refused(409, "Already Exists: Job")
    return job


def _job(sent: dict[str, Any], at: datetime, read: int, dry: bool) -> dict[str, Any]:
    query = sent["configuration"]["query"]
    most = int(query.get("maximumBytesBilled") or read)
    status: dict[str, Any] = {"state": "DONE"}
    if read > most:
        said = f"Query exceeded limit for bytes billed: {most}. {read} or higher required."
        error = {"reason": "bytesBilledLimitExceeded", "message": said}
        status |= {"errorResult": error, "errors": [error]}
    billed = 0 if dry or read > most else read
    used = {"totalBytesProcessed": str(read), "totalBytesBilled": str(billed)}
    times = dict.fromkeys(("creationTime", "startTime", "endTime"), _milliseconds(at))
    return {
        "jobReference": {"location": "EU", **sent["jobReference"]},
        "configuration": sent["configuration"],
        "status": status,
        "statistics": {**times, "totalBytesProcessed": str(read), "query": used},
    }


def _kept(demo: Demo, job_id: str) -> tuple[dict[str, Any], datetime]:
    kept = demo.store.job(job_id)
    if kept is None:
        raise Refused(404, f"Not found: Job {PROJECT}:{job_id}")
    return kept


def _asked(demo: Demo, configuration: dict[str, Any], at: datetime) -> Asked:
    names = NAMED.findall(configuration["query"]["query"])
    sent = configuration["query"].get("queryParameters", ())
    values = {each["name"]: each["parameterValue"] for each in sent}
    listed = values.pop("tables", {}).get("arrayValues", ())
    return Asked(
        shape=configuration["labels"]["shape"],
        holdings=_holdings(demo, names[0][0], at),
        tables=frozenset([each["value"] for each in listed] or [table for _, table in names]),
        values={name: value["value"] for name, value in values.items()},
    )


def _bytes(asked: Asked) -> int:
    """What is billed: a scan reads the partitions of its days and of one on either side."""
    if asked.shape != "scan":
        return LEAST
    first, last = _span(asked)
    rows = dict.fromkeys(asked.tables, 0)
    for (table, _), n in asked.holdings.partitions(first - ONE_DAY, last + ONE_DAY).items():
        if table in rows:
            rows[table] += n
    return sum(max(-(-n * ROW_BYTES // MIB) * MIB, LEAST) for n in rows.values())


# --- answers -----------------------------------------------------------------------------------
def _columns(asked: Asked) -> Rows:
    columns = asked.holdings.columns()
    return [{"name": table, "field": each} for table in columns for each in columns[table]]


def _partitions(asked: Asked) -> Rows:
    days = (date.fromisoformat(asked.values[name]) for name in ("first", "last"))
    return [
        {"name": table, "day": f"{day:%Y%m%d}", "n": n}
        for (table, day), n in asked.holdings.partitions(*days).items()
    ]


def _scan(asked: Asked) -> Rows:
    """Its tables are what the client knew of: a call of another one is not read."""
    calls = asked.holdings.calls(*_span(asked))
    return [call for call in calls if TABLES[call["call_type"]] in asked.tables]


def _span(asked: Asked) -> tuple[date, date]:
    """The first and last of the whole days that a scan asks for."""
    start, end = (datetime.fromisoformat(asked.values[name]) for name in ("start", "end"))
    return start.date(), (end - ONE_DAY).date()


ANSWERS: dict[str, Callable[[Asked], Rows]] = {
    "columns": _columns,
    "partitions": _partitions,
    "scan": _scan,
}


def _page(demo: Demo, job: dict[str, Any], at: datetime, query: Query) -> dict[str, Any]:
    asked = _asked(demo, job["configuration"], at)
    names, rows = FIELDS[asked.shape], ANSWERS[asked.shape](asked)
    [start] = query.texts("pageToken") or query.texts("startIndex") or ["0"]
    [most] = query.texts("maxResults") or [str(PAGE)]
    end = int(start) + min(int(most), PAGE)
    page = {
        "jobComplete": True,
        "jobReference": job["jobReference"],
        "schema": {"fields": [{"name": name, "type": TYPES[name]} for name in names]},
        "totalRows": str(len(rows)),
        "rows": [{"f": [_cell(row[name]) for name in names]} for row in rows[int(start) : end]],
    }
    return page | ({"pageToken": str(end)} if end < len(rows) else {})


def _cell(value: object) -> dict[str, str]:
    return {"v": str(value).lower() if isinstance(value, bool) else str(value)}


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))
