"""Warehouse loads: rows of each source as BigQuery and as Segment's syncs count them, how late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cdpwatch.readings import Direction
from cdpwatch.reconciling import SIDES, Days, Place, final, live_total, loaded_of, partitions_of
from dashboards.reconciliation import Cell, Report, url_of_connection

NOT_ASKED = "BigQuery was not asked yet, or is not connected"
NO_DAY = "No whole day of loads was read yet"


@dataclass(frozen=True)
class LoadLine:
    """One source. `loaded_to` is when its newest good sync began: what came later is not in it."""

    title: str
    url: str
    cells: tuple[Cell, ...]  # live; calls, rows by partition, rows of syncs
    loaded_to: datetime | None


def load_lines(found: Report) -> list[LoadLine]:
    """The sources that are loaded into a warehouse, the one that is loaded latest first."""
    rows = found.rows
    warehouses = [p for p in rows.places.values() if p.direction == Direction.WAREHOUSE]
    fed = {pk for place in warehouses for pk in place.fed_by}
    lines = [_line(found, rows.places[pk]) for pk in fed if pk in rows.places]
    shown = [line for line in lines if line.loaded_to or any(c.calls for c in line.cells)]
    return sorted(shown, key=lambda line: (line.loaded_to or rows.now, line.title))


def _line(found: Report, source: Place) -> LoadLine:
    rows, pk = found.rows, source.pk
    loaded = loaded_of(rows, pk) if rows.warehouse.get(pk) else {}
    cells = (
        _cell(found, "live", live_total(rows, [pk])),
        _cell(found, "warehouse", loaded, NOT_ASKED),
        _cell(found, "partitions", partitions_of(rows, source), NOT_ASKED),
        _cell(found, "syncs", rows.synced.get(pk, {}), NO_DAY),
    )
    return LoadLine(source.name, url_of_connection(pk), cells, rows.loaded_to.get(pk))


def _cell(found: Report, side: str, days: Days, why: str = "") -> Cell:
    return found.cell(final(days, SIDES[side], found.rows.now), why)
