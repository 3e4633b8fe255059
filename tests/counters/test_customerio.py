from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from cdpwatch.counters import CountRow, Exactness, Kind
from cdpwatch.counters.customerio import CUSTOMERIO, MOST_STEPS
from cdpwatch.http import BadPayload, JsonApi, Unauthorized
from cdpwatch.readings import Window
from tests.factories import at

WINDOW = Window(at(17, 9), at(18, 12))
CAMPAIGN, NEWSLETTER = "/v1/campaigns/1/metrics", "/v1/newsletters/7/metrics"
EMPTY = {
    "/v1/campaigns": {"campaigns": []},
    "/v1/broadcasts": {"broadcasts": []},
    "/v1/newsletters": {"newsletters": []},
    "/v1/transactional": {"messages": []},
}


@pytest.fixture(autouse=True)
def workspace(fake: Any, payload: Any) -> None:
    fake.replies = {
        **EMPTY,
        "/v1/campaigns": {"campaigns": [{"id": 1, "state": "running"}]},
        CAMPAIGN: payload("customerio_metrics"),
    }


def eastern(**last: int) -> dict[str, Any]:
    """Metrics of the longest span of days, with calls on its last day only."""
    zeros = [0] * (MOST_STEPS - 1)
    return {"series": {metric: [*zeros, count] for metric, count in last.items()}}


def totals(rows: list[CountRow]) -> dict[tuple[int, str], int]:
    """Calls by day of November and event, without zeros."""
    sums: Counter[tuple[int, str]] = Counter()
    for row in rows:
        sums[row.bucket.day, row.event] += row.count
    return dict(+sums)


def test_it_counts_mail_by_utc_day_under_the_names_that_segment_knows(count: Any) -> None:
    assert totals(count(CUSTOMERIO, WINDOW)) == {
        (17, "Email Sent"): 5120,
        (18, "Email Sent"): 4980,
        (17, "Email Delivered"): 5077,
        (18, "Email Delivered"): 4941,
        (17, "Email Opened"): 2102,
        (18, "Email Opened"): 1873,
        (17, "Email Link Clicked"): 311,
        (18, "Email Link Clicked"): 280,
        (17, "Email Bounced"): 31,
        (18, "Email Bounced"): 28,
        (17, "Email Unsubscribed"): 9,
        (18, "Email Unsubscribed"): 6,
        (17, "Email Marked as Spam"): 1,
    }


def test_it_asks_for_version_2_in_utc(fake: Any, count: Any) -> None:
    """Without it the answer is in days of US Eastern time."""
    count(CUSTOMERIO, WINDOW)
    [params] = [dict(url.params) for url in fake.asked if url.path == CAMPAIGN]
    assert params == {
        "version": "2",
        "res": "daily",
        "tz": "UTC",
        "type": "email",
        "start": str(int(at(17).timestamp())),
        "end": str(int(at(19).timestamp()) - 1),
    }


def test_it_refuses_days_that_it_did_not_ask_for(fake: Any, count: Any) -> None:
    fake.replies[CAMPAIGN] = eastern(delivered=4)
    with pytest.raises(BadPayload, match="it may be in other days"):
        count(CUSTOMERIO, WINDOW)


@pytest.mark.parametrize("wrap", ["metric", "series"])
def test_it_finds_the_numbers_in_each_known_envelope(
    fake: Any, count: Any, payload: Any, wrap: str
) -> None:
    series = payload("customerio_metrics")["metric"]["series"]
    expected = totals(count(CUSTOMERIO, WINDOW))
    fake.replies[CAMPAIGN] = {wrap: {"series": series}}
    assert totals(count(CUSTOMERIO, WINDOW)) == expected


def test_it_takes_no_answer_without_any_metric_of_mail(fake: Any, count: Any) -> None:
    fake.replies[CAMPAIGN] = {"metric": {"series": {"human_opened": [1, 2]}}}
    with pytest.raises(BadPayload, match="none of the metrics"):
        count(CUSTOMERIO, WINDOW)


