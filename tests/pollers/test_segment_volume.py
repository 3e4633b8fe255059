from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from cdpwatch.http import Api, BadPayload
from cdpwatch.pollers import segment_volume
from cdpwatch.readings import Grain, VolumeReading, Window

MIDNIGHT = datetime(2025, 6, 1, tzinfo=UTC)
ONE = MIDNIGHT + timedelta(hours=1)
TWO = MIDNIGHT + timedelta(hours=2)


def series(event: str | None, time: str, count: object = 1) -> dict[str, Any]:
    row = {"source": {"id": "src"}, "eventType": "track", "eventName": event}
    return {**row, "series": [{"time": time, "count": count}]}


def answer(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"result": list(rows)}}


def test_it_reads_calls_by_source_bucket_type_and_event(fake: Any, api: Api, payload: Any) -> None:
    fake.replies["/events/volume"] = payload("volume")
    assert segment_volume.read(api, Grain.HOUR, Window(MIDNIGHT, TWO)) == (
        VolumeReading(Grain.HOUR, "srcWebProd01", MIDNIGHT, "track", "Doc Published", 30),
        VolumeReading(Grain.HOUR, "srcWebProd01", ONE, "track", "Doc Published", 40),
        VolumeReading(Grain.HOUR, "srcWebProd01", MIDNIGHT, "identify", "", 9),
        VolumeReading(Grain.HOUR, "srcHook02", ONE, "page", "Pricing", 5),
    )


def test_it_asks_in_the_documented_form(fake: Any, api: Api) -> None:
    fake.replies["/events/volume"] = answer()
    segment_volume.read(api, Grain.MINUTE, Window(MIDNIGHT, ONE))
    assert dict(fake.asked[0].params) == {
        "granularity": "MINUTE",
        "startTime": "2025-06-01T00:00:00Z",
        "endTime": "2025-06-01T01:00:00Z",
        "groupBy.0": "source",
        "groupBy.1": "eventType",
        "groupBy.2": "eventName",
        "pagination.count": "1000",
    }


def test_it_asks_for_a_full_answer_again_in_halves(fake: Any, api: Api) -> None:
    def volume(params: httpx.QueryParams) -> dict[str, Any]:
        rows = [series("A", params["startTime"])]
        if params["endTime"] == "2025-06-04T00:00:00Z" and params["startTime"] < "2025-06-02":
            rows.append(series("B", params["startTime"]))
        return answer(*rows)

    fake.replies["/events/volume"] = volume
    window = Window(MIDNIGHT, MIDNIGHT + timedelta(days=3))
    readings = segment_volume.read(api, Grain.DAY, window, most_series=2)
    asked = [(url.params["startTime"][:10], url.params["endTime"][:10]) for url in fake.asked]
    assert asked == [
        ("2025-06-01", "2025-06-04"),
        ("2025-06-01", "2025-06-02"),
        ("2025-06-02", "2025-06-04"),
    ]
    assert [reading.bucket.day for reading in readings] == [1, 2]


def test_it_does_without_names_in_a_bucket_that_has_too_many(fake: Any, api: Api) -> None:
    def volume(params: httpx.QueryParams) -> dict[str, Any]:
        if "groupBy.2" in params:
            return answer(series("A", "2025-06-01"), series("B", "2025-06-01"))
        return answer(series(None, "2025-06-01", 7000))

    fake.replies["/events/volume"] = volume
    window = Window(MIDNIGHT, MIDNIGHT + timedelta(days=1))
    assert segment_volume.read(api, Grain.DAY, window, most_series=2) == (
        VolumeReading(Grain.DAY, "src", MIDNIGHT, "track", "", 7000),
    )


def test_it_fails_rather_than_lose_sources(fake: Any, api: Api) -> None:
    fake.replies["/events/volume"] = answer(series("A", "2025-06-01"), series("B", "2025-06-01"))
    with pytest.raises(BadPayload, match="more sources than fit"):
        segment_volume.read(api, Grain.DAY, Window(MIDNIGHT, TWO), most_series=2)


