"""Months: what their days make, in one transaction with them, and a check that proves it."""

from __future__ import annotations

import io
from datetime import date

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from cdpwatch import counting, snapshot
from cdpwatch.models import SourceDay, SourceMonth, Workspace, WorkspaceDay, WorkspaceMonth
from cdpwatch.readings import MonthCount
from tests.factories import NOVEMBER, NOW, make_connection, make_reading, record_days

OCTOBER = date(2026, 10, 1)


def check(*options: str) -> str:
    said = io.StringIO()
    call_command("check_rollups", *options, stdout=said)
    return said.getvalue()


def month(workspace: Workspace, first: date = NOVEMBER) -> MonthCount:
    return snapshot.workspace_months(workspace)[first]


def test_it_sums_the_days_of_a_month(workspace: Workspace) -> None:
    record_days(workspace, [10, 20, 30])
    assert month(workspace) == MonthCount(60, 27)


def test_it_follows_a_day_that_is_restated(workspace: Workspace) -> None:
    record_days(workspace, [10, 20, 30])
    record_days(workspace, [10, 25, 30, 5])
    assert month(workspace) == MonthCount(70, 26)


def test_it_counts_a_joint_sum_and_knows_its_days(workspace: Workspace) -> None:
    counting.record_usage(workspace, [make_reading(10, 1), make_reading(100, 4)], NOW)
    assert month(workspace) == MonthCount(100, 26)


def test_it_takes_a_hole_for_unknown_days(workspace: Workspace) -> None:
    record_days(workspace, [10])
    counting.note_failure(workspace, "Segment was out.", date(2026, 11, 5))
    assert month(workspace) == MonthCount(10, 29)
    assert not list(counting.differences(workspace))


def test_it_keeps_months_and_sources_apart(workspace: Workspace) -> None:
    said = [
        make_reading(50, 1, "src1"),
        make_reading(70, 1, "src2"),
        make_reading(900, 31, "src1", month=10),
    ]
    counting.record_usage(workspace, said, NOW)
    one, two = (make_source(workspace, name) for name in ("src1", "src2"))
    assert snapshot.months_by_source(workspace, NOVEMBER) == {
        two: MonthCount(70, 29),
        one: MonthCount(50, 29),
    }
    assert snapshot.months_by_source(workspace, OCTOBER) == {one: MonthCount(900, 30)}


def make_source(workspace: Workspace, segment_id: str) -> int:
    """The source that a reading has made."""
    return workspace.connections.get(segment_id=segment_id).pk


def test_it_is_taken_back_with_its_days(workspace: Workspace) -> None:
    record_days(workspace, [10])
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record_days(workspace, [10, 20])
        raise ZeroDivisionError
    assert month(workspace) == MonthCount(10, 29)


def test_it_answers_by_source_with_one_query(
    workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    counting.record_usage(workspace, [make_reading(50, 1, f"src{n}") for n in range(30)], NOW)
    with django_assert_num_queries(1):
        assert len(snapshot.months_by_source(workspace, NOVEMBER)) == 30


# --- the check --------------------------------------------------------------------------------
def test_it_says_that_every_month_is_the_sum_of_its_days(workspace: Workspace) -> None:
    assert check() == "Every month is the sum of its days.\n"
    counting.record_usage(workspace, [make_reading(50, 1, "src1"), make_reading(60, 1)], NOW)
    assert check() == "Every month is the sum of its days.\n"


@pytest.mark.parametrize(("calls", "unknown"), [(61, 27), (60, 26)], ids=["calls", "unknown days"])
def test_it_names_a_month_that_differs(workspace: Workspace, calls: int, unknown: int) -> None:
    record_days(workspace, [10, 20, 30])
    WorkspaceMonth.objects.update(calls=calls, unknown_days=unknown)
    said = io.StringIO()
    with pytest.raises(CommandError, match="Months that differ: 1"):
        call_command("check_rollups", stdout=said)
    assert said.getvalue() == (
        f"WorkspaceMonth of {workspace.pk}, 2026-11: {calls} calls and {unknown} unknown days, "
        "but its days make 60 calls and 27 unknown days\n"
    )


def test_it_names_a_month_that_is_missing_and_one_without_days(workspace: Workspace) -> None:
    record_days(workspace, [10])
    WorkspaceMonth.objects.update(month=date(2026, 2, 1))
    found = [(row.month, row.kept is None, row.summed is None) for row in found_in(workspace)]
    assert found == [(date(2026, 2, 1), False, True), (NOVEMBER, True, False)]


def test_it_sees_a_day_that_was_changed_by_hand(workspace: Workspace) -> None:
    source = make_connection(workspace)
    counting.record_usage(workspace, [make_reading(50, 1, "src1")], NOW)
    SourceDay.objects.filter(calls=50).update(calls=49)
    [row] = found_in(workspace)
    assert (row.table, row.owner, row.summed) == ("SourceMonth", source.pk, MonthCount(49, 29))


def test_it_mends_what_differs(workspace: Workspace) -> None:
    counting.record_usage(workspace, [make_reading(50, 1, "src1"), make_reading(60, 1)], NOW)
    SourceMonth.objects.update(calls=1)
    WorkspaceDay.objects.all().delete()
    assert "but its days make nothing" in check("--mend")
    assert not found_in(workspace)
    assert not WorkspaceMonth.objects.exists()


def found_in(workspace: Workspace) -> list[counting.Difference]:
    return list(counting.differences(workspace))
