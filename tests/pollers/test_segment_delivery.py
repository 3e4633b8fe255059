from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from cdpwatch.http import Api, BadPayload, Unauthorized
from cdpwatch.pollers import segment_delivery
from cdpwatch.readings import DeliveryReading, Discard, Window

WINDOW = Window(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 6, 3, tzinfo=UTC))
FIRST, SECOND = date(2025, 6, 1), date(2025, 6, 2)


def ask(destination_id: str) -> segment_delivery.Ask:
    return segment_delivery.Ask("srcWebProd01", destination_id, WINDOW)


ASKS = [ask("dstAmp01")]
TOO_MANY = (Discard("failed", "429", 7),)
RULED_OUT = (Discard("filtered", "FILTERED_BY_RULES", 12),)


@pytest.fixture(autouse=True)
def workspace(fake: Any, payload: Any) -> None:
    fake.replies = {
        "/delivery-overview/successful-delivery": payload("delivery_delivered"),
        "/delivery-overview/failed-delivery": payload("delivery_failed"),
        "/delivery-overview/filtered-at-destination": payload("delivery_filtered"),
    }


def test_it_merges_outcomes_by_day_and_call_type(api: Api) -> None:
    readings = segment_delivery.read(api, ASKS)
    assert readings == (
        DeliveryReading("dstAmp01", FIRST, "page", 50, failed=0, filtered=0, retried=0),
        DeliveryReading("dstAmp01", FIRST, "track", 500, 7, 0, 25, TOO_MANY),
        DeliveryReading("dstAmp01", SECOND, "identify", 0, 0, 12, 0, RULED_OUT),
        DeliveryReading("dstAmp01", SECOND, "track", 400, failed=0, filtered=0, retried=0),
    )


def test_it_adds_up_the_calls_that_failed_for_different_reasons(
    fake: Any, api: Api, payload: Any
) -> None:
    failed = payload("delivery_failed")
    (row,) = failed["data"]["dataset"]
    failed["data"]["dataset"].append({**row, "discardReason": "502"})
    fake.replies["/delivery-overview/failed-delivery"] = failed
    (track,) = [r for r in segment_delivery.read(api, ASKS) if r.failed]
    assert (track.failed, track.retried) == (14, 46)
    assert track.discards == (*TOO_MANY, Discard("failed", "502", 7))


def test_it_asks_by_day_for_the_instance_of_the_destination(fake: Any, api: Api) -> None:
    segment_delivery.read(api, ASKS)
    assert [url.path for url in fake.asked] == list(fake.replies)
    asked = [dict(url.params) for url in fake.asked]
    assert [each.pop("groupBy.1", "") for each in asked] == ["", "discardReason", "discardReason"]
    assert (
        asked[0]
        == asked[1]
        == asked[2]
        == {
            "sourceId": "srcWebProd01",
            "destinationConfigId": "dstAmp01",
            "startTime": "2025-06-01T00:00:00Z",
            "endTime": "2025-06-03T00:00:00Z",
            "granularity": "DAY",
            "groupBy.0": "eventType",
            "pagination.count": "1000",
        }
    )


def test_it_leaves_out_a_destination_that_is_gone(fake: Any, api: Api, payload: Any) -> None:
    fake.replies["/delivery-overview/failed-delivery"] = lambda params: (
        404 if params["destinationConfigId"] == "dstGone" else payload("delivery_failed")
    )
    readings = segment_delivery.read(api, [ask("dstGone"), *ASKS])
    assert {reading.destination_id for reading in readings} == {"dstAmp01"}


def test_it_fails_as_a_whole_on_any_other_refusal(fake: Any, api: Api) -> None:
    fake.replies["/delivery-overview/failed-delivery"] = 401
    with pytest.raises(Unauthorized):
        segment_delivery.read(api, ASKS)


def test_it_names_the_field_that_is_wrong(fake: Any, api: Api, payload: Any) -> None:
    failed = payload("delivery_failed")
    failed["data"]["dataset"][0]["series"][0]["retryCount"] = "some"
    fake.replies["/delivery-overview/failed-delivery"] = failed
    with pytest.raises(BadPayload, match=r"failed-delivery: dataset\[0\]\.series\[0\]\.retryCount"):
        segment_delivery.read(api, ASKS)


def other(reply: object) -> Any:
    """`reply` for the destination dstOther, an empty list for every one else."""
    empty = {"data": {"dataset": []}}
    return lambda params: reply if params["destinationConfigId"] == "dstOther" else empty


BOTH = [ask("dstOther"), *ASKS]


def test_it_skips_a_destination_that_the_token_may_not_see(fake: Any, api: Api) -> None:
    fake.replies["/delivery-overview/successful-delivery"] = other(403)
    readings = segment_delivery.read(api, BOTH)
    assert {reading.destination_id for reading in readings} == {"dstAmp01"}
    (rejection,) = api.rejections
    assert rejection.where == "destination dstOther"
    assert "refused (403)" in rejection.reason


def test_it_asks_nothing_more_once_the_token_is_refused(fake: Any, api: Api) -> None:
    fake.replies["/delivery-overview/successful-delivery"] = other(401)
    with pytest.raises(Unauthorized):
        segment_delivery.read(api, BOTH)
    assert len(fake.asked) == 1


def test_it_fails_where_no_destination_may_be_seen(fake: Any, api: Api) -> None:
    fake.replies["/delivery-overview/successful-delivery"] = 403
    with pytest.raises(Unauthorized):
        segment_delivery.read(api, BOTH)


def test_it_leaves_out_a_destination_whose_failures_it_cannot_read(
    fake: Any, api: Api, payload: Any
) -> None:
    """Its delivered calls alone would look like a day without failures."""
    failed = payload("delivery_failed")
    failed["data"]["dataset"].append({"eventType": "page", "series": [{"time": "soon"}]})
    fake.replies["/delivery-overview/failed-delivery"] = failed
    assert segment_delivery.read(api, ASKS) == ()
    assert [each.reason for each in api.rejections] == ["series[].time is not an ISO 8601 time."]


def test_it_leaves_out_a_destination_of_which_no_row_can_be_read(fake: Any, api: Api) -> None:
    bad = {"data": {"dataset": [{"eventType": "page"}]}}
    fake.replies["/delivery-overview/successful-delivery"] = other(bad)
    readings = segment_delivery.read(api, BOTH)
    assert {reading.destination_id for reading in readings} == {"dstAmp01"}
    (rejection,) = api.rejections
    assert rejection.where == "destination dstOther"
    assert "No row of this list could be taken" in rejection.reason


def test_it_takes_no_day_that_it_did_not_ask_for(fake: Any, api: Api, payload: Any) -> None:
    failed = payload("delivery_failed")
    failed["data"]["dataset"][0]["series"][0]["time"] = "9999-12-31"
    fake.replies["/delivery-overview/failed-delivery"] = failed
    with pytest.raises(BadPayload, match=r"time is outside of the days that were asked for"):
        segment_delivery.read(api, ASKS)
