"""Workspace, sources, destinations, warehouse, labels and functions, as the Public API gives them.

Write keys and settings are there as in the real answers, holding canaries: a reader of this API
must drop them.
"""

from __future__ import annotations

from typing import Any

from cdpwatch.demo import metadata, world
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import Demo
from cdpwatch.demo.web import Refused

RESOURCE_TYPES = (
    "SOURCE",
    "DESTINATION",
    "INSERT_DESTINATION",
    "INSERT_SOURCE",
    "INSERT_TRANSFORMATION",
)
FUNCTION_CODE = """\
async function onRequest(request, settings) {
  const { data } = request.json();
  if (data.meta.webhook.event !== 'people.attended') return;
  Segment.track({ event: 'Webinar Attended', anonymousId: data.id });
}
"""


def workspace(demo: Demo, query: Query) -> dict[str, Any]:
    return {"workspace": world.WORKSPACE}


def sources(demo: Demo, query: Query) -> dict[str, Any]:
    rows, pagination = query.page(world.SOURCES)
    return {"sources": [_source(row) for row in rows], "pagination": pagination}


def source(demo: Demo, query: Query, source_id: str) -> dict[str, Any]:
    return {"source": _source(find_source(source_id)), "trackingPlanId": None}


def connected_destinations(demo: Demo, query: Query, source_id: str) -> dict[str, Any]:
    slug = find_source(source_id).slug
    return _destinations(query, [row for row in world.DESTINATIONS if row.source == slug])


def connected_warehouses(demo: Demo, query: Query, source_id: str) -> dict[str, Any]:
    connected = find_source(source_id) in world.WAREHOUSE_SOURCES
    rows, pagination = query.page([_warehouse()] if connected else [])
    return {"warehouses": rows, "pagination": pagination}


def destinations(demo: Demo, query: Query) -> dict[str, Any]:
    return _destinations(query, list(world.DESTINATIONS))


def destination(demo: Demo, query: Query, destination_id: str) -> dict[str, Any]:
    return {"destination": _destination(find_destination(destination_id))}


def filters(demo: Demo, query: Query, destination_id: str) -> dict[str, Any]:
    find_destination(destination_id)
    none: list[dict[str, Any]] = []
    rows, pagination = query.page(none)
    return {"filters": rows, "pagination": pagination}


def warehouses(demo: Demo, query: Query) -> dict[str, Any]:
    rows, pagination = query.page([_warehouse()])
    return {"warehouses": rows, "pagination": pagination}


def warehouse(demo: Demo, query: Query, warehouse_id: str) -> dict[str, Any]:
    check_warehouse(warehouse_id)
    return {"warehouse": _warehouse()}


def connected_sources(demo: Demo, query: Query, warehouse_id: str) -> dict[str, Any]:
    check_warehouse(warehouse_id)
    rows, pagination = query.page(world.WAREHOUSE_SOURCES)
    return {"sources": [_source(row) for row in rows], "pagination": pagination}


def labels(demo: Demo, query: Query) -> dict[str, Any]:
    used = dict.fromkeys(label for row in world.SOURCES for label in row.labels)
    return {"labels": [_label(*label) for label in used]}


def functions(demo: Demo, query: Query) -> dict[str, Any]:
    kind = query.choice("resourceType", RESOURCE_TYPES)
    rows, pagination = query.page([_function()] if kind == "SOURCE" else [])
    return {"functions": rows, "pagination": pagination}


def function(demo: Demo, query: Query, function_id: str) -> dict[str, Any]:
    if function_id != world.FUNCTION_ID:
        raise Refused(404, "No such function")
    return {"function": {**_function(), **_function_details()}}


def find_source(source_id: str) -> world.Source:
    """Raises Refused (404)."""
    if source_id not in world.SOURCE_BY_ID:
        raise Refused(404, "No such source")
    return world.SOURCE_BY_ID[source_id]


def find_destination(destination_id: str) -> world.Destination:
    """Raises Refused (404)."""
    if destination_id not in world.DESTINATION_BY_ID:
        raise Refused(404, "No such destination")
    return world.DESTINATION_BY_ID[destination_id]


def check_warehouse(warehouse_id: str) -> None:
    """Raises Refused (404)."""
    if warehouse_id != world.WAREHOUSE_ID:
        raise Refused(404, "No such warehouse")


def _source(row: world.Source) -> dict[str, Any]:
    return {
        "id": row.id,
        "slug": row.slug,
        "name": row.name,
        "workspaceId": world.WORKSPACE["id"],
        "enabled": row.enabled,
        "writeKeys": [row.write_key],
        "settings": {"secret": f"{world.CANARY}-source-setting-{row.slug}"},
        "labels": [_label(*label) for label in row.labels],
        "metadata": metadata.source_metadata(row.kind),
    }


def _destinations(query: Query, found: list[world.Destination]) -> dict[str, Any]:
    rows, pagination = query.page(found)
    return {"destinations": [_destination(row) for row in rows], "pagination": pagination}


def _destination(row: world.Destination) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "enabled": True,
        "sourceId": row.source_id,
        "settings": {"apiKey": f"{world.CANARY}-api-key-{row.kind}-{row.source}"},
        "metadata": metadata.destination_metadata(row.kind),
    }


def _warehouse() -> dict[str, Any]:
    return {
        "id": world.WAREHOUSE_ID,
        "workspaceId": world.WORKSPACE["id"],
        "enabled": True,
        "settings": {
            "name": world.WAREHOUSE_NAME,
            "credentials": f"{world.CANARY}-warehouse-credentials",
        },
        "metadata": metadata.warehouse_metadata(),
    }


def _label(key: str, value: str) -> dict[str, str]:
    label = {"key": key, "value": value}
    description = world.LABEL_DESCRIPTIONS.get((key, value))
    return {**label, "description": description} if description else label


def _function() -> dict[str, Any]:
    return {
        "id": world.FUNCTION_ID,
        "resourceType": "SOURCE",
        "createdAt": "2024-03-11T09:20:00.000Z",
        "createdBy": world.segment_id("user", "anna"),
        "displayName": "Livestorm",
        "description": "Livestorm webhooks to track calls",
        "logoUrl": "",
        "catalogId": world.FUNCTION_CATALOG_ID,
    }


def _function_details() -> dict[str, Any]:
    setting = {"name": "sharedSecret", "label": "Shared secret", "description": ""}
    return {
        "code": FUNCTION_CODE,
        "deployedAt": "2025-01-02T10:00:00.000Z",
        "settings": [{**setting, "type": "STRING", "required": True, "sensitive": True}],
        "previewWebhookUrl": f"https://functions.example/{world.CANARY}-preview-webhook",
        "batchMaxCount": 0,
        "isLatestVersion": True,
    }
