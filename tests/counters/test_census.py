from __future__ import annotations

from typing import Any

import pytest

from cdpwatch.counters import CountRow, Exactness, Kind
from cdpwatch.counters.census import CENSUS
from cdpwatch.http import BadPayload, JsonApi, NotFound, Refused, Unauthorized
from cdpwatch.readings import NoData, Window
from tests.factories import at

WINDOW = Window(at(3, 5, month=3), at(3, 13, month=3))
RUNS = "/api/v1/syncs/512/sync_runs"


@pytest.fixture(autouse=True)
def workspace(fake: Any, payload: Any) -> None:
    fake.replies = {
        "/api/v1/destinations": payload("census_destinations"),
        "/api/v1/syncs": payload("census_syncs"),
        RUNS: payload("census_sync_runs"),
    }


def of_grain(rows: list[CountRow], grain: str) -> dict[Any, int]:
    return {(row.bucket, row.call_type, row.kind): row.count for row in rows if row.grain == grain}


def test_it_sums_the_runs_that_ended_on_a_utc_day(count: Any) -> None:
    """One that began before midnight counts where it ended; one that still runs not yet."""
    day = at(3, month=3)
    rows = count(CENSUS, WINDOW)
    assert of_grain(rows, "day") == {
        (day, "identify", Kind.EMITTED): 18_690,
        (day, "identify", Kind.FAILED): 9,
    }
    assert {row.exactness for row in rows} == {Exactness.EXACT}


def test_it_gives_each_run_and_says_when_it_sent_all_records_again(count: Any) -> None:
    rows = [row for row in count(CENSUS, WINDOW) if row.grain == "run"]
    assert [(dict(row.dims), row.count) for row in rows if row.kind == Kind.EMITTED] == [
        ({"full_sync": "true", "run": "94017", "sync": "512"}, 18_190),
        ({"full_sync": "false", "run": "94016", "sync": "512"}, 500),
    ]


def test_it_asks_only_for_runs_of_syncs_to_segment(fake: Any, count: Any) -> None:
    count(CENSUS, WINDOW)
    assert [url.path for url in fake.asked] == list(fake.replies)
    assert dict(fake.asked[-1].params) == {"page": "1", "per_page": "100", "order": "desc"}


def test_it_leaves_out_runs_that_ended_on_other_days(count: Any) -> None:
    window = Window(at(4, month=3), at(4, 12, month=3))
    assert count(CENSUS, window) == []


def test_it_knows_the_older_name_of_a_count(fake: Any, count: Any, payload: Any) -> None:
    answer = payload("census_sync_runs")
    for run in answer["data"]:
        run["records_succeeded"] = run.pop("records_updated")
    fake.replies[RUNS] = answer
    assert (
        of_grain(count(CENSUS, WINDOW), "day")[at(3, month=3), "identify", Kind.EMITTED] == 18_690
    )


def paged(*pages: dict[str, Any]) -> Any:
    """Each page names the next one."""

    def answer(params: Any) -> dict[str, Any]:
        number = int(params["page"])
        following = number + 1 if number < len(pages) else None
        return {**pages[number - 1], "pagination": {"next_page": following}}

    return answer


def test_it_counts_a_run_once_that_slips_to_the_next_page(
    fake: Any, count: Any, payload: Any
) -> None:
    runs = payload("census_sync_runs")["data"]
    fake.replies[RUNS] = paged({"data": runs[:2]}, {"data": runs[1:]})
    assert (
        of_grain(count(CENSUS, WINDOW), "day")[at(3, month=3), "identify", Kind.EMITTED] == 18_690
    )


def test_it_asks_once_for_a_sync_that_is_listed_twice(fake: Any, count: Any, payload: Any) -> None:
    answer = payload("census_syncs")
    fake.replies["/api/v1/syncs"] = {**answer, "data": answer["data"] * 2}
    assert (
        of_grain(count(CENSUS, WINDOW), "day")[at(3, month=3), "identify", Kind.EMITTED] == 18_690
    )


