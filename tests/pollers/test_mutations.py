"""Golden answers, changed at random: the pollers refuse or take them, and never break."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdpwatch import catalog, counting
from cdpwatch.http import Api, ApiError, segment
from cdpwatch.models import Connection, Workspace
from cdpwatch.pollers import (
    segment_audit,
    segment_catalog,
    segment_delivery,
    segment_ingest,
    segment_period,
    segment_schema,
    segment_syncs,
    segment_usage,
    segment_volume,
)
from cdpwatch.readings import Grain, NotRecorded, Window
from tests.pollers.conftest import FakeSegment, load

JUNE = date(2025, 6, 1)
NOW = datetime(2025, 6, 3, 12, tzinfo=UTC)
WINDOW = Window(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 6, 3, tzinfo=UTC))
GOLDEN = {
    "/": "workspace",
    "/sources": "sources",
    "/destinations": "destinations",
    "/warehouses": "warehouses",
    "/warehouses/whBig01/connected-sources": "warehouse_sources",
    "/functions": "functions",
    "/functions/sfnc_Webinar1": "function",
    "/usage/api-calls/daily": "usage_workspace",
    "/usage/api-calls/sources/daily": "usage_sources",
    "/events/volume": "volume",
    "/delivery-overview/successful-delivery": "delivery_delivered",
    "/delivery-overview/failed-delivery": "delivery_failed",
    "/delivery-overview/filtered-at-destination": "delivery_filtered",
    "/delivery-overview/successfully-received": "ingest_received",
    "/delivery-overview/failed-on-ingest": "ingest_failed",
    "/delivery-overview/filtered-at-source": "ingest_filtered",
    "/warehouses/whBig01/syncs": "warehouse_syncs",
    "/audit-events": "audit_events",
    "/sources/srcWebProd01/settings": "schema_settings",
    "/usage/mtu/daily": "usage_users",
}
ANSWERS = {path: load(name) for path, name in GOLDEN.items()}
Path = tuple[str | int, ...]

NUMBERS = (-1, 0, 1.5, 5.0, 1e300, 2**63, 10**18, " 12 ", "1e3", "1_000", "１２", "NaN")
TEXTS = ("", "\0\ud800", "<b>", "x" * 5000, "srcWebProd01", "whBig01")
DAYS = ("2025-06-01", "9999-12-31", "0001-01-01T00:00:00+14:00")
ODD: tuple[object, ...] = (None, True, [], {}, [[]], [{}], {"id": "a"}, *NUMBERS, *TEXTS, *DAYS)


def paths_of(value: object, here: Path = ()) -> Iterator[Path]:
    """Where every value inside `value` is."""
    listed = dict(enumerate(value)) if isinstance(value, list) else value
    for key, inner in listed.items() if isinstance(listed, dict) else ():
        yield (*here, key)
        yield from paths_of(inner, (*here, key))


PLACES = [(endpoint, path) for endpoint, body in ANSWERS.items() for path in paths_of(body)]


def changed(endpoint: str, path: Path, way: str, value: object) -> dict[str, Any]:
    """The golden answers with the value at one place replaced, dropped, renamed or doubled."""
    answers = copy.deepcopy(ANSWERS)
    holder: Any = answers[endpoint]
    for key in path[:-1]:
        holder = holder[key]
    last = path[-1]
    if way == "replace":
        holder[last] = value
    elif isinstance(holder, list):
        holder.insert(last, copy.deepcopy(holder[last])) if way == "double" else holder.pop(last)
    else:
        old = holder.pop(last)
        holder |= {f"{last}V2": old} if way == "double" else {}
    return answers


def read_and_record(api: Api, workspace: Workspace) -> None:
    listed = segment_catalog.read(api)
    told = (listed.workspace, listed.connections, listed.functions)
    catalog.record(workspace, *told, NOW, complete=listed.complete)
    counting.record_usage(workspace, segment_usage.read(api, [JUNE]), NOW)
    volume = segment_volume.read(api, Grain.HOUR, WINDOW)
    counting.record_volume(workspace, Grain.HOUR, WINDOW, volume, NOW)
    pairs = [("srcWebProd01", "dstAmp01"), ("srcWebProd01", "dstHooks02")]
    deliveries = segment_delivery.read(api, [segment_delivery.Ask(*p, WINDOW) for p in pairs])
    counting.record_delivery(workspace, deliveries, NOW)
    ingested = segment_ingest.read(api, [segment_ingest.Ask("srcWebProd01", WINDOW)])
    counting.record_ingest(workspace, ingested, NOW)
    for warehouse in Connection.objects.filter(segment_id="whBig01"):
        counting.record_syncs(workspace, warehouse, segment_syncs.read(api, "whBig01"), NOW)
    counting.record_audit(workspace, segment_audit.read(api, WINDOW))
    counting.record_schema(workspace, segment_schema.read(api, ["srcWebProd01"]), NOW)
    counting.record_periods(workspace, segment_period.read(api, [JUNE]), NOW)


Turn = Callable[[dict[str, Any]], int | None]


@pytest.fixture
def turn(workspace: Workspace) -> Turn:
    """Reads and records the answers it is given, and takes it back; rows rejected, None: failed."""
    fake = FakeSegment()

    def act(answers: dict[str, Any]) -> int | None:
        fake.replies = answers
        transport = httpx.MockTransport(fake)
        with segment("https://s.test", "sgp_test", transport=transport, attempts=1) as api:
            try:
                with transaction.atomic():
                    read_and_record(api, workspace)
                    transaction.set_rollback(True)
            except (ApiError, NotRecorded) as error:
                assert str(error).endswith(".") and str(error).isprintable()
                return None
        json.dumps([rejection.sample for rejection in api.rejections]).encode()
        assert "SECRET" not in repr(api.rejections)
        return len(api.rejections)

    return act


def test_it_takes_the_golden_answers_whole(turn: Turn) -> None:
    assert turn(ANSWERS) == 0


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    place=st.sampled_from(PLACES),
    way=st.sampled_from(["replace", "replace", "replace", "drop", "double"]),
    value=st.sampled_from(ODD),
)
def test_it_refuses_or_takes_whatever_changes(
    turn: Turn, place: tuple[str, Path], way: str, value: object
) -> None:
    turn(changed(*place, way, value))