def test_it_takes_exactly_5000_series_as_an_answer_cut_short(fake: Any, api: Api) -> None:
    def volume(params: httpx.QueryParams) -> dict[str, Any]:
        full = params["endTime"] == "2025-06-01T02:00:00Z" and params["startTime"] < "2025-06-01T01"
        return answer(*[series(str(n), params["startTime"]) for n in range(5000 if full else 1)])

    fake.replies["/events/volume"] = volume
    assert len(segment_volume.read(api, Grain.HOUR, Window(MIDNIGHT, TWO))) == 2


def test_it_counts_a_series_that_two_pages_show_once(fake: Any, api: Api) -> None:
    def volume(params: httpx.QueryParams) -> dict[str, Any]:
        second = "pagination.cursor" in params
        page = answer(series("A", "2025-06-01T00:00:00Z", 12 if second else 11))
        page["data"]["pagination"] = {} if second else {"next": "MQ=="}
        return page

    fake.replies["/events/volume"] = volume
    (reading,) = segment_volume.read(api, Grain.HOUR, Window(MIDNIGHT, ONE))
    assert reading.count == 12


def test_it_replaces_what_a_database_cannot_hold_in_a_name(fake: Any, api: Api) -> None:
    fake.replies["/events/volume"] = answer(series("a\0b\ud800", "2025-06-01"))
    (reading,) = segment_volume.read(api, Grain.HOUR, Window(MIDNIGHT, ONE))
    assert reading.event == "a\ufffdb?"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"source": None}, "source is missing"),
        ({"source": 7}, "source is not an object"),
        ({"eventType": None}, "eventType is missing"),
        ({"eventName": 7}, "eventName is not a string"),
        ({"series": None}, "series is missing"),
        ({"series": [7]}, r"series\[0\] is not an object"),
        ({"series": [{"time": "2025-06-01", "count": -1}]}, r"series\[0\]\.count is not a whole"),
        ({"series": [{"time": "9999-01-01", "count": 1}]}, r"series\[0\]\.time is outside"),
        ({"series": [{"time": "2025-06-01T02:00Z", "count": 1}]}, r"series\[0\]\.time is outside"),
        ({"eventType": "t" * 11}, "eventType is longer than 10 characters"),
        ({"source": "s" * 101}, "source is longer than 100 characters"),
    ],
)
def test_it_names_the_field_that_is_wrong(
    fake: Any, api: Api, change: dict[str, Any], field: str
) -> None:
    fake.replies["/events/volume"] = answer({**series("A", "2025-06-01"), **change})
    with pytest.raises(BadPayload, match=rf"^GET /events/volume: result\[0\]\.{field}"):
        segment_volume.read(api, Grain.HOUR, Window(MIDNIGHT, ONE))


ONE_BAD = (series("A", "2025-06-01"), series("B", "2025-06-01", -1))


def test_it_takes_the_other_series_beside_one_that_cannot_be_read(fake: Any, api: Api) -> None:
    fake.replies["/events/volume"] = answer(
        series("A", "2025-06-01"), series("B", "2025-06-01", -1)
    )
    readings = segment_volume.read(api, Grain.HOUR, Window(MIDNIGHT, ONE))
    assert [reading.event for reading in readings] == ["A"]
    assert [each.reason for each in api.rejections] == ["series[].count is not a whole number."]


def test_it_counts_rejected_series_when_it_asks_whether_the_answer_was_full(
    fake: Any, api: Api
) -> None:
    fake.replies["/events/volume"] = answer(
        series("A", "2025-06-01"), series("B", "2025-06-01", -1)
    )
    with pytest.raises(BadPayload, match="more sources than fit"):
        segment_volume.read(api, Grain.DAY, Window(MIDNIGHT, TWO), most_series=2)
