"""The texts in sql/, filled in for the tables and columns that one dataset has.

A track is in `tracks` and in a table of its own event, an identify also in `users`; so calls are
counted from six tables. Source: Segment documentation, "Warehouse schemas".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdpwatch.days import DAY, start_of
from cdpwatch.readings import Window

from .jobs import Query

SQL = Path(__file__).with_name("sql")
CALL_TYPES = {
    "tracks": "track",
    "identifies": "identify",
    "pages": "page",
    "screens": "screen",
    "groups": "group",
    "aliases": "alias",
}
NEEDED = {"id", "received_at"}  # a table without them is not one of Segment's
MOST_GROUPS = 2000  # a day and source
HOST = r"LOWER(REGEXP_EXTRACT({}, r'^https?://(?:[^/?#@]*@)?([^/?#:]+)'))"
PATH = r"REGEXP_EXTRACT({}, r'^(/[^/?#]*)')"
Columns = Mapping[str, Collection[str]]  # names of the columns that exist, by table


@dataclass(frozen=True)
class Table:
    """One of the six, as Google describes it. `partitioned_by`: "_PARTITIONTIME", a column, ""."""

    name: str
    partitioned_by: str
    width: int  # columns
    state: str  # changes with the table's rows


def columns(dataset: str, tables: Sequence[Table]) -> Query:
    """Which columns there are: one exists only after its first value."""
    names = [table.name for table in tables]
    version = str(sum(table.width for table in tables))
    return Query("columns", dataset, _filled("columns", dataset), {"tables": names}, version)


def partitions(dataset: str, tables: Sequence[Table], window: Window) -> Query:
    """Rows of each day's partition, without a scan."""
    values = {
        "tables": [table.name for table in tables],
        "first": f"{window.start:%Y%m%d}",
        "last": f"{window.end - DAY:%Y%m%d}",
    }
    return Query("partitions", dataset, _filled("partitions", dataset), values, _state(tables))


def scan(
    dataset: str, tables: Sequence[Table], found: Columns, window: Window, version: str = ""
) -> Query:
    """Calls of whole days by type, event, host, first segment of the path, library, anonymous.

    `version` (default: that of the tables' rows) says when to read the same days again.
    """
    calls = "\n  UNION ALL\n".join(
        _calls(dataset, table, found.get(table.name, ())) for table in tables
    )
    text = _filled("scan", dataset, calls=calls, most=str(MOST_GROUPS))
    values = {"start": window.start, "end": window.end}
    return Query("scan", dataset, text, values, version or _state(tables))


def _calls(dataset: str, table: Table, found: Collection[str]) -> str:
    """The part of one table. A column that is not there counts as empty."""
    return _filled(
        "calls",
        dataset,
        table=f"{dataset}.{table.name}",
        call_type=CALL_TYPES[table.name],
        event=_text(found, 300, "event_text", "event", "name"),
        host=_text(found, 200, "context_page_url", shape=HOST),
        path=_text(found, 200, "context_page_path", shape=PATH),
        library=_text(found, 100, "context_library_name"),
        anonymous="user_id IS NULL" if "user_id" in found else "TRUE",
        partition=_partition(table.partitioned_by),
    )


def _text(found: Collection[str], longest: int, *candidates: str, shape: str = "{}") -> str:
    """The first candidate that exists, cut to what our table has room for."""
    for name in candidates:
        if name in found:
            return f"COALESCE(SUBSTR({shape.format(name)}, 1, {longest}), '')"
    return "''"


def _partition(by: str) -> str:
    """A day of margin on either side: loads are late, and clocks differ. The scan pays for what
    lies in these partitions alone."""
    if by != "_PARTITIONTIME":
        return ""
    return (
        "_PARTITIONTIME >= TIMESTAMP_SUB(@start, INTERVAL 1 DAY)"
        " AND _PARTITIONTIME <= TIMESTAMP_ADD(@end, INTERVAL 1 DAY)\n    AND "
    )


def _state(tables: Sequence[Table]) -> str:
    return " ".join(f"{table.name} {table.state}" for table in tables)


def _filled(name: str, dataset: str, **parts: str) -> str:
    text = (SQL / f"{name}.sql").read_text().rstrip()
    for key, part in {"dataset": dataset, **parts}.items():
        text = text.replace(f"{{{key}}}", part)
    return text


def days_of(window: Window) -> Window:
    """The whole UTC days that `window` touches."""
    first, end = start_of(window.start.date()), start_of(window.end.date())
    return Window(first, end if window.end == end else end + DAY)
