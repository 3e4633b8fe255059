from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cdpwatch.http import Api, BadPayload, NotFound
from cdpwatch.pollers import segment_syncs
from cdpwatch.readings import SyncReading

PATH = "/warehouses/whBig01/syncs"


@pytest.fixture(autouse=True)
def workspace(fake: Any, payload: Any) -> None:
    fake.replies = {PATH: payload("warehouse_syncs")}


def test_it_reads_runs_that_ended_and_the_one_that_still_runs(api: Api) -> None:
    assert segment_syncs.read(api, "whBig01") == (
        SyncReading(
            "srcWebProd01",
            datetime(2025, 6, 2, 8, tzinfo=UTC),
            None,
            "STARTED",
            120344,
            "column limit",
        ),
        SyncReading(
            "srcServer02",
            datetime(2025, 6, 2, 7, tzinfo=UTC),
            datetime(2025, 6, 2, 7, 3, 10, tzinfo=UTC),
            "SUCCESS",
            8100,
            "",
        ),
    )


def test_it_makes_one_request_however_many_pages_there_are(
    fake: Any, api: Api, payload: Any
) -> None:
    """Two a minute is all that Segment takes, for all warehouses together."""
    first = payload("warehouse_syncs")
    first["data"]["pagination"]["next"] = "Mg=="
    fake.replies[PATH] = first
    assert len(segment_syncs.read(api, "whBig01")) == 2
    (asked,) = fake.asked
    assert dict(asked.params) == {"pagination.count": "200"}


def test_it_takes_the_other_runs_where_one_cannot_be_read(
    fake: Any, api: Api, payload: Any
) -> None:
    syncs = payload("warehouse_syncs")
    del syncs["data"]["reports"][0]["start"]
    fake.replies[PATH] = syncs
    assert [each.source_id for each in segment_syncs.read(api, "whBig01")] == ["srcServer02"]
    assert [(each.where, each.reason) for each in api.rejections] == [
        (f"GET {PATH}: reports", "start is missing.")
    ]


def test_it_refuses_an_answer_without_a_list(fake: Any, api: Api) -> None:
    fake.replies[PATH] = {"data": {"runs": []}}
    with pytest.raises(BadPayload, match=r"data\.reports is missing"):
        segment_syncs.read(api, "whBig01")


def test_it_says_that_a_warehouse_is_gone(api: Api) -> None:
    with pytest.raises(NotFound):
        segment_syncs.read(api, "wh/../Gone")
