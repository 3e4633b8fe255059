"""Rows in bulk: the one upsert of the count tables, and connections by their Segment id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import chain
from operator import itemgetter
from typing import Any

from django.db import connection as database
from django.db import models, transaction
from django.db.models import Field, Model

from cdpwatch.models import Connection, Workspace
from cdpwatch.readings import Direction

# Fields whose Python values are what every database takes.
PLAIN = (models.IntegerField, models.CharField, models.ForeignKey)
SQLITE_VALUES = 999  # what every SQLite takes in one statement
Row = tuple[Any, ...]


def connections(
    workspace: Workspace,
    segment_ids: set[str],
    now: datetime,
    direction: Direction = Direction.SOURCE,
) -> dict[str, int]:
    """Primary keys by Segment id. Ids that no catalog knows are kept as retired connections:
    sources deleted during a period still appear in its usage."""
    known = dict(Connection.objects.filter(workspace=workspace).values_list("segment_id", "pk"))
    for missing in sorted(segment_ids - known.keys()):
        row, _ = Connection.objects.get_or_create(
            workspace=workspace,
            segment_id=missing,
            defaults={
                "direction": direction,
                "name": f"Unlisted {direction} {missing}",
                "enabled": False,
                "first_seen": now,
                "last_seen": now,
                "retired_at": now,
            },
        )
        known[missing] = row.pk
    return known


def upsert(
    table: type[Model],
    key: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[Row],
) -> int:
    """Insert rows, or update those whose `key` exists; unchanged rows are not rewritten.

    `columns` name the values of each row, key columns among them; every value is hashable. Of
    rows with the same key the last one counts. Returns the rows given.
    """
    if not rows:
        return 0
    names, whole = _whole(table, columns, rows)
    rule = _on_conflict(table, key, columns)
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            _merge(cursor, table, names, _ordered(names, key, whole), rule)
        else:
            _insert_many(cursor, _insert(table, names), whole, rule)
    return len(rows)


def _ordered(names: Sequence[str], key: Sequence[str], rows: Iterable[Row]) -> list[Row]:
    """The last row of each key, for one statement cannot change a row twice; and in one order
    whoever writes, for two workers would else wait for each other."""
    key_of = itemgetter(*map(names.index, key))
    last = {key_of(row): row for row in rows}
    return [last[key] for key in sorted(last)]


def append(table: type[Model], columns: Sequence[str], rows: Sequence[Row]) -> int:
    """Insert rows. `columns` name the values of each row. Returns the rows given."""
    if not rows:
        return 0
    names, whole = _whole(table, columns, rows)
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            _copy(cursor, table._meta.db_table, names, whole)
        else:
            _insert_many(cursor, _insert(table, names), whole)
    return len(rows)


def _whole(
    table: type[Model], columns: Sequence[str], rows: Sequence[Row]
) -> tuple[list[str], list[Row]]:
    """All columns, and the rows with the defaults of those that are not given, as the database
    takes them."""
    fields = {str(field.column): field for field in table._meta.concrete_fields}
    extra = {c: f.get_default() for c, f in fields.items() if c not in columns and c != "id"}
    names, defaults = [*columns, *extra], tuple(extra.values())
    return names, _prepared(
        [fields[name] for name in names], rows if not extra else [row + defaults for row in rows]
    )


def _prepared(fields: Sequence[Field[Any, Any]], rows: Sequence[Row]) -> list[Row]:
    """Each distinct value of a column is made once: a day or a bucket comes back in thousands of
    rows, and asking a field is the slow part."""
    columns = []
    for position, field in enumerate(fields):
        values = list(map(itemgetter(position), rows))
        if not isinstance(field, PLAIN):
            made = {value: _stored(field, value) for value in set(values)}
            values = [made[value] for value in values]
        columns.append(values)
    return list(zip(*columns, strict=True))


def _stored(field: Field[Any, Any], value: Any) -> Any:
    """The value as the database takes it; a moment as text, which is what COPY would make of it."""
    stored = field.get_db_prep_save(value, database)
    return str(stored) if isinstance(stored, date) else stored


def _insert_many(cursor: Any, insert: str, rows: Sequence[Row], rule: str = "") -> None:
    """SQLite's fast way: many rows a statement, for each statement looks up the last id again."""
    place = f"({_list(['%s'] * len(rows[0]))})"
    size = SQLITE_VALUES // len(rows[0])
    even = len(rows) - len(rows) % size
    cursor.executemany(
        f"{insert} VALUES {_list([place] * size)} {rule}",
        (list(chain.from_iterable(rows[n : n + size])) for n in range(0, even, size)),
    )
    cursor.executemany(f"{insert} VALUES {place} {rule}", rows[even:])


def _merge(
    cursor: Any, table: type[Model], names: Sequence[str], rows: Sequence[Row], rule: str
) -> None:
    """PostgreSQL's fast way, from twenty rows on: COPY into a table of this connection and
    merge from there. `rule` is what happens to rows that exist."""
    incoming, columns = "cdpwatch_incoming", _quoted(names)
    like = f"SELECT {columns} FROM {_quote(table._meta.db_table)}"
    with transaction.atomic():  # a failure takes the temporary table away
        cursor.execute(f"CREATE TEMPORARY TABLE {incoming} AS {like} WITH NO DATA")
        _copy(cursor, incoming, names, rows)
        cursor.execute(f"{_insert(table, names)} SELECT {columns} FROM {incoming} {rule}")
        cursor.execute(f"DROP TABLE {incoming}")


def _copy(cursor: Any, table: str, names: Sequence[str], rows: Iterable[Row]) -> None:
    words = f"COPY {_quote(table)} ({_quoted(names)}) FROM STDIN"
    # Django turns the errors of its own methods into django.db's, and COPY is none of them.
    with database.wrap_database_errors, cursor.copy(words) as copy:
        for row in rows:
            copy.write_row(row)


def _insert(table: type[Model], names: Sequence[str]) -> str:
    return f"INSERT INTO {_quote(table._meta.db_table)} ({_quoted(names)})"


def _on_conflict(table: type[Model], key: Sequence[str], columns: Sequence[str]) -> str:
    stored = _quote(table._meta.db_table)
    # SQLite learnt IS DISTINCT FROM in 3.39; its IS NOT has always meant the same.
    differs = "IS NOT" if database.vendor == "sqlite" else "IS DISTINCT FROM"
    values = [_quote(column) for column in columns if column not in key]
    changes = _list(f"{value} = excluded.{value}" for value in values)
    changed = " OR ".join(f"{stored}.{value} {differs} excluded.{value}" for value in values)
    return f"ON CONFLICT ({_quoted(key)}) DO UPDATE SET {changes} WHERE {changed}"


def _quote(name: str) -> str:
    return database.ops.quote_name(name)


def _quoted(names: Iterable[str]) -> str:
    return _list(map(_quote, names))


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)
