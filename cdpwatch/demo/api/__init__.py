"""The Public API: who may ask, how often, and which function answers."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from typing import Any

from cdpwatch.demo import query as queries
from cdpwatch.demo.api import audit, catalog, delivery, settings, syncs, usage, volume
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import Demo
from cdpwatch.demo.web import Refused, Reply, Request, as_error, as_json

Endpoint = Callable[..., dict[str, Any]]

# Every endpoint takes the demo, the query and the ids in its path, and answers the `data` object.
ROUTES: dict[str, Endpoint] = {
    "/": catalog.workspace,
    "/sources": catalog.sources,
    "/sources/{id}": catalog.source,
    "/sources/{id}/connected-destinations": catalog.connected_destinations,
    "/sources/{id}/connected-warehouses": catalog.connected_warehouses,
    "/sources/{id}/settings": settings.schema,
    "/destinations": catalog.destinations,
    "/destinations/{id}": catalog.destination,
    "/destination/{id}/filters": catalog.filters,
    "/warehouses": catalog.warehouses,
    "/warehouses/{id}": catalog.warehouse,
    "/warehouses/{id}/connected-sources": catalog.connected_sources,
    "/warehouses/{id}/syncs": syncs.of_warehouse,
    "/warehouses/{id}/connected-sources/{id}/syncs": syncs.of_source,
    "/labels": catalog.labels,
    "/functions": catalog.functions,
    "/functions/{id}": catalog.function,
    "/usage/api-calls/daily": usage.workspace_calls,
    "/usage/api-calls/sources/daily": usage.source_calls,
    "/usage/mtu/daily": usage.workspace_users,
    "/usage/mtu/sources/daily": usage.source_users,
    "/audit-events": audit.events,
    "/events/volume": volume.events,
    "/delivery-overview/successfully-received": delivery.successfully_received,
    "/delivery-overview/failed-on-ingest": delivery.failed_on_ingest,
    "/delivery-overview/filtered-at-source": delivery.filtered_at_source,
    "/delivery-overview/filtered-at-destination": delivery.filtered_at_destination,
    "/delivery-overview/failed-delivery": delivery.failed_delivery,
    "/delivery-overview/successful-delivery": delivery.successful_delivery,
}
PATTERNS = [
    (re.compile(path.replace("{id}", "([^/]+)")), endpoint) for path, endpoint in ROUTES.items()
]
HIDDEN_HEADERS = ("authorization", "cookie")


def answer(demo: Demo, request: Request) -> Reply:
    """The API's reply to one request, refusals included."""
    try:
        check_token(demo, request)
        limits = demo.limits.spend(request.path, demo.clock())
        return as_json({"data": _data(demo, request)}).with_headers(limits)
    except Refused as refused:
        return as_error(refused)


def check_token(demo: Demo, request: Request) -> None:
    """Raises Refused (401) unless the request carries the demo's bearer token."""
    sent = request.headers.get("authorization", "")
    if not hmac.compare_digest(sent.encode(), f"Bearer {demo.token}".encode()):
        raise Refused(401, "The token is missing, invalid or has no access")


def _data(demo: Demo, request: Request) -> dict[str, Any]:
    if request.method != "GET":
        raise Refused(404, "The demo workspace can only be read")
    query = queries.parse(request.query)
    if request.path == "/echo":
        return _echo(request, query)
    for pattern, endpoint in PATTERNS:
        if match := pattern.fullmatch(request.path):
            return endpoint(demo, query, *match.groups())
    raise Refused(404, "No such resource")


def _echo(request: Request, query: Query) -> dict[str, Any]:
    headers = {name: text for name, text in request.headers.items() if name not in HIDDEN_HEADERS}
    return {"message": query.text("message"), "method": request.method, "headers": headers}
