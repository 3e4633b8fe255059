"""Segment's own TypeScript SDK reads the demo workspace, and finds what it expects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from cdpwatch.demo import world as there
from cdpwatch.demo.server import running
from tests.clients.conftest import Run
from tests.demo.conftest import PLENTY, Clock, client

pytestmark = pytest.mark.clients

PERIOD, DAY, NEXT = "2026-11-01", "2026-11-16", "2026-11-17"
# Version 47 is the newest on npm; the API's specification 73 has these too.
NEWER_THAN_THE_SDK = {
    "data.source.metadata.partnerOwned: unknown",
    "data.source.metadata.status: unknown",
    "data.sources[].metadata.partnerOwned: unknown",
    "data.sources[].metadata.status: unknown",
}
Answers = dict[str, Any]


@pytest.fixture(scope="module")
def read(node: Run) -> Iterator[Answers]:
    """All that the SDK read in pages of seven, and under "truth" what it should add up to."""
    with running(clock=Clock(), per_minute=PLENTY) as url, client(url) as http:
        span = {"from": PERIOD, "to": NEXT}
        asked = {"url": url, "token": "demo-token", "count": 7, "period": PERIOD}
        found: Answers = node("public_api.mjs", {**asked, "day": DAY, "next": NEXT})
        yield {**found, "truth": http.get("/_demo/truth.json", params=span).json()}


def rows(read: Answers, question: str) -> list[dict[str, Any]]:
    return list(read["answers"][question]["rows"])


def calls(read: Answers) -> Counter[tuple[str, str]]:
    """The calls that were really made, by source and day."""
    return Counter({(row["source_id"], row["day"]): row["calls"] for row in read["truth"]["calls"]})


def test_it_answers_what_the_models_of_the_sdk_declare(read: Answers) -> None:
    found = {each for answer in read["answers"].values() for each in answer["differences"]}
    assert found == NEWER_THAN_THE_SDK


def test_it_is_read_in_several_pages(read: Answers) -> None:
    long = ("usage", "usage by source", "users", "volume", "sources", "destinations")
    for question in long:
        answer = read["answers"][question]
        assert answer["pages"] == -(-len(answer["rows"]) // 7) > 1


def test_it_bills_what_was_called(read: Answers) -> None:
    by_day: Counter[str] = Counter()
    for (_, day), count in calls(read).items():
        by_day[day] += count
    running_total, said = 0, {row["timestamp"][:10]: row for row in rows(read, "usage")}
    assert said.keys() == by_day.keys()
    for day in sorted(said):
        running_total += by_day[day]
        assert said[day]["apiCalls"] == str(running_total)


def test_it_bills_each_source_for_its_own(read: Answers) -> None:
    said = {
        (row["sourceId"], row["timestamp"][:10]): int(row["apiCalls"])
        for row in rows(read, "usage by source")
    }
    sources = {source for source, _ in said}
    for source in sources:
        before = said.get((source, "2026-11-15"), 0)
        assert said[source, DAY] - before == calls(read)[source, DAY]
    assert sources == there.SOURCE_BY_ID.keys()


def test_it_shows_the_same_calls_in_volume(read: Answers) -> None:
    said: Counter[tuple[str, str]] = Counter()
    for row in rows(read, "volume"):
        for point in row["series"]:
            said[row["source"]["id"], point["time"][:10]] += point["count"]
    assert said == +Counter({key: n for key, n in calls(read).items() if key[1] == DAY})


def test_it_lists_the_whole_catalog(read: Answers) -> None:
    assert rows(read, "workspace") == [there.WORKSPACE]
    assert [row["name"] for row in rows(read, "sources")] == [each.name for each in there.SOURCES]
    assert [(row["id"], row["sourceId"]) for row in rows(read, "destinations")] == [
        (each.id, each.source_id) for each in there.DESTINATIONS
    ]
    assert [row["settings"]["name"] for row in rows(read, "warehouses")] == [there.WAREHOUSE_NAME]


def test_it_lists_labels_and_functions(read: Answers) -> None:
    used = {label for source in there.SOURCES for label in source.labels}
    assert {(row["key"], row["value"]) for row in rows(read, "labels")} == used
    assert [row["id"] for row in rows(read, "functions")] == [there.FUNCTION_ID]
    [function] = rows(read, "function")
    assert (function["displayName"], function["isLatestVersion"]) == ("Livestorm", True)


def test_it_accounts_for_every_call_at_every_destination(read: Answers) -> None:
    truth = {row["destination_id"]: row for row in read["truth"]["deliveries"] if row["day"] == DAY}
    counted = {each.id for each in there.DESTINATIONS if each.kind not in there.DEVICE_MODE}
    assert truth.keys() == counted
    for destination, row in truth.items():
        for step in ("delivered", "failed", "filtered"):
            total = sum(each["total"] for each in rows(read, f"{step} {destination}"))
            assert total == row[step], (destination, step)


def test_it_filters_what_a_source_received(read: Answers) -> None:
    tracked: Counter[str] = Counter()
    for row in rows(read, "volume"):
        if row["eventType"] == "track":
            tracked[row["source"]["id"]] += row["total"]
    for source in there.SOURCE_BY_ID:
        received = sum(row["total"] for row in rows(read, f"received {source}"))
        blocked = sum(row["total"] for row in rows(read, f"blocked {source}"))
        assert received - blocked == tracked[source]
        blocks = [
            row["track"]["allowEventOnViolations"] for row in rows(read, f"settings {source}")
        ]
        assert blocks == [not blocked]


def test_it_lists_what_was_loaded_and_done(read: Answers) -> None:
    loaded = {row["sourceId"] for row in rows(read, "syncs")}
    assert loaded == {source.id for source in there.WAREHOUSE_SOURCES}
    one = rows(read, "syncs of a source")
    assert one == [row for row in rows(read, "syncs") if row["sourceId"] == one[0]["sourceId"]]
    done = [row["timestamp"] for row in rows(read, "audit events")]
    assert done == sorted(done, reverse=True)
    assert PERIOD <= done[-1] <= done[0] < NEXT


def test_it_refuses_as_the_sdk_expects(read: Answers) -> None:
    assert read["refusals"] == {
        "wrong token": {"status": 401, "type": "unauthorized"},
        "unknown source": {"status": 404, "type": "not-found"},
        "no such granularity": {"status": 422, "type": "input-validation"},
    }


# --- the comparison itself ----------------------------------------------------------------------
LABEL = {"key": "env", "value": "prod"}
PAGE = {"current": "MA=="}
CASES: list[tuple[str, object, list[str]]] = [
    ("LabelV1", LABEL, []),
    ("LabelV1", {**LABEL, "description": "Production"}, []),
    ("LabelV1", {"key": "env"}, ["value: missing"]),
    ("LabelV1", {**LABEL, "colour": "red"}, ["colour: unknown"]),
    ("LabelV1", {**LABEL, "value": 1}, ["value: not a string"]),
    ("LabelV1", {**LABEL, "value": None}, ["value: null"]),
    ("PaginationOutput", {**PAGE, "next": None}, []),
    ("PaginationOutput", {**PAGE, "totalEntries": "3"}, ["totalEntries: not a number"]),
    ("ListLabelsV1Output", {"labels": [LABEL, {"key": "env"}]}, ["labels[].value: missing"]),
    ("ListLabelsV1Output", {"labels": LABEL}, ["labels[]: not an array"]),
    (
        "FunctionV1",
        {"resourceType": "LAMBDA"},
        ["resourceType: not a FunctionV1.ResourceTypeEnum"],
    ),
]


def test_it_sees_how_an_answer_differs(node: Run) -> None:
    asked = [{"model": model, "value": value} for model, value, _ in CASES]
    assert node("differences.mjs", asked) == [found for *_, found in CASES]
