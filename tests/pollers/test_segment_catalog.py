from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from cdpwatch.http import Api, BadPayload, ServerError
from cdpwatch.pollers import segment_catalog
from cdpwatch.readings import ConnectionReading, Direction, FunctionReading, WorkspaceReading


@pytest.fixture(autouse=True)
def workspace(fake: Any, payload: Any) -> None:
    def functions(params: httpx.QueryParams) -> Any:
        if params["resourceType"] == "SOURCE":
            return payload("functions")
        return {"data": {"functions": [], "pagination": {"current": "MA=="}}}

    fake.replies = {
        "/": payload("workspace"),
        "/sources": payload("sources"),
        "/destinations": payload("destinations"),
        "/warehouses": payload("warehouses"),
        "/warehouses/whBig01/connected-sources": payload("warehouse_sources"),
        "/functions": functions,
        "/functions/sfnc_Webinar1": payload("function"),
    }


def by_id(catalog: segment_catalog.Catalog) -> dict[str, ConnectionReading]:
    return {connection.segment_id: connection for connection in catalog.connections}


def test_it_reads_the_workspace(api: Api) -> None:
    assert segment_catalog.read(api).workspace == WorkspaceReading(
        segment_id="wsHarbour0001", slug="harbour", name="Harbour"
    )


def test_it_reads_a_source_with_its_labels(api: Api) -> None:
    assert by_id(segment_catalog.read(api))["srcWebProd01"] == ConnectionReading(
        segment_id="srcWebProd01",
        direction=Direction.SOURCE,
        name="Prod - Web app",
        slug="prod_web_app",
        enabled=True,
        metadata_id="IqDTy1TpoU",
        metadata_name="Javascript",
        metadata_slug="javascript",
        labels={"environment": "prod", "team": "growth"},
    )


def test_it_falls_back_to_the_slug_and_then_to_the_name_of_the_kind(api: Api) -> None:
    connections = by_id(segment_catalog.read(api))
    assert connections["srcHook02"].name == "staging_webinars"
    assert connections["dstHooks02"].name == "Webhooks (Actions)"


def test_it_links_destinations_and_warehouses_to_their_sources(api: Api) -> None:
    connections = by_id(segment_catalog.read(api))
    assert connections["dstAmp01"].fed_by == ("srcWebProd01",)
    assert connections["whBig01"].fed_by == ("srcWebProd01", "srcHook02")


def test_it_lifts_the_name_of_a_warehouse_from_its_settings(api: Api) -> None:
    warehouse = by_id(segment_catalog.read(api))["whBig01"]
    assert (warehouse.name, warehouse.direction) == ("Prod - BigQuery", Direction.WAREHOUSE)


def test_it_takes_a_warehouse_removed_meanwhile_as_fed_by_nothing(fake: Any, api: Api) -> None:
    del fake.replies["/warehouses/whBig01/connected-sources"]
    assert by_id(segment_catalog.read(api))["whBig01"].fed_by == ()


def test_it_reads_when_a_function_was_deployed(api: Api) -> None:
    assert segment_catalog.read(api).functions == (
        FunctionReading(
            segment_id="sfnc_Webinar1",
            kind="SOURCE",
            name="Webinars",
            description="Turns webinar hooks into track calls",
            catalog_id="catWebinar",
            deployed_at=datetime(2025, 2, 3, 4, 5, 6, 789000, tzinfo=UTC),
        ),
    )


@pytest.mark.parametrize("details", [403, 404, {"data": {"function": None}}])
def test_it_keeps_a_function_whose_details_are_not_shown(
    fake: Any, api: Api, details: object
) -> None:
    fake.replies["/functions/sfnc_Webinar1"] = details
    (function,) = segment_catalog.read(api).functions
    assert (function.segment_id, function.deployed_at) == ("sfnc_Webinar1", None)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_it_has_no_functions_where_they_may_not_be_listed(fake: Any, api: Api, status: int) -> None:
    fake.replies["/functions"] = status
    catalog = segment_catalog.read(api)
    assert catalog.functions == ()
    assert len(catalog.connections) == 5


