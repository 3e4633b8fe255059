"""Keyed rows: the one upsert of the count tables, and connections by their Segment id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection as database
from django.db.models import Field, Model

from cdpwatch.models import Connection, Workspace
from cdpwatch.readings import Direction


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
    rows: Sequence[tuple[object, ...]],
) -> int:
    """Insert rows, or update those whose `key` exists; unchanged rows are not rewritten.

    `columns` name the values of each row, key columns among them. Returns the rows given.
    """
    if not rows:
        return 0
    fields = {str(field.column): field for field in table._meta.concrete_fields}
    extra = {c: f.get_default() for c, f in fields.items() if c not in columns and c != "id"}
    names = [*columns, *extra]
    sql = _upsert_sql(table._meta.db_table, key, columns, names)
    prepare = [fields[name] for name in names]
    with database.cursor() as cursor:
        cursor.executemany(sql, [_prepared(prepare, (*row, *extra.values())) for row in rows])
    return len(rows)


def _upsert_sql(
    table: str, key: Sequence[str], columns: Sequence[str], names: Sequence[str]
) -> str:
    quote = database.ops.quote_name
    # SQLite learnt IS DISTINCT FROM in 3.39; its IS NOT has always meant the same.
    differs = "IS NOT" if database.vendor == "sqlite" else "IS DISTINCT FROM"
    values = [quote(column) for column in columns if column not in key]
    changes = ", ".join(f"{value} = excluded.{value}" for value in values)
    changed = " OR ".join(f"{quote(table)}.{v} {differs} excluded.{v}" for v in values)
    return (
        f"INSERT INTO {quote(table)} ({', '.join(map(quote, names))}) "
        f"VALUES ({', '.join(['%s'] * len(names))}) "
        f"ON CONFLICT ({', '.join(map(quote, key))}) DO UPDATE SET {changes} WHERE {changed}"
    )


def _prepared(fields: Sequence[Field[object, object]], values: Sequence[object]) -> tuple[Any, ...]:
    return tuple(
        field.get_db_prep_save(value, database) for field, value in zip(fields, values, strict=True)
    )