@pytest.mark.parametrize(
    ("date", "day"),
    [("Wed, 18 Nov 2026 12:05:30 GMT", 18), ("Wed, 18 Nov 2026 04:59:00 GMT", 17)],
)
def test_it_counts_days_of_newsletters_back_from_the_eastern_day_of_the_server(
    fake: Any, count: Any, date: str, day: int
) -> None:
    fake.headers["Date"] = date
    fake.replies = {
        **EMPTY,
        "/v1/newsletters": {"newsletters": [{"id": 7, "sent_at": int(at(17).timestamp())}]},
        NEWSLETTER: eastern(delivered=300, sent=301),
    }
    rows = count(CUSTOMERIO, WINDOW)
    assert totals(rows) == {(day, "Email Delivered"): 300, (day, "Email Sent"): 301}
    assert {row.exactness for row in rows} == {Exactness.APPROXIMATE}


def test_it_does_not_guess_today_when_the_server_does_not_say(fake: Any, count: Any) -> None:
    fake.headers.clear()
    fake.replies = {
        **EMPTY,
        "/v1/newsletters": {"newsletters": [{"id": 7}]},
        NEWSLETTER: eastern(delivered=300),
    }
    with pytest.raises(BadPayload, match="does not say its date"):
        count(CUSTOMERIO, WINDOW)


def test_it_keeps_the_kinds_of_messages_apart(fake: Any, count: Any, payload: Any) -> None:
    fake.replies |= {
        "/v1/transactional": {"messages": [{"id": 3}]},
        "/v1/transactional/3/metrics": eastern(delivered=8),
        "/v1/broadcasts": {"broadcasts": [{"id": 4}]},
        "/v1/broadcasts/4/metrics": payload("customerio_metrics"),
    }
    rows = [row for row in count(CUSTOMERIO, WINDOW) if row.event == "Email Delivered"]
    today = {row.dims["of"]: row.count for row in rows if row.bucket == at(18)}
    assert today == {"campaigns": 4941, "broadcasts": 4941, "transactional": 8}
    assert {(row.kind, row.call_type) for row in rows} == {(Kind.EMITTED, "track")}


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


def test_it_does_not_ask_for_what_cannot_have_counted(fake: Any, count: Any) -> None:
    fake.replies["/v1/campaigns"] = {"campaigns": [{"id": 1, "state": "draft"}]}
    fake.replies["/v1/newsletters"] = {
        "newsletters": [{"id": 8, "sent_at": None}, {"id": 9, "sent_at": unix(at(1, month=9))}]
    }
    assert count(CUSTOMERIO, WINDOW) == []
    assert [url.path for url in fake.asked] == list(EMPTY)


def test_it_reads_every_page_of_a_list_and_each_message_once(
    fake: Any, count: Any, payload: Any
) -> None:
    pages = {
        "": {"campaigns": [{"id": 1}], "next": "two"},
        "two": {"campaigns": [{"id": 1}, {"id": 2}], "next": ""},
    }
    fake.replies["/v1/campaigns"] = lambda params: pages[params.get("start", "")]
    fake.replies["/v1/campaigns/2/metrics"] = payload("customerio_metrics")
    assert totals(count(CUSTOMERIO, WINDOW))[18, "Email Delivered"] == 2 * 4941


def test_it_gives_up_on_a_list_without_end(fake: Any, count: Any) -> None:
    fake.replies["/v1/campaigns"] = {"campaigns": [], "next": "again"}
    with pytest.raises(BadPayload, match="without end"):
        count(CUSTOMERIO, WINDOW)


def test_it_passes_over_a_message_that_is_deleted_meanwhile(fake: Any, count: Any) -> None:
    fake.replies[CAMPAIGN] = 404
    assert count(CUSTOMERIO, WINDOW) == []


def test_it_says_that_it_is_connected(fake: Any, api: JsonApi) -> None:
    fake.replies["/v1/workspaces"] = {"workspaces": [{"id": 1, "name": "<b>"}]}
    said = "Customer.io answers: the key opens 1 workspace."
    assert CUSTOMERIO.check(api, {}) == said


@pytest.mark.parametrize(("status", "said"), [(401, "App API key.*api-eu"), (403, "scope")])
def test_it_says_what_is_wrong_with_the_key(
    fake: Any, api: JsonApi, status: int, said: str
) -> None:
    fake.replies["/v1/workspaces"] = status
    with pytest.raises(Unauthorized, match=said):
        CUSTOMERIO.check(api, {})