def test_it_asks_for_each_kind_of_function(fake: Any, api: Api) -> None:
    segment_catalog.read(api)
    kinds = [url.params["resourceType"] for url in fake.asked if url.path == "/functions"]
    assert kinds == ["SOURCE", "DESTINATION", "INSERT_DESTINATION"]


def test_it_fails_as_a_whole_when_a_list_fails(fake: Any, api: Api) -> None:
    fake.replies["/functions"] = 500
    with pytest.raises(ServerError):
        segment_catalog.read(api)


def test_it_lets_no_write_key_setting_or_code_out(api: Api) -> None:
    assert "SECRET" not in repr(segment_catalog.read(api))


def test_it_takes_the_other_sources_beside_one_that_cannot_be_read(
    fake: Any, api: Api, payload: Any
) -> None:
    sources = payload("sources")
    del sources["data"]["sources"][0]["metadata"]["id"]
    fake.replies["/sources"] = sources
    catalog = segment_catalog.read(api)
    assert not catalog.complete
    assert "srcHook02" in by_id(catalog) and "srcWebProd01" not in by_id(catalog)
    (rejection,) = api.rejections
    assert (rejection.where, rejection.reason) == (
        "GET /sources: sources",
        "metadata.id is missing.",
    )
    assert '"id": "srcWebProd01"' in rejection.sample
    assert "SECRET" not in rejection.sample


def test_it_fails_where_no_row_of_a_list_can_be_read(fake: Any, api: Api, payload: Any) -> None:
    sources = payload("sources")
    for row in sources["data"]["sources"]:
        row["enabled"] = "yes"
    fake.replies["/sources"] = sources
    with pytest.raises(BadPayload) as caught:
        segment_catalog.read(api)
    assert str(caught.value) == (
        "GET /sources: sources[0].enabled is not true or false. No row of this list could be taken."
    )


def test_it_takes_a_catalog_whose_functions_are_not_shown_as_complete(fake: Any, api: Api) -> None:
    fake.replies["/functions"] = 403
    assert segment_catalog.read(api).complete
    assert ["refused (403)" in each.reason for each in api.rejections] == [True]


@pytest.mark.parametrize("path", ["/functions", "/functions/sfnc_Webinar1"])
def test_it_asks_nothing_more_once_functions_are_refused(fake: Any, api: Api, path: str) -> None:
    fake.replies[path] = 401
    segment_catalog.read(api)
    assert fake.asked[-1].path == path


def test_it_keeps_a_function_whose_details_cannot_be_read(
    fake: Any, api: Api, payload: Any
) -> None:
    function = payload("function")
    function["data"]["function"]["deployedAt"] = "soon"
    fake.replies["/functions/sfnc_Webinar1"] = function
    (listed,) = segment_catalog.read(api).functions
    assert (listed.segment_id, listed.deployed_at) == ("sfnc_Webinar1", None)
    (rejection,) = api.rejections
    assert "deployedAt is not an ISO 8601 time" in rejection.reason
    assert "SECRET" not in rejection.sample


def test_it_does_not_take_a_renamed_list_for_an_empty_one(fake: Any, api: Api) -> None:
    fake.replies["/destinations"] = {"data": {"targets": []}}
    with pytest.raises(BadPayload, match=r"GET /destinations: data\.destinations is missing"):
        segment_catalog.read(api)


def test_it_keeps_an_id_with_a_slash_inside_its_path_segment(
    fake: Any, api: Api, payload: Any
) -> None:
    warehouses = payload("warehouses")
    warehouses["data"]["warehouses"][0]["id"] = "../sources"
    fake.replies["/warehouses"] = warehouses
    segment_catalog.read(api)
    raw_paths = [url.raw_path.decode().partition("?")[0] for url in fake.asked]
    assert "/warehouses/..%2Fsources/connected-sources" in raw_paths
