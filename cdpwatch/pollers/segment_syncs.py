"""Reads when a warehouse was loaded: one run per source, with its rows.

`GET /warehouses/{id}/syncs` takes 2 requests a minute for all warehouses of a token together. So a
turn makes a single request: the newest page, which holds the runs of many turns.
"""

from __future__ import annotations

from urllib.parse import quote

from cdpwatch.http import Api, Fields
from cdpwatch.readings import LONGEST_ID, SyncReading

NEWEST = 200  # runs asked for: the largest page that every deployment gives
LONGEST_STATUS, LONGEST_SAID = 40, 500  # characters that the table has room for


def read(api: Api, warehouse_id: str) -> tuple[SyncReading, ...]:
    """The newest runs that loaded the warehouse, in one request.

    Runs that cannot be read are in `api.rejections`. Raises ApiError; NotFound for a warehouse
    that Segment no longer has.
    """
    path = f"/warehouses/{quote(warehouse_id, safe='')}/syncs"
    where = f"GET {path}"
    data = Fields(api.get(path, {"pagination.count": NEWEST}), f"{where}: data")
    return tuple(api.taken(data.items("reports"), f"{where}: reports", _sync))


def _sync(row: Fields) -> SyncReading:
    return SyncReading(
        source_id=row.text("sourceId", longest=LONGEST_ID),
        started_at=row.instant("start"),
        ended_at=row.instant("end") if row.has("end") else None,
        status=row.text("status")[:LONGEST_STATUS],
        rows=row.whole("count"),
        said=_notices(row)[:LONGEST_SAID],
    )


def _notices(row: Fields) -> str:
    if not row.has("notices"):
        return ""
    return "\n".join(notice.text("message", "") for notice in row.parts("notices"))
