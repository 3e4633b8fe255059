"""The catalog: what the demo workspace consists of."""

from __future__ import annotations

from tests.demo.conftest import World

SOURCE_KEYS = {
    "id",
    "slug",
    "name",
    "workspaceId",
    "enabled",
    "writeKeys",
    "settings",
    "labels",
    "metadata",
}
STRICT_METADATA = {
    "id",
    "name",
    "slug",
    "description",
    "logos",
    "options",
    "categories",
    "status",
}


def test_it_holds_the_known_sources_and_the_misnamed_ones(world: World) -> None:
    names = {row["name"] for row in world.data("/sources")["sources"]}
    assert names == {
        "Prod - Application",
        "Staging - Application",
        "Dev - Application",
        "Prod - Backend",
        "Staging - Backend",
        "Prod - Census",
        "Prod - Customer.io",
        "Prod - Amplitude Cohort",
        "Prod - Cloud Function",
        "Prod - Manual",
        "Prod - Refiner",
        "Prod - Livestorm",
        "prod-application-old",
        "Segment test (Anna)",
    }


def test_it_gives_sources_every_key_that_a_strict_client_wants(world: World) -> None:
    for row in world.data("/sources")["sources"]:
        assert set(row) == SOURCE_KEYS
        assert set(row["metadata"]) >= STRICT_METADATA | {"isCloudEventSource"}
        assert world.data(f"/sources/{row['id']}") == {"source": row, "trackingPlanId": None}


def test_it_gives_destinations_every_key_that_a_strict_client_wants(world: World) -> None:
    wanted = STRICT_METADATA | {"actions", "presets", "components", "website", "previousNames"}
    rows = world.data("/destinations")["destinations"]
    for row in rows:
        assert set(row) == {"id", "name", "enabled", "sourceId", "settings", "metadata"}
        assert set(row["metadata"]) >= wanted
        assert world.data(f"/destinations/{row['id']}") == {"destination": row}
    assert len({row["id"] for row in rows}) == len(rows) == 16


def test_it_plants_a_canary_in_every_secret(world: World) -> None:
    sources = world.data("/sources")["sources"]
    destinations = world.data("/destinations")["destinations"]
    [warehouse] = world.data("/warehouses")["warehouses"]
    secrets = [row["writeKeys"] for row in sources]
    secrets += [row["settings"] for row in [*sources, *destinations, warehouse]]
    assert all("demo-canary" in str(secret) for secret in secrets)


def test_it_feeds_each_destination_from_one_source(world: World) -> None:
    every = world.data("/destinations")["destinations"]
    found = []
    for source in world.data("/sources")["sources"]:
        rows = world.data(f"/sources/{source['id']}/connected-destinations")["destinations"]
        assert {row["sourceId"] for row in rows} <= {source["id"]}
        found += [row["id"] for row in rows]
    assert sorted(found) == sorted(row["id"] for row in every)


def test_it_connects_the_warehouse_to_the_production_sources(world: World) -> None:
    [warehouse] = world.data("/warehouses")["warehouses"]
    assert warehouse["settings"]["name"] == "Prod - BigQuery"
    path = f"/warehouses/{warehouse['id']}/connected-sources"
    connected = {row["name"]: row["id"] for row in world.data(path)["sources"]}
    assert len(connected) == 9
    assert all(name.startswith("Prod - ") for name in connected)
    production = f"/sources/{connected['Prod - Application']}/connected-warehouses"
    staging = f"/sources/{world.source_id('Staging - Backend')}/connected-warehouses"
    assert [row["id"] for row in world.data(production)["warehouses"]] == [warehouse["id"]]
    assert world.data(staging)["warehouses"] == []


def test_it_lists_each_label_once(world: World) -> None:
    labels = [(row["key"], row["value"]) for row in world.data("/labels")["labels"]]
    assert len(labels) == len(set(labels))
    wanted = {("env", "prod"), ("env", "staging"), ("env", "dev"), ("app", "customer-io")}
    assert wanted <= set(labels)


def test_it_shows_the_livestorm_function_as_a_source_too(world: World) -> None:
    [row] = world.data("/functions", resourceType="SOURCE")["functions"]
    assert (row["displayName"], row["id"][:5]) == ("Livestorm", "sfnc_")
    assert "code" in world.data(f"/functions/{row['id']}")["function"]
    source = world.data(f"/sources/{world.source_id('Prod - Livestorm')}")["source"]
    assert source["metadata"]["id"] == row["catalogId"]
    assert world.data("/functions", resourceType="DESTINATION")["functions"] == []
