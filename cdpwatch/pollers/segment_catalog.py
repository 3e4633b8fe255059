"""Reads what a Segment workspace consists of: sources, destinations, warehouses, functions.

Answers hold write keys and settings with credentials. Neither leaves this module; the one thing
lifted from `settings` is a warehouse's name, which Segment keeps nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from cdpwatch.http import Api, Fields, NotFound, Unauthorized
from cdpwatch.readings import ConnectionReading, Direction, FunctionReading, WorkspaceReading

FUNCTION_KINDS = ("SOURCE", "DESTINATION", "INSERT_DESTINATION")


@dataclass(frozen=True)
class Catalog:
    """One workspace at one moment."""

    workspace: WorkspaceReading
    connections: tuple[ConnectionReading, ...]
    functions: tuple[FunctionReading, ...]


def read(api: Api) -> Catalog:
    """The workspace of the token and everything connected in it. Raises ApiError.

    Functions are empty where the plan or the token does not show them.
    """
    return Catalog(
        workspace=workspace(api),
        connections=(*_sources(api), *_destinations(api), *_warehouses(api)),
        functions=tuple(row for kind in FUNCTION_KINDS for row in _functions(api, kind)),
    )


def workspace(api: Api) -> WorkspaceReading:
    """The workspace that the token belongs to, in one request. Raises ApiError."""
    row = Fields(api.get("/"), "GET /: data").part("workspace")
    return WorkspaceReading(row.text("id"), row.text("slug"), row.text("name"))


def _sources(api: Api) -> Iterator[ConnectionReading]:
    for row in api.rows("/sources", key="sources"):
        yield _connection(row, Direction.SOURCE, row.text("name", ""))


def _destinations(api: Api) -> Iterator[ConnectionReading]:
    """A destination is fed by one source: the same tool behind three sources is three of them."""
    for row in api.rows("/destinations", key="destinations"):
        fed_by = (row.text("sourceId"),)
        yield _connection(row, Direction.DESTINATION, row.text("name", ""), fed_by)


def _warehouses(api: Api) -> Iterator[ConnectionReading]:
    for row in api.rows("/warehouses", key="warehouses"):
        name = row.part("settings").text("name", "") if row.has("settings") else ""
        fed_by = _connected_sources(api, row.text("id"))
        yield _connection(row, Direction.WAREHOUSE, name, fed_by)


def _connected_sources(api: Api, warehouse_id: str) -> tuple[str, ...]:
    path = f"/warehouses/{quote(warehouse_id, safe='')}/connected-sources"
    try:
        return tuple(row.text("id") for row in api.rows(path, key="sources"))
    except NotFound:  # removed since it was listed
        return ()


def _connection(
    row: Fields, direction: Direction, name: str, fed_by: tuple[str, ...] = ()
) -> ConnectionReading:
    """Names are optional in Segment: the slug, then the name of its kind stand in."""
    metadata = row.part("metadata")
    slug = row.text("slug", "")
    metadata_name = metadata.text("name", "")
    return ConnectionReading(
        segment_id=row.text("id"),
        direction=direction,
        name=name or slug or metadata_name,
        slug=slug,
        enabled=row.flag("enabled"),
        metadata_id=metadata.text("id"),
        metadata_name=metadata_name,
        metadata_slug=metadata.text("slug", ""),
        labels=_labels(row),
        fed_by=fed_by,
    )


def _labels(row: Fields) -> dict[str, str]:
    """Only sources carry labels, and one value a key."""
    if not row.has("labels"):
        return {}
    return {label.text("key"): label.text("value") for label in row.parts("labels")}


def _functions(api: Api, kind: str) -> list[FunctionReading]:
    try:
        rows = list(api.rows("/functions", {"resourceType": kind}, key="functions"))
    except (Unauthorized, NotFound):
        return []
    return [_function(api, row, kind) for row in rows if row.has("id")]


def _function(api: Api, row: Fields, kind: str) -> FunctionReading:
    details = _details(api, row)
    return FunctionReading(
        segment_id=row.text("id"),
        kind=kind,
        name=row.text("displayName", ""),
        description=row.text("description", ""),
        catalog_id=details.text("catalogId", "") or row.text("catalogId", ""),
        deployed_at=details.instant("deployedAt") if details.has("deployedAt") else None,
    )


def _details(api: Api, row: Fields) -> Fields:
    """The function by its id, which alone says when it was deployed; else the row of the list."""
    path = f"/functions/{quote(row.text('id'), safe='')}"
    try:
        data = Fields(api.get(path), f"GET {path}: data")
    except (Unauthorized, NotFound):
        return row
    return data.part("function") if data.has("function") else row
