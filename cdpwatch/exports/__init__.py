"""What leaves as CSV or JSON: one function a table, the same for the command and the pages.

counts      usage, months, projections
incidents   leaks, alerts
listed      what is there now: catalog, names, events, agreement
writing     rows as text
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime

from cdpwatch.models import Workspace

from .counts import months, months_known, projection, projection_known, usage, usage_known
from .incidents import alerts, alerts_known, leaks, leaks_known
from .listed import agreement, catalog, connection, events, events_of, names
from .writing import FORMATS, FORMULA, HEADERS, Row, cell, write

EXPORTS: dict[str, Callable[[Workspace, date, date], Iterator[Row]]] = {
    "usage": usage,
    "months": months,
    "projection": projection,
    "leaks": leaks,
    "alerts": alerts,
    "catalog": catalog,
    "names": names,
    "events": events,
    "agreement": agreement,
}
# The same as of a moment; of the others only the present is kept.
AS_OF: dict[str, Callable[[Workspace, date, date, datetime], Iterator[Row]]] = {
    "usage": usage_known,
    "months": months_known,
    "projection": projection_known,
    "leaks": leaks_known,
    "alerts": alerts_known,
}


class NoHistory(Exception):
    """The table cannot be told as of a moment; the text says so."""


def rows(
    name: str, workspace: Workspace, first: date, last: date, at: datetime | None = None
) -> Iterator[Row]:
    """The rows of export `name`, of [first, last]; with `at` as known then. Raises NoHistory."""
    if at is None:
        return EXPORTS[name](workspace, first, last)
    if name not in AS_OF:
        told = f"{', '.join(list(AS_OF)[:-1])} and {list(AS_OF)[-1]}"
        raise NoHistory(
            f"{name} is kept as it is now and cannot be told as of a moment; {told} can."
        )
    return AS_OF[name](workspace, first, min(last, at.date()), at)


__all__ = [
    "AS_OF",
    "EXPORTS",
    "FORMATS",
    "FORMULA",
    "HEADERS",
    "NoHistory",
    "Row",
    "agreement",
    "alerts",
    "catalog",
    "cell",
    "connection",
    "events",
    "events_of",
    "leaks",
    "months",
    "names",
    "projection",
    "rows",
    "usage",
    "write",
]
