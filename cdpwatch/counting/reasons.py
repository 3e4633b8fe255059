"""Calls by outcome and reason: what tables of ingest and of discards have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from cdpwatch.models import DiscardDay, IngestDay

from .rows import Row, upsert


def replace_reasons(
    table: type[IngestDay] | type[DiscardDay],
    owner: str,
    rows: Sequence[Row],
    told: set[tuple[int, date]],
) -> int:
    """Make the days in `told` what `rows` say, by owner, day, call type, outcome and reason.

    `owner` is the column of the connection. A reason that is no longer told of a day goes. Returns
    the rows given.
    """
    key = (owner, "day", "call_type", "outcome", "reason")
    upsert(table, key, (*key, "calls"), rows)
    keep = {row[:-1] for row in rows}
    owners, days = {pk for pk, _ in told}, {day for _, day in told}
    stored = table.objects.filter(**{f"{owner}__in": owners}, day__in=days)
    gone = [
        pk
        for pk, *held in stored.values_list("pk", *key)
        if (held[0], held[1]) in told and tuple(held) not in keep
    ]
    for start in range(0, len(gone), 500):
        table.objects.filter(pk__in=gone[start : start + 500]).delete()
    return len(rows)