def test_it_stops_at_runs_that_began_long_before_the_window(
    fake: Any, count: Any, payload: Any
) -> None:
    runs = payload("census_sync_runs")["data"]
    old = {**runs[2], "id": 1, "created_at": "2026-02-01T00:00:00Z"}
    fake.replies[RUNS] = paged({"data": [*runs, old]}, {"data": runs})
    count(CENSUS, WINDOW)
    assert [url.params["page"] for url in fake.asked if url.path == RUNS] == ["1"]


def test_it_gives_up_on_pages_without_end(fake: Any, count: Any, payload: Any) -> None:
    fake.replies[RUNS] = {**payload("census_sync_runs"), "pagination": {"next_page": 1}}
    with pytest.raises(BadPayload, match="without end"):
        count(CENSUS, WINDOW)


def test_it_calls_a_sum_a_lower_bound_where_a_run_could_not_be_read(
    fake: Any, count: Any, api: JsonApi, payload: Any
) -> None:
    answer = payload("census_sync_runs")
    answer["data"][1]["records_updated"] = "some"
    fake.replies[RUNS] = answer
    rows = count(CENSUS, WINDOW)
    assert of_grain(rows, "day")[at(3, month=3), "identify", Kind.EMITTED] == 500
    assert {row.exactness for row in rows if row.grain == "day"} == {Exactness.LOWER_BOUND}
    assert [each.reason for each in api.rejections] == ["records_updated is not a whole number."]


def test_it_lets_no_id_change_the_address(fake: Any, count: Any, payload: Any) -> None:
    answer = payload("census_syncs")
    answer["data"] = [{**answer["data"][0], "id": "../../v1/secrets?"}]
    fake.replies["/api/v1/syncs"] = answer
    with pytest.raises(BadPayload, match="id is not an id"):
        count(CENSUS, WINDOW)


def test_it_does_not_take_no_sync_for_no_calls(fake: Any, count: Any, payload: Any) -> None:
    fake.replies["/api/v1/destinations"] = {**payload("census_destinations"), "data": []}
    with pytest.raises(NoData, match="no sync to a Segment destination"):
        count(CENSUS, WINDOW)


def test_it_reads_version_2_with_its_own_paths_and_ids_of_text(
    fake: Any, count: Any, payload: Any
) -> None:
    syncs = payload("census_syncs")
    syncs["data"] = [
        {
            "id": "512",
            "group_id": "g1",
            "destination_attributes": {"activation_id": "seg_71", "object": "User"},
        }
    ]
    fake.replies = {
        "/api/v2/activations": {
            "pagination": {"next_page": None},
            "data": [{"id": "seg_71", "type": "segment"}],
        },
        "/api/v2/syncs": syncs,
        "/api/v2/syncs/512/sync_runs": payload("census_sync_runs"),
    }
    rows = count(CENSUS, WINDOW, api_version="2")
    assert of_grain(rows, "day")[at(3, month=3), "identify", Kind.EMITTED] == 18_690
    assert [url.path for url in fake.asked] == list(fake.replies)


def test_it_refuses_a_version_that_there_is_not(count: Any) -> None:
    with pytest.raises(Refused, match="CENSUS_API_VERSION"):
        count(CENSUS, WINDOW, api_version="3")


def test_it_says_when_version_1_ends(api: JsonApi) -> None:
    said = CENSUS.check(api, {})
    assert said.startswith("Census answers: 1 sync to Segment.")
    assert "15 January 2027" in said


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, Unauthorized, "personal access token"),
        (403, Unauthorized, "may not read syncs"),
        (404, NotFound, "15 January 2027"),
    ],
)
def test_it_says_what_is_wrong_with_the_key(
    fake: Any, api: JsonApi, status: int, kind: type[Exception], said: str
) -> None:
    fake.replies["/api/v1/destinations"] = status
    with pytest.raises(kind, match=said):
        CENSUS.check(api, {})
