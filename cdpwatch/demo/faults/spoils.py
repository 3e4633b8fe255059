"""Right replies with something wrong inside their JSON: one value, one row, the list, its pages.

A spoil is a function of the list of rows, changing it in place, or of the page, which is the
`data` object with the query it answers. What has no list is sent as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from cdpwatch.demo import query as queries
from cdpwatch.demo.query import Query
from cdpwatch.demo.web import Refused, Reply, Request, as_error, as_json

Row = dict[str, Any]
Rows = list[Any]
Change = Callable[[Row, Rows, Query], None]  # the `data` object, its list, the query


def spoil(kind: str, reply: Reply, request: Request) -> Reply:
    """`reply` changed as `kind` says; a reply without data stays."""
    data = json.loads(reply.body).get("data") if reply.status == 200 else None
    if data is None:
        return reply
    rows = next((value for value in data.values() if isinstance(value, list)), [])
    try:
        SPOILS[kind][1](data, rows, queries.parse(request.query))
    except Refused as refused:
        return as_error(refused)
    return as_json({"data": data}).with_headers(reply.headers)


def _value(value: object) -> Change:
    """The first row's count, or its on-off switch, becomes `value`."""

    def change(data: Row, rows: Rows, query: Query) -> None:
        for holder, key in _first_value(rows):
            holder[key] = value

    return change


def _missing(data: Row, rows: Rows, query: Query) -> None:
    for holder, key in _first_value(rows):
        del holder[key]


def _renamed(data: Row, rows: Rows, query: Query) -> None:
    for holder, key in _first_value(rows):
        holder[f"{key}V2"] = holder.pop(key)


def _first_value(rows: Rows) -> Iterable[tuple[Row, str]]:
    """(object, key) of the first row's first count or switch; nothing in an empty list."""
    row = rows[0] if rows else {}
    inner = row["series"][0] if row.get("series") else row
    return [(inner, key) for key in ("count", "apiCalls", "enabled") if key in inner][:1]


def _unknown(data: Row, rows: Rows, query: Query) -> None:
    for row in rows:
        row["invented"] = {"since": ["yesterday", None, 1e300]}


def _not_an_object(data: Row, rows: Rows, query: Query) -> None:
    rows[:1] = ["not an object"][: len(rows)]


def _hollow(data: Row, rows: Rows, query: Query) -> None:
    rows[:] = [{} for _ in rows]


def _doubled(data: Row, rows: Rows, query: Query) -> None:
    rows[:] = [row for row in rows for _ in range(2)]


def _emptied(data: Row, rows: Rows, query: Query) -> None:
    rows.clear()
    data.get("pagination", {})["totalEntries"] = 0


def _renamed_list(data: Row, rows: Rows, query: Query) -> None:
    for key in [key for key, value in data.items() if value is rows]:
        data["items"] = data.pop(key)


def _other_workspace(data: Row, rows: Rows, query: Query) -> None:
    if "workspace" in data:
        data["workspace"] = {"id": "9other", "slug": "other", "name": "Somebody else"}


# Billed usage by day. Rows of other lists carry no timestamp and stay as they are.


def _middle(rows: Rows) -> str:
    days = sorted({row["timestamp"] for row in rows if "timestamp" in row})
    return days[len(days) // 2] if days else "9999"


def _lost_day(data: Row, rows: Rows, query: Query) -> None:
    middle = _middle(rows)
    rows[:] = [row for row in rows if row.get("timestamp") != middle]


def _late_day(data: Row, rows: Rows, query: Query) -> None:
    last = max((row.get("timestamp", "") for row in rows), default="")
    rows[:] = [row for row in rows if not last or row.get("timestamp") != last]


def _restated(data: Row, rows: Rows, query: Query) -> None:
    middle = _middle(rows)
    for row in rows:
        if row.get("timestamp", "") >= middle:
            row["apiCalls"] = str(int(row["apiCalls"]) + 1000)


def _falling(data: Row, rows: Rows, query: Query) -> None:
    middle = _middle(rows)
    for row in rows:
        if row.get("timestamp") == middle:
            row["apiCalls"] = str(int(row["apiCalls"]) * 10)


def _far_day(data: Row, rows: Rows, query: Query) -> None:
    for row in rows[:1]:
        inner = row["series"][0] if row.get("series") else row
        inner.update({key: "9999-12-31T00:00:00Z" for key in ("timestamp", "time") if key in inner})


def _hidden_source(data: Row, rows: Rows, query: Query) -> None:
    hidden = rows[0].get("sourceId") if rows else None
    rows[:] = [row for row in rows if hidden is None or row.get("sourceId") != hidden]


# Pages.


def _endless(data: Row, rows: Rows, query: Query) -> None:
    data.setdefault("pagination", {})["next"] = queries.cursor(query.offset() + 1000)


def _looping(data: Row, rows: Rows, query: Query) -> None:
    data.setdefault("pagination", {})["next"] = queries.cursor(0)


def _shifting(data: Row, rows: Rows, query: Query) -> None:
    """Two pages; before the second one is read a row comes in at the top of the list."""
    if query.offset():
        data["pagination"]["totalEntries"] += 1
    else:
        _cut(data, rows)


def _expiring(data: Row, rows: Rows, query: Query) -> None:
    if query.offset():
        raise Refused(422, "The cursor has expired", "pagination.cursor")
    _cut(data, rows)


def _cut(data: Row, rows: Rows) -> None:
    """Keep the first half for this page."""
    half = max(len(rows) // 2, 1)
    data["pagination"]["next"] = queries.cursor(half)
    del rows[half:]


SPOILS: dict[str, tuple[str, Change]] = {
    "null": ("the first row's value is null", _value(None)),
    "float": ("the first row's value is 1.5", _value(1.5)),
    "negative": ("the first row's value is -1", _value(-1)),
    "wrong-type": ("the first row's value is a list in place of a number or true", _value([True])),
    "huge": ("the first row's value is 2^63", _value(2**63)),
    "exponent": ("the first row's value is `1e3` as text", _value("1e3")),
    "underscore": ("the first row's value is `1_000` as text", _value("1_000")),
    "spaces": ("the first row's value is 12 as text, between spaces", _value(" 12 ")),
    "full-width": ("the first row's value has digits of another script", _value("１２")),
    "missing": ("the first row's value is missing", _missing),
    "renamed": ("the first row's value has another key", _renamed),
    "far-day": ("the first row is of the year 9999", _far_day),
    "not-an-object": ("the first row is a string", _not_an_object),
    "unknown": ("every row has a field that nobody knows", _unknown),
    "hollow": ("every row is an empty object", _hollow),
    "doubled": ("every row is there twice", _doubled),
    "emptied": ("the list is empty", _emptied),
    "renamed-list": ("the list has another key", _renamed_list),
    "other-workspace": ("the token belongs to another workspace", _other_workspace),
    "lost-day": ("usage has no row for a day in the middle", _lost_day),
    "late-day": ("usage has no row for its last day", _late_day),
    "restated": ("usage has 1,000 more calls from a day in the middle on", _restated),
    "falling": ("usage falls after a day in the middle", _falling),
    "hidden-source": ("usage lacks one source", _hidden_source),
    "endless": ("each page names a next one", _endless),
    "looping": ("the next page is the first one", _looping),
    "shifting": ("a row comes in between two pages", _shifting),
    "expiring": ("the second page's cursor has expired", _expiring),
}
