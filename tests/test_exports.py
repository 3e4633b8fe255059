"""What leaves as CSV and JSON: exact columns, holes that are not zeros, and no formulas."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from cdpwatch import contracts, counting, exports
from cdpwatch.exports import AS_OF, EXPORTS, NoHistory
from cdpwatch.models import AlertEvent, Leak, Projection, VolumeDay, Workspace
from tests.factories import (
    NOVEMBER,
    NOW,
    TODAY,
    at,
    make_alert,
    make_connection,
    make_reading,
)


def written(name: str, workspace: Workspace, form: str = "csv") -> str:
    out = io.StringIO()
    exports.write(name, exports.EXPORTS[name](workspace, NOVEMBER, TODAY), form, out)
    return out.getvalue()


def known(name: str, workspace: Workspace, moment: datetime) -> list[dict[str, Any]]:
    """The rows of November as they were known at a moment."""
    return list(exports.rows(name, workspace, NOVEMBER, TODAY, moment))


def rows_of(name: str, workspace: Workspace) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written(name, workspace))))


def test_it_gives_months_one_row_per_source_and_month(workspace: Workspace) -> None:
    prod = workspace.environments.get(name="Prod")
    make_connection(workspace, environment=prod)
    usage = [make_reading(10, 2, "src1"), make_reading(900, 31, "src1", month=10)]
    counting.record_usage(workspace, usage, NOW)
    assert written("months", workspace) == (
        "month,source_id,source,environment,billed,unknown_days\r\n"
        "2026-11,src1,Prod - Application,Prod,10,28\r\n"
    )


def test_it_gives_usage_one_row_per_source_and_day(workspace: Workspace) -> None:
    prod = workspace.environments.get(name="Prod")
    source = make_connection(workspace, environment=prod)
    usage = [make_reading(10, 1, "src1"), make_reading(40, 3, "src1")]
    counting.record_usage(workspace, usage, at(4, 1))
    for event in ("a", "b"):
        VolumeDay.objects.create(
            source=source, bucket=at(4), call_type="track", event=event, count=4
        )
    assert written("usage", workspace) == (
        "day,source_id,source,environment,billed,live\r\n"
        "2026-11-01,src1,Prod - Application,Prod,10,\r\n"
        "2026-11-02,src1,Prod - Application,Prod,,\r\n"
        "2026-11-03,src1,Prod - Application,Prod,,\r\n"
        "2026-11-04,src1,Prod - Application,Prod,,8\r\n"
    )
    assert json.loads(written("usage", workspace, "json"))[1] == {
        "day": "2026-11-02",
        "source_id": "src1",
        "source": "Prod - Application",
        "environment": "Prod",
        "billed": None,
        "live": None,
    }


def test_it_gives_only_the_days_that_are_asked_for(workspace: Workspace) -> None:
    usage = [make_reading(10 * day, day, "src1") for day in range(1, 10)]
    counting.record_usage(workspace, usage, at(10))
    rows = exports.usage(workspace, date(2026, 11, 3), date(2026, 11, 4))
    assert [row["day"] for row in rows] == ["2026-11-03", "2026-11-04"]


def test_it_heads_the_table_even_when_there_is_nothing_in_it(workspace: Workspace) -> None:
    assert written("usage", workspace) == "day,source_id,source,environment,billed,live\r\n"
    assert written("usage", workspace, "json") == "[]\n"


@pytest.mark.parametrize("start", exports.FORMULA)
def test_it_lets_no_name_run_as_a_formula(workspace: Workspace, start: str) -> None:
    make_connection(workspace, name=f"{start}cmd|calc")
    [row] = rows_of("catalog", workspace)
    assert row["name"] == f"'{start}cmd|calc"
    [told] = json.loads(written("catalog", workspace, "json"))
    assert told["name"] == f"{start}cmd|calc"


@pytest.mark.parametrize(
    "name", ['a"b', "a,b", "a;b", "a\r\nb", "Prod - é\u202e東京", "x" * 500, "'=1+1"]
)
def test_it_gives_back_what_went_in(workspace: Workspace, name: str) -> None:
    make_connection(workspace, name=name)
    assert rows_of("catalog", workspace)[0]["name"] == name


def test_it_writes_json_without_control_characters(workspace: Workspace) -> None:
    make_connection(workspace, name="a\n\x1b[31m\u202e")
    told = written("catalog", workspace, "json")
    assert set(told) - {"\n"} <= set(map(chr, range(32, 127)))
    assert json.loads(told)[0]["name"] == "a\n\x1b[31m\u202e"


def test_it_leaves_numbers_numbers() -> None:
    assert [exports.cell(value) for value in (-5, None, "a-b", "-5")] == [-5, None, "a-b", "'-5"]


def test_it_lists_every_connection_retired_ones_too(workspace: Workspace) -> None:
    labels = {"team": "data", "env": "prod"}
    make_connection(workspace, labels=labels, retired_at=NOW, app=workspace.apps.first())
    [row] = rows_of("catalog", workspace)
    assert (row["labels"], row["app"]) == ("env:prod team:data", "Application")
    assert row["retired_at"] == NOW.isoformat()


def test_it_lists_alerts_and_leaks_that_opened_in_the_span(workspace: Workspace) -> None:
    alert = make_alert(workspace, kind="leak")
    make_alert(workspace, fingerprint="old")
    workspace.alerts.filter(fingerprint="old").update(opened_at=at(1, month=10))
    Leak.objects.create(
        alert=alert,
        source=make_connection(workspace),
        call_type="page",
        rule_key="in-app-pages",
        since=NOW,
        calls_so_far=6_000,
        calls_to_end=300_000,
    )
    assert [row["id"] for row in rows_of("alerts", workspace)] == [str(alert.pk)]
    [row] = rows_of("leaks", workspace)
    assert (row["source_id"], row["calls_so_far"], row["rule"]) == ("src1", "6000", "in-app-pages")


def test_it_lists_projections_whose_levels_differ(workspace: Workspace) -> None:
    for day, quantiles in ((16, {"0.5": 39}), (17, {"0.5": 40, "0.9": 44})):
        Projection.objects.create(
            contract=workspace.contract,
            as_of=date(2026, 11, day),
            period_start=NOVEMBER,
            period_end=date(2026, 12, 1),
            used=20,
            quantiles=quantiles,
            crosses_on=date(2026, 11, 28) if day == 17 else None,
            verdict="watch",
            method="test 1",
        )
    first, second = rows_of("projection", workspace)
    assert (first["q0.5"], first["q0.9"], first["crosses_on"]) == ("39", "", "")
    assert (second["q0.5"], second["q0.9"], second["crosses_on"]) == ("40", "44", "2026-11-28")


# --- as of a moment ---------------------------------------------------------------------------
HOUR = timedelta(hours=1)


@pytest.fixture
def restated(workspace: Workspace) -> Workspace:
    """Ten calls a day, read on the 5th; on the 8th Segment says that it was 30 on the 3rd."""
    make_connection(workspace)
    first = [
        make_reading(10 * day, day, source) for day in range(1, 5) for source in (None, "src1")
    ]
    counting.record_usage(workspace, first, at(5, 6))
    sums = (10, 20, 50, 60, 70, 80, 90)
    later = [
        make_reading(n, day, source) for day, n in enumerate(sums, 1) for source in (None, "src1")
    ]
    counting.record_usage(workspace, later, at(8, 6))
    return workspace


def billed(rows: list[dict[str, Any]]) -> dict[str, int | None]:
    return {row["day"][-2:]: row["billed"] for row in rows}


def test_it_tells_usage_without_a_restatement_that_came_later(restated: Workspace) -> None:
    then = known("usage", restated, at(7))
    assert billed(then) == {"01": 10, "02": 10, "03": 10, "04": 10, "05": None, "06": None}
    assert billed(known("usage", restated, at(8, 7)))["03"] == 30
    assert billed(list(exports.rows("usage", restated, NOVEMBER, TODAY)))["03"] == 30


def test_it_tells_of_days_before_the_first_reading_what_was_read_first(restated: Workspace) -> None:
    assert billed(known("usage", restated, at(4))) == {"01": 10, "02": 10, "03": 10}


def test_it_tells_live_calls_of_whole_days_before_the_moment(restated: Workspace) -> None:
    source = restated.connections.get()
    for day in (6, 7):
        VolumeDay.objects.create(source=source, bucket=at(day), call_type="track", count=5)
    rows = {row["day"][-2:]: row["live"] for row in known("usage", restated, at(7, 20))}
    assert (rows["06"], "07" in rows) == (5, False)


def test_it_tells_months_without_a_restatement_that_came_later(restated: Workspace) -> None:
    [then], [now] = (known("months", restated, moment) for moment in (at(7), at(9)))
    assert (then["month"], then["billed"], then["unknown_days"]) == ("2026-11", 40, 26)
    assert (now["billed"], now["unknown_days"]) == (90, 23)
    assert [now] == list(exports.rows("months", restated, NOVEMBER, TODAY))


def test_it_takes_no_first_month_of_an_old_source_for_its_birth(workspace: Workspace) -> None:
    make_connection(workspace)
    old = [make_reading(5 * day, day, "src1", month=10) for day in range(1, 32)]
    counting.record_usage(workspace, [*old, make_reading(20, 2, "src1")], at(3))
    told = billed(known("usage", workspace, at(3, 1)))
    assert (
        told == {"01": None, "02": None} == billed(list(exports.usage(workspace, NOVEMBER, TODAY)))
    )


def kept(workspace: Workspace, day: int, made_at: datetime, used: int = 20) -> None:
    Projection.objects.create(
        contract=workspace.contract,
        as_of=date(2026, 11, day),
        made_at=made_at,
        period_start=NOVEMBER,
        period_end=date(2026, 12, 1),
        used=used,
        verdict="watch",
        method="test 1",
    )


def test_it_tells_the_projections_that_were_made_by_then(restated: Workspace) -> None:
    kept(restated, 6, at(6, 23))
    kept(restated, 7, at(7, 23), used=99)
    kept(restated, 8, at(8, 23))
    rows = known("projection", restated, at(7, 12))
    assert [(row["as_of"][-2:], row["used"], row["verdict"]) for row in rows] == [
        ("06", 20, "watch"),
        ("07", 40, "learning"),  # made again, for what was kept of that day came later
    ]
    assert [row["used"] for row in known("projection", restated, at(7, 23))] == [20, 99]


def test_it_makes_a_projection_again_by_the_terms_that_were_known(workspace: Workspace) -> None:
    usage = [make_reading(3_000_000 * day, day) for day in range(1, 18)]
    counting.record_usage(workspace, usage, NOW)
    more = {"allowance": 10**9, "whole": True}
    contracts.amend(workspace.contract, TODAY, "ada", NOW + 2 * HOUR, **more)
    [then], [later] = (known("projection", workspace, NOW + n * HOUR) for n in (1, 3))
    assert (then["verdict"], later["verdict"]) == ("over", "on_track")
    assert then["q0.5"] == pytest.approx(later["q0.5"], rel=0.01)
    assert then["made_at"] == (NOW + HOUR).isoformat()
    assert not Projection.objects.exists()


def test_it_tells_alerts_and_leaks_as_they_stood(workspace: Workspace) -> None:
    alert = make_alert(
        workspace, kind="leak", state="resolved", resolved_at=at(19), consequence="c"
    )
    for kind, moment in (("opened", NOW), ("resolved", at(19))):
        AlertEvent.objects.create(alert=alert, kind=kind, at=moment, text=f"It {kind}.")
    source = make_connection(workspace)
    fields = {"call_type": "page", "rule_key": "x", "since": NOW, "calls_to_end": 0}
    Leak.objects.create(alert=alert, source=source, calls_so_far=9, **fields)
    [then], [later] = (known("alerts", workspace, moment) for moment in (NOW + HOUR, at(19, 1)))
    assert (then["state"], then["consequence"], then["resolved_at"]) == ("open", "It opened.", None)
    assert (later["state"], later["consequence"]) == ("resolved", "It resolved.")
    assert (then["title"], then["severity"]) == (None, None)  # written anew while it went on
    [leak] = known("leaks", workspace, NOW + HOUR)
    assert (leak["state"], leak["calls_so_far"], leak["rule"]) == ("open", None, "x")
    assert known("alerts", workspace, NOW - HOUR) == known("leaks", workspace, NOW - HOUR) == []


@pytest.mark.parametrize("name", EXPORTS.keys() - AS_OF.keys())
def test_it_refuses_to_tell_what_keeps_no_history(workspace: Workspace, name: str) -> None:
    with pytest.raises(NoHistory, match=f"^{name} is kept as it is now"):
        exports.rows(name, workspace, NOVEMBER, TODAY, NOW)


def test_it_asks_as_often_for_many_sources_as_for_few(
    restated: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(5):
        make_connection(restated, f"more{n}")
        counting.record_usage(restated, [make_reading(4, 1, f"more{n}")], at(6))
    with django_assert_num_queries(5):
        assert len(known("usage", restated, at(7))) == 36
