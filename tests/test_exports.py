"""What leaves as CSV and JSON: exact columns, holes that are not zeros, and no formulas."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import pytest

from cdpwatch import counting, exports
from cdpwatch.models import Leak, Projection, VolumeDay, Workspace
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
