"""Reads what a Segment workspace consists of: sources, destinations, warehouses, functions.

Answers hold write keys and settings with credentials. Neither leaves this module; the one thing
lifted from `settings` is a warehouse's name, which Segment keeps nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote

from cdpwatch.http import Api, BadPayload, Fields, NotFound, Unauthorized, sample_of
from cdpwatch.readings import (
    LONGEST_ID,
    ConnectionReading,
    Direction,
    FunctionReading,
    Rejection,
    WorkspaceReading,
)

FUNCTION_KINDS = ("SOURCE", "DESTINATION", "INSERT_DESTINATION")


@dataclass(frozen=True)
class Catalog:
    """One workspace at one moment.

    `complete` False: a row that cannot be read was left out, so that what is missing here need
    not be gone in Segment.
    """

    workspace: WorkspaceReading
    connections: tuple[ConnectionReading, ...]
    functions: tuple[FunctionReading, ...]
    complete: bool = True


def read(api: Api) -> Catalog:
    """The workspace of the token and everything connected in it. Raises ApiError.

    Rows that cannot be read are in `api.rejections`. Functions are empty where the plan or the
    token does not show them.
    """
    told = workspace(api)
    rejected = len(api.rejections)
    connections = (*_sources(api), *_destinations(api), *_warehouses(api))
    complete = len(api.rejections) == rejected
    return Catalog(told, connections, tuple(_functions(api)), complete)


def workspace(api: Api) -> WorkspaceReading:
    """The workspace that the token belongs to, in one request. Raises ApiError."""
    row = Fields(api.get("/"), "GET /: data").part("workspace")
    segment_id = row.text("id", longest=LONGEST_ID)
    return WorkspaceReading(segment_id, row.text("slug")[:200], row.text("name")[:200])


def _sources(api: Api) -> list[ConnectionReading]:
    def parse(row: Fields) -> ConnectionReading:
        return _connection(row, Direction.SOURCE, row.text("name", ""))

    return api.rows("/sources", key="sources", parse=parse)


def _destinations(api: Api) -> list[ConnectionReading]:
    """A destination is fed by one source: the same tool behind three sources is three of them."""

    def parse(row: Fields) -> ConnectionReading:
        fed_by = (row.text("sourceId"),)
        return _connection(row, Direction.DESTINATION, row.text("name", ""), fed_by)

    return api.rows("/destinations", key="destinations", parse=parse)


def _warehouses(api: Api) -> list[ConnectionReading]:
    def parse(row: Fields) -> ConnectionReading:
        name = row.part("settings").text("name", "") if row.has("settings") else ""
        return _connection(row, Direction.WAREHOUSE, name)

    listed = api.rows("/warehouses", key="warehouses", parse=parse)
    return [replace(row, fed_by=_connected_sources(api, row.segment_id)) for row in listed]


def _connected_sources(api: Api, warehouse_id: str) -> tuple[str, ...]:
    path = f"/warehouses/{quote(warehouse_id, safe='')}/connected-sources"
    try:
        return tuple(api.rows(path, key="sources", parse=lambda row: row.text("id")))
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
        segment_id=row.text("id", longest=LONGEST_ID),
        direction=direction,
        name=name or slug or metadata_name,
        slug=slug,
        enabled=row.flag("enabled"),
        metadata_id=metadata.text("id", longest=LONGEST_ID),
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


def _functions(api: Api) -> list[FunctionReading]:
    """Functions of every kind. A token that may not see them reads none; the ledger says so."""
    found: list[FunctionReading] = []
    try:
        for kind in FUNCTION_KINDS:
            found += _functions_of(api, kind)
    except Unauthorized as error:  # nothing is asked after it
        api.rejections.append(Rejection("GET /functions", str(error)))
    return found


def _functions_of(api: Api, kind: str) -> list[FunctionReading]:
    def parse(row: Fields) -> FunctionReading | None:
        return _function(row, kind) if row.has("id") else None  # a draft has none

    try:
        listed = api.rows("/functions", {"resourceType": kind}, key="functions", parse=parse)
    except NotFound:
        return []
    return [_detailed(api, each) for each in listed if each]


def _function(row: Fields, kind: str) -> FunctionReading:
    return FunctionReading(
        segment_id=row.text("id", longest=LONGEST_ID),
        kind=kind,
        name=row.text("displayName", ""),
        description=row.text("description", ""),
        catalog_id=row.text("catalogId", "", longest=LONGEST_ID),
        deployed_at=row.instant("deployedAt") if row.has("deployedAt") else None,
    )


def _detailed(api: Api, listed: FunctionReading) -> FunctionReading:
    """The function asked for by its id, which alone says when it was deployed; else as listed."""
    path = f"/functions/{quote(listed.segment_id, safe='')}"
    try:
        data = Fields(api.get(path), f"GET {path}: data")
    except NotFound:
        return listed
    except Unauthorized as error:
        if error.status != 403:
            raise
        api.rejections.append(Rejection("GET /functions", str(error)))
        return listed
    try:
        details = _function(data.part("function"), listed.kind) if data.has("function") else listed
    except BadPayload as error:
        api.rejections.append(Rejection("GET /functions", str(error), sample_of(data.row)))
        return listed
    catalog_id = details.catalog_id or listed.catalog_id
    return replace(listed, catalog_id=catalog_id, deployed_at=details.deployed_at)
