"""Audit events, schema settings and usage periods: what explains counts, as Segment tells it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from cdpwatch.http import Api, ServerError, Unauthorized
from cdpwatch.pollers import segment_audit, segment_period, segment_schema
from cdpwatch.readings import AuditReading, PeriodReading, SchemaReading, Window

WINDOW = Window(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 6, 3, tzinfo=UTC))
SETTINGS = "/sources/srcWebProd01/settings"
JUNE = date(2025, 6, 1)


@pytest.fixture(autouse=True)
def workspace(fake: Any, payload: Any) -> None:
    fake.replies = {
        "/audit-events": payload("audit_events"),
        SETTINGS: payload("schema_settings"),
        "/usage/mtu/daily": payload("usage_users"),
    }


# --- audit events -----------------------------------------------------------------------------
def test_it_reads_what_was_done_and_not_who_did_it(fake: Any, api: Api) -> None:
    events = segment_audit.read(api, WINDOW)
    done = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)
    source = ("source", "srcWebProd01", "Prod - Application")
    assert events[0] == AuditReading("aud2", done, "Source Disabled", *source)
    assert "SECRET" not in repr(events)
    (asked,) = fake.asked
    assert asked.params["startTime"] == "2025-06-01T00:00:00Z"
    assert asked.params["endTime"] == "2025-06-03T00:00:00Z"


def test_it_drops_the_address_of_somebody_who_was_invited(api: Api) -> None:
    invited = segment_audit.read(api, WINDOW)[1]
    assert (invited.kind, invited.resource_type, invited.resource_name) == (
        "User Invited",
        "invite",
        "",
    )


@pytest.mark.parametrize("status", [401, 403])
def test_it_lives_with_a_plan_that_shows_no_audit_events(fake: Any, api: Api, status: int) -> None:
    fake.replies["/audit-events"] = status
    assert segment_audit.read(api, WINDOW) == ()
    (rejection,) = api.rejections
    assert rejection.where == "GET /audit-events"
    assert f"refused ({status})" in rejection.reason


def test_it_does_not_take_a_failure_for_no_events(fake: Any, api: Api) -> None:
    fake.replies["/audit-events"] = 500
    with pytest.raises(ServerError):
        segment_audit.read(api, WINDOW)


# --- schema settings --------------------------------------------------------------------------
def test_it_reads_where_copies_go_and_what_is_blocked(api: Api) -> None:
    (reading,) = segment_schema.read(api, ["srcWebProd01"])
    assert reading == SchemaReading(
        "srcWebProd01",
        forwards_violations_to="",
        forwards_blocked_to="srcServer02",
        settings={
            "track": {
                "allowUnplannedEvents": False,
                "allowUnplannedEventProperties": True,
                "allowEventOnViolations": True,
                "commonEventOnViolations": "OMIT_PROPERTIES",
            },
            "identify": {"allowUnplannedTraits": True, "allowTraitsOnViolations": True},
        },
    )


def test_it_keeps_only_the_settings_that_are_documented(fake: Any, api: Api, payload: Any) -> None:
    told = payload("schema_settings")
    told["data"]["settings"] |= {"apiSecret": "SECRET", "page": {"password": "SECRET"}}
    told["data"]["settings"]["track"]["token"] = "SECRET"
    fake.replies[SETTINGS] = told
    assert "SECRET" not in repr(segment_schema.read(api, ["srcWebProd01"]))


def test_it_goes_on_where_one_source_cannot_be_read(fake: Any, api: Api) -> None:
    fake.replies["/sources/odd/settings"] = {"data": {"settings": {"track": ["no"]}}}
    fake.replies["/sources/hidden/settings"] = 403
    names = ["odd", "gone", "hidden", "srcWebProd01"]
    assert [each.source_id for each in segment_schema.read(api, names)] == ["srcWebProd01"]
    assert [each.where for each in api.rejections] == ["source odd", "source hidden"]


def test_it_asks_nothing_more_once_the_token_is_refused(fake: Any, api: Api) -> None:
    fake.replies[SETTINGS] = 401
    with pytest.raises(Unauthorized):
        segment_schema.read(api, ["srcWebProd01", "other"])
    assert len(fake.asked) == 1


# --- usage periods ----------------------------------------------------------------------------
def test_it_learns_when_a_usage_period_begins_and_ends(fake: Any, api: Api) -> None:
    assert segment_period.read(api, [JUNE]) == (PeriodReading(JUNE, date(2025, 6, 30)),)
    assert [url.params["period"] for url in fake.asked] == ["2025-06-01"]


def test_it_knows_no_period_on_a_plan_that_counts_no_users(fake: Any, api: Api) -> None:
    fake.replies["/usage/mtu/daily"] = {"data": {"dailyWorkspaceMTUUsage": []}}
    assert segment_period.read(api, [JUNE]) == ()


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("1748736000", 1751328000, ""),  # digits in a string, as other counts come
        (1751328000, 1748736000, "periodEnd is not up to a year after periodStart."),
        (1748736000, 1748736000, "periodEnd is not up to a year after periodStart."),
        (0, 1751328000, "periodEnd is not up to a year after periodStart."),
        (10**17, 10**17 + 1, "periodStart is not a time in Unix seconds."),
    ],
)
def test_it_takes_no_period_that_cannot_be_one(
    fake: Any, api: Api, payload: Any, start: object, end: object, reason: str
) -> None:
    told = payload("usage_users")
    told["data"]["dailyWorkspaceMTUUsage"][0] |= {"periodStart": start, "periodEnd": end}
    fake.replies["/usage/mtu/daily"] = told
    assert segment_period.read(api, [JUNE]) == (PeriodReading(JUNE, date(2025, 6, 30)),)
    assert [each.reason for each in api.rejections] == [reason] * bool(reason)
