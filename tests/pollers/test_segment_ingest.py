from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from cdpwatch.http import Api, BadPayload
from cdpwatch.pollers import segment_ingest
from cdpwatch.readings import IngestReading, Window

WINDOW = Window(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 6, 3, tzinfo=UTC))
FIRST, SECOND = date(2025, 6, 1), date(2025, 6, 2)
ASKS = [segment_ingest.Ask("srcWebProd01", WINDOW)]


@pytest.fixture(autouse=True)
def workspace(fake: Any, payload: Any) -> None:
    fake.replies = {
        "/delivery-overview/successfully-received": payload("ingest_received"),
        "/delivery-overview/failed-on-ingest": payload("ingest_failed"),
        "/delivery-overview/filtered-at-source": payload("ingest_filtered"),
    }


def reading(*fields: Any) -> IngestReading:
    return IngestReading("srcWebProd01", *fields)


def test_it_tells_received_failed_and_filtered_calls_apart_with_reasons(api: Api) -> None:
    assert set(segment_ingest.read(api, ASKS)) == {
        reading(FIRST, "track", "received", "", 600),
        reading(FIRST, "page", "received", "", 60),
        reading(SECOND, "track", "received", "", 550),
        reading(FIRST, "track", "failed", "no_user_anon_id", 4),
        reading(SECOND, "track", "failed", "no_user_anon_id", 3),
        reading(SECOND, "track", "failed", "event_not_string", 2),
        reading(SECOND, "track", "filtered", "event_setting", 31),
    }


def test_it_asks_three_times_by_day_for_reasons_where_there_are_some(fake: Any, api: Api) -> None:
    segment_ingest.read(api, ASKS)
    assert [url.path for url in fake.asked] == list(fake.replies)
    asked = [dict(url.params) for url in fake.asked]
    assert [each.pop("groupBy.1", "") for each in asked] == ["", "discardReason", "discardReason"]
    assert (
        asked[0]
        == asked[1]
        == asked[2]
        == {
            "sourceId": "srcWebProd01",
            "startTime": "2025-06-01T00:00:00Z",
            "endTime": "2025-06-03T00:00:00Z",
            "granularity": "DAY",
            "groupBy.0": "eventType",
            "pagination.count": "1000",
        }
    )


def test_it_leaves_out_a_source_whose_failures_it_cannot_read(
    fake: Any, api: Api, payload: Any
) -> None:
    """What it received alone would look like a day without failures."""
    failed = payload("ingest_failed")
    failed["data"]["dataset"][0]["series"][0]["count"] = "some"
    fake.replies["/delivery-overview/failed-on-ingest"] = failed
    assert segment_ingest.read(api, ASKS) == ()
    assert [each.reason for each in api.rejections] == ["series[].count is not a whole number."]


def test_it_cuts_a_reason_that_does_not_fit(fake: Any, api: Api, payload: Any) -> None:
    filtered = payload("ingest_filtered")
    filtered["data"]["dataset"][0]["discardReason"] = "x" * 500
    fake.replies["/delivery-overview/filtered-at-source"] = filtered
    assert {len(r.reason) for r in segment_ingest.read(api, ASKS) if r.outcome == "filtered"} == {
        100
    }


def test_it_goes_on_with_the_other_sources(fake: Any, api: Api, payload: Any) -> None:
    received = payload("ingest_received")
    refusals = {"gone": 404, "hidden": 403}
    fake.replies["/delivery-overview/successfully-received"] = lambda params: refusals.get(
        params["sourceId"], received
    )
    asks = [*(segment_ingest.Ask(name, WINDOW) for name in refusals), *ASKS]
    assert {r.source_id for r in segment_ingest.read(api, asks)} == {"srcWebProd01"}
    assert [each.where for each in api.rejections] == ["source hidden"]


def test_it_takes_no_day_that_it_did_not_ask_for(fake: Any, api: Api, payload: Any) -> None:
    filtered = payload("ingest_filtered")
    filtered["data"]["dataset"][0]["series"][0]["time"] = "9999-12-31"
    fake.replies["/delivery-overview/filtered-at-source"] = filtered
    with pytest.raises(BadPayload, match=r"time is outside of the days that were asked for"):
        segment_ingest.read(api, ASKS)
