from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cdpwatch.counters import Clock, CountRow, Exactness, Kind
from cdpwatch.counters.amplitude import AMPLITUDE, SEGMENTATION
from cdpwatch.http import BadPayload, JsonApi, RateLimited, Refused, Unauthorized
from cdpwatch.readings import Window
from tests.factories import at

WINDOW = Window(at(2, 9, month=3), at(3, 11, month=3))


def row(day: int, count: int, exactness: Exactness = Exactness.EXACT, month: int = 3) -> CountRow:
    return CountRow(at(day, month=month), "day", Kind.RECEIVED, count, exactness, Clock.EVENT)


def hours(zone: str, form: str = "%Y-%m-%dT%H:00:00") -> Any:
    """An answer with the same count in each hour of the project's clock."""

    def answer(params: Any) -> dict[str, Any]:
        first, last = (datetime.strptime(params[name], "%Y%m%d") for name in ("start", "end"))
        moment, end = (
            each.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
            for each in (first, last + timedelta(days=1))
        )
        times = []
        while moment < end:
            times.append(moment.astimezone(ZoneInfo(zone)).strftime(form))
            moment += timedelta(hours=1)
        return {"data": {"series": [[10] * len(times)], "xValues": times}}

    return answer


def test_it_counts_whole_utc_days(fake: Any, count: Any, payload: Any) -> None:
    fake.replies[SEGMENTATION] = payload("amplitude_segmentation")
    assert count(AMPLITUDE, WINDOW) == [row(2, 812_345), row(3, 798_110)]


def test_it_asks_for_totals_of_any_event_in_one_question(
    fake: Any, count: Any, payload: Any
) -> None:
    fake.replies[SEGMENTATION] = payload("amplitude_segmentation")
    count(AMPLITUDE, WINDOW)
    [url] = fake.asked
    assert dict(url.params) == {
        "e": '{"event_type":"_all"}',
        "m": "totals",
        "i": "1",
        "start": "20260302",
        "end": "20260303",
    }
    assert "%22event_type%22" in str(url)


def test_it_carries_both_keys_as_one_user() -> None:
    headers = AMPLITUDE.headers({"api_key": "a", "secret_key": "b"})
    assert headers == {"Authorization": "Basic YTpi"}


@pytest.mark.parametrize(
    ("zone", "exactness"),
    [
        ("America/Los_Angeles", Exactness.EXACT),
        ("Asia/Tokyo", Exactness.EXACT),
        ("Asia/Kolkata", Exactness.APPROXIMATE),  # its hours lie in two UTC days at midnight
    ],
)
def test_it_puts_utc_days_together_from_the_hours_of_another_zone(
    fake: Any, count: Any, zone: str, exactness: Exactness
) -> None:
    fake.replies[SEGMENTATION] = hours(zone)
    rows = count(AMPLITUDE, Window(WINDOW.start, at(4, month=3)), time_zone=zone)
    assert rows == [row(2, 240, exactness), row(3, 240, exactness)]


@pytest.mark.parametrize(("day", "month"), [(29, 3), (25, 10)])
def test_it_counts_a_utc_day_on_which_the_clocks_of_the_zone_change(
    fake: Any, count: Any, day: int, month: int
) -> None:
    fake.replies[SEGMENTATION] = hours("Europe/Paris")
    window = Window(at(day, month=month), at(day, month=month) + timedelta(days=1))
    assert count(AMPLITUDE, window, time_zone="Europe/Paris") == [row(day, 240, month=month)]


def test_it_asks_for_no_day_that_has_not_begun_in_the_zone(fake: Any, count: Any) -> None:
    fake.replies[SEGMENTATION] = hours("Asia/Tokyo")
    count(AMPLITUDE, WINDOW, time_zone="Asia/Tokyo")
    [params] = [url.params for url in fake.asked]
    assert (params["start"], params["end"]) == ("20260302", "20260303")


def test_it_marks_days_of_another_zone_as_approximate_where_hours_do_not_reach(
    fake: Any, count: Any
) -> None:
    days = [f"2026-03-{n:02}" for n in range(1, 12)]
    fake.replies[SEGMENTATION] = {"data": {"series": [[7] * 11], "xValues": days}}
    rows = count(AMPLITUDE, Window(at(1, month=3), at(12, month=3)), time_zone="Asia/Tokyo")
    assert rows == [row(n, 7, Exactness.APPROXIMATE) for n in range(1, 12)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"xValues": ["2026-03-02", "2026-03-02"]}, "xValues is not each day"),
        ({"xValues": ["2026-03-02"], "series": [[1]]}, "xValues is not each day"),
        ({"xValues": ["soon", "later"]}, "xValues holds something else than times"),
        ({"series": []}, "series is not one number for each"),
        ({"series": [[1]]}, "series is not one number for each"),
        ({"series": [[1, -1]]}, r"series\[0\]\[1\] is not a whole number"),
    ],
)
def test_it_takes_no_answer_that_is_not_one_count_for_each_day(
    fake: Any, count: Any, payload: Any, change: dict[str, Any], said: str
) -> None:
    answer = payload("amplitude_segmentation")
    answer["data"].update(change)
    fake.replies[SEGMENTATION] = answer
    with pytest.raises(BadPayload, match=said):
        count(AMPLITUDE, WINDOW)


def test_it_takes_no_hours_with_one_missing(fake: Any, count: Any) -> None:
    whole = hours("Asia/Tokyo")

    def holed(params: Any) -> dict[str, Any]:
        data = whole(params)["data"]
        return {"data": {"series": [data["series"][0][1:]], "xValues": data["xValues"][1:]}}

    fake.replies[SEGMENTATION] = holed
    with pytest.raises(BadPayload, match="xValues is not each hour"):
        count(AMPLITUDE, WINDOW, time_zone="Asia/Tokyo")


def test_it_refuses_a_time_zone_that_there_is_not(fake: Any, count: Any) -> None:
    with pytest.raises(Refused, match="AMPLITUDE_TIME_ZONE"):
        count(AMPLITUDE, WINDOW, time_zone="Mars/Olympus")
    assert fake.asked == []


def test_it_says_that_it_is_connected(fake: Any, api: JsonApi) -> None:
    fake.replies["/api/2/events/list"] = {"data": [{"value": "page_edited"}]}
    assert AMPLITUDE.check(api, {}) == "Amplitude answers: 1 event type, days in UTC."


@pytest.mark.parametrize(("status", "said"), [(401, "EU"), (403, "may not read")])
def test_it_says_what_is_wrong_with_the_keys(
    fake: Any, api: JsonApi, status: int, said: str
) -> None:
    fake.replies["/api/2/events/list"] = status
    with pytest.raises(Unauthorized, match=said):
        AMPLITUDE.check(api, {})


def test_it_says_that_the_limit_is_by_cost_and_how_long_to_wait(fake: Any, count: Any) -> None:
    fake.replies[SEGMENTATION] = 429
    fake.headers["Retry-After"] = "120"
    with pytest.raises(RateLimited, match="limit by cost") as caught:
        count(AMPLITUDE, WINDOW)
    assert caught.value.retry_after == 120
