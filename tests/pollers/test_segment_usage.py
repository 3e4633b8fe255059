from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

from cdpwatch.http import Api, BadPayload
from cdpwatch.pollers import segment_usage
from cdpwatch.readings import UsageReading

JUNE = date(2025, 6, 1)
EMPTY = {
    "dailyWorkspaceAPICallsUsage": [],
    "dailyPerSourceAPICallsUsage": [],
    "pagination": {"current": "MA=="},
}


@pytest.fixture(autouse=True)
def workspace(fake: Any, payload: Any) -> None:
    fake.replies = {
        "/usage/api-calls/daily": payload("usage_workspace"),
        "/usage/api-calls/sources/daily": payload("usage_sources"),
    }


def test_it_reads_running_totals_of_the_workspace_and_of_each_source(api: Api) -> None:
    assert set(segment_usage.read(api, [JUNE])) == {
        UsageReading(None, JUNE, date(2025, 6, 1), 1_300_000),
        UsageReading(None, JUNE, date(2025, 6, 2), 2_650_000),
        UsageReading("srcWebProd01", JUNE, date(2025, 6, 1), 2_400_000),
        UsageReading("srcHook02", JUNE, date(2025, 6, 1), 100_000),
        UsageReading("srcWebProd01", JUNE, date(2025, 6, 2), 2_450_000),
    }


def test_it_asks_for_the_period_by_its_first_day(fake: Any, api: Api) -> None:
    fake.replies = dict.fromkeys(fake.replies, {"data": EMPTY})
    segment_usage.read(api, [date(2025, 5, 1), JUNE])
    assert [(url.path, url.params["period"]) for url in fake.asked] == [
        ("/usage/api-calls/daily", "2025-05-01"),
        ("/usage/api-calls/sources/daily", "2025-05-01"),
        ("/usage/api-calls/daily", "2025-06-01"),
        ("/usage/api-calls/sources/daily", "2025-06-01"),
    ]


def test_it_keeps_the_last_period_of_a_day_that_two_periods_show(api: Api) -> None:
    readings = segment_usage.read(api, [date(2025, 5, 17), JUNE])
    assert {reading.period_start for reading in readings} == {JUNE}
    assert len(readings) == 5


def test_it_takes_an_empty_list_as_no_data(fake: Any, api: Api) -> None:
    fake.replies = dict.fromkeys(fake.replies, {"data": EMPTY})
    assert segment_usage.read(api, [JUNE]) == ()


def test_it_reads_every_page(fake: Any, api: Api) -> None:
    def page(params: httpx.QueryParams) -> Any:
        second = params.get("pagination.cursor") == "NQ=="
        row = {"apiCalls": "20" if second else "10", "timestamp": f"2025-06-0{1 + second}"}
        following = {} if second else {"next": "NQ=="}
        return {"data": {"dailyWorkspaceAPICallsUsage": [row], "pagination": following}}

    fake.replies["/usage/api-calls/daily"] = page
    readings = segment_usage.read(api, [JUNE])
    assert [r.cumulative for r in readings if r.source_id is None] == [10, 20]


@pytest.mark.parametrize("calls", ["1e3", "-5", "1_000", "", None, True, -1, 1.5, [], "9" * 19])
def test_it_refuses_calls_that_are_not_a_count(fake: Any, api: Api, calls: object) -> None:
    row = {"apiCalls": calls, "timestamp": "2025-06-01T00:00:00Z"}
    fake.replies["/usage/api-calls/daily"] = {"data": {"dailyWorkspaceAPICallsUsage": [row]}}
    with pytest.raises(BadPayload, match=r"dailyWorkspaceAPICallsUsage\[0\]\.apiCalls is"):
        segment_usage.read(api, [JUNE])


@pytest.mark.parametrize("timestamp", ["yesterday", 1748736000, None, "2025-13-01"])
def test_it_refuses_a_timestamp_that_is_not_a_time(fake: Any, api: Api, timestamp: object) -> None:
    row = {"apiCalls": "5", "timestamp": timestamp}
    fake.replies["/usage/api-calls/daily"] = {"data": {"dailyWorkspaceAPICallsUsage": [row]}}
    with pytest.raises(BadPayload, match=r"\[0\]\.timestamp is"):
        segment_usage.read(api, [JUNE])


def test_it_refuses_a_day_outside_of_the_period(fake: Any, api: Api) -> None:
    """One row of the year 9999 would become a hole of three million days."""
    days = ("2025-06-01", "2025-05-31", "2025-07-02", "9999-12-31")
    rows = [{"apiCalls": "5", "timestamp": f"{day}T00:00:00Z"} for day in days]
    fake.replies["/usage/api-calls/daily"] = {"data": {"dailyWorkspaceAPICallsUsage": rows}}
    readings = segment_usage.read(api, [JUNE])
    assert [reading.day for reading in readings if reading.source_id is None] == [JUNE]
    outside = "timestamp is outside of the period that was asked for."
    assert [rejection.reason for rejection in api.rejections] == [outside] * 3


def test_it_takes_the_other_rows_beside_one_that_cannot_be_read(
    fake: Any, api: Api, payload: Any
) -> None:
    rows = payload("usage_sources")
    rows["data"]["dailyPerSourceAPICallsUsage"][1]["apiCalls"] = None
    fake.replies["/usage/api-calls/sources/daily"] = rows
    sources = {reading.source_id for reading in segment_usage.read(api, [JUNE])}
    assert sources == {None, "srcWebProd01"}
    (rejection,) = api.rejections
    assert rejection.where == "GET /usage/api-calls/sources/daily: dailyPerSourceAPICallsUsage"
    assert rejection.reason == "apiCalls is missing."
    assert '"sourceId": "srcHook02"' in rejection.sample


def test_it_takes_the_later_of_two_rows_of_one_day(fake: Any, api: Api) -> None:
    rows = [{"apiCalls": calls, "timestamp": "2025-06-01"} for calls in ("5", "5", "7")]
    fake.replies["/usage/api-calls/daily"] = {"data": {"dailyWorkspaceAPICallsUsage": rows}}
    readings = segment_usage.read(api, [JUNE])
    assert [r.cumulative for r in readings if r.source_id is None] == [7]
