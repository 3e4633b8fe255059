from __future__ import annotations

from typing import Any

import pytest

from cdpwatch.counters import Exactness, Kind
from cdpwatch.counters.amplitude_cohorts import AMPLITUDE_COHORTS, COHORTS, SINCE_SYNC, SIZE
from cdpwatch.http import JsonApi, Unauthorized
from cdpwatch.readings import Window
from tests.factories import at

WINDOW = Window(at(3, 16, 32, month=3), at(3, 17, 32, month=3))


def test_it_gives_size_and_age_of_the_cohorts_that_go_to_segment(
    fake: Any, count: Any, payload: Any
) -> None:
    fake.replies[COHORTS] = payload("amplitude_cohorts")
    rows = count(AMPLITUDE_COHORTS, WINDOW)
    assert [(row.dims["state"], row.count) for row in rows] == [(SIZE, 48_211), (SINCE_SYNC, 29)]
    assert {(row.event, row.dims["cohort"]) for row in rows} == {("Activated editors 30d", "k3xp9")}
    assert {(row.kind, row.exactness) for row in rows} == {(Kind.STATE, Exactness.STATE)}


def test_it_files_what_is_now_in_the_last_hour_of_the_window(
    fake: Any, count: Any, payload: Any
) -> None:
    fake.replies[COHORTS] = payload("amplitude_cohorts")
    assert {row.bucket for row in count(AMPLITUDE_COHORTS, WINDOW)} == {at(3, 17, month=3)}
    assert dict(fake.asked[0].params) == {"includeSyncInfo": "true"}


def test_it_says_nothing_of_the_age_of_a_cohort_that_was_never_sent(
    fake: Any, count: Any, payload: Any
) -> None:
    answer = payload("amplitude_cohorts")
    answer["cohorts"][0]["syncMetadata"][0]["last_successful"] = None
    fake.replies[COHORTS] = answer
    assert [row.dims["state"] for row in count(AMPLITUDE_COHORTS, WINDOW)] == [SIZE]


def test_it_gives_one_row_for_a_cohort_that_is_sent_twice_as_often(
    fake: Any, count: Any, payload: Any
) -> None:
    answer = payload("amplitude_cohorts")
    syncs = answer["cohorts"][0]["syncMetadata"]
    syncs.append({**syncs[0], "last_successful": "2026-03-03T09:30:00-08:00"})
    fake.replies[COHORTS] = answer
    assert [row.count for row in count(AMPLITUDE_COHORTS, WINDOW)] == [48_211, 2]


def test_it_leaves_out_a_cohort_that_it_cannot_read(
    fake: Any, count: Any, api: JsonApi, payload: Any
) -> None:
    answer = payload("amplitude_cohorts")
    answer["cohorts"].append({**answer["cohorts"][0], "id": "zz", "size": "many"})
    fake.replies[COHORTS] = answer
    assert len(count(AMPLITUDE_COHORTS, WINDOW)) == 2
    assert [each.reason for each in api.rejections] == ["size is not a whole number."]


def test_it_says_how_many_cohorts_go_to_segment(fake: Any, api: JsonApi, payload: Any) -> None:
    fake.replies[COHORTS] = payload("amplitude_cohorts")
    said = "Amplitude answers: 2 cohorts, of which 1 to Segment."
    assert AMPLITUDE_COHORTS.check(api, {}) == said


def test_it_says_what_is_wrong_with_the_keys(fake: Any, api: JsonApi) -> None:
    fake.replies[COHORTS] = 401
    with pytest.raises(Unauthorized, match="API key and secret key"):
        AMPLITUDE_COHORTS.check(api, {})
