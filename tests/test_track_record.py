"""What was projected against what came: kept rows, replays, and rows made again."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from pytest_django import DjangoAssertNumQueries

from cdpwatch import books, budget, counting, watch
from cdpwatch.days import start_of
from cdpwatch.models import PollerState, Projection, Reading, Replay, Workspace
from cdpwatch.watch import replaying
from tests.factories import NOW, TODAY, at, bill, make_reading, record_days

DAY = timedelta(days=1)
OCTOBER = date(2026, 10, 1)
QUANTILES = {"0.025": 10, "0.1": 20, "0.5": 30, "0.9": 40, "0.975": 50}


def keep(workspace: Workspace, as_of: date, **fields: object) -> Projection:
    """What was projected for October, of which 31,000 calls came where `bill` says 1,000 a day."""
    filled = {"used": 0, "quantiles": QUANTILES, "verdict": "on_track", "method": "test 1"}
    span = {"period_start": OCTOBER, "period_end": date(2026, 11, 1)}
    made_at = start_of(as_of) + timedelta(hours=23)
    filled = {**filled, "made_at": made_at, **fields}
    return workspace.contract.projections.create(as_of=as_of, **{**span, **filled})


def read_october(workspace: Workspace) -> None:
    """All of October was read on 1 November."""
    rows = [make_reading(1_000 * n, n, month=10) for n in range(1, 32)]
    counting.record_usage(workspace, rows, at(1, 1))


def record_of(workspace: Workspace, kind: str = books.SAID) -> books.Record:
    return books.record_of(workspace.contract, kind, TODAY)


def run(*options: str) -> str:
    out = io.StringIO()
    call_command("backtest", *options, stdout=out)
    return out.getvalue()


# --- what was said ----------------------------------------------------------------------------
def test_it_holds_what_was_said_against_what_came(workspace: Workspace) -> None:
    bill(workspace, TODAY, 1_000)
    keep(workspace, OCTOBER, quantiles={**QUANTILES, "0.5": 29_000})
    [one] = record_of(workspace).compared
    assert (one.came, one.span.name) == (31_000, "October")
    assert [(said.day, said.middle) for said in one.said] == [(1, 29_000)]


def test_it_tests_nothing_that_is_not_over(workspace: Workspace) -> None:
    bill(workspace, TODAY, 1_000)
    keep(workspace, TODAY, period_start=date(2026, 11, 1), period_end=date(2026, 12, 1))
    told = record_of(workspace)
    assert not told.compared and [said.as_of for said in told.open] == [TODAY]


def test_it_leaves_out_what_was_said_while_learning_and_rows_without_ranges(
    workspace: Workspace,
) -> None:
    bill(workspace, TODAY, 1_000)
    keep(workspace, OCTOBER, verdict="learning")
    keep(workspace, OCTOBER + DAY, quantiles={"0.5": 1})
    told = record_of(workspace)
    assert (told.compared, told.open) == ((), ())


def test_it_leaves_out_what_was_made_afterwards(workspace: Workspace) -> None:
    read_october(workspace)
    call_command("evaluate", "--as-of", "2026-10-20", stdout=io.StringIO())
    assert Projection.objects.get().as_of == date(2026, 10, 20)
    told = record_of(workspace)
    assert (told.compared, told.open) == ((), ())


def test_it_leaves_out_a_period_with_days_that_nobody_knows(workspace: Workspace) -> None:
    bill(workspace, TODAY, 1_000, days=40)  # back to 9 October
    keep(workspace, date(2026, 10, 20))
    told = record_of(workspace)
    assert not told.compared
    assert [(span.start, days) for span, days in told.unknown.items()] == [(OCTOBER, 8)]


def test_it_reads_a_record_in_as_many_queries_however_long_it_is(
    workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    bill(workspace, TODAY, 1_000)
    contract = workspace.contract
    for n in range(2):
        keep(workspace, OCTOBER + n * DAY)
        with django_assert_num_queries(3):  # projections, workspaces, days
            books.record_of(contract, books.SAID, TODAY)


# --- replayed ---------------------------------------------------------------------------------
def test_it_replays_every_day_from_the_readings_known_then(workspace: Workspace) -> None:
    read_october(workspace)
    assert books.replay(workspace.contract, at(3)) == 26  # 8 October to 2 November
    told = record_of(workspace, books.REPLAYED)
    [october] = told.compared
    assert (october.said[0].as_of, october.came) == (date(2026, 10, 8), 31_000)
    assert october.said[-1].middle == pytest.approx(31_000, rel=0.01)
    assert all(said.within95(31_000) for said in october.said)
    assert not Projection.objects.exists()


def test_it_replays_nothing_with_what_came_in_later(workspace: Workspace) -> None:
    read_october(workspace)
    counting.record_usage(workspace, [make_reading(1_000, 1)], at(2, 1))
    counting.record_usage(workspace, [make_reading(9_000, 1)], at(9))  # restated since
    books.replay(workspace.contract, at(12))
    rows = {row.as_of.day: row for row in Replay.objects.filter(period_start__month=11)}
    assert rows[3].quantiles["0.5"] == pytest.approx(30_000, rel=0.02)
    assert rows[10].quantiles["0.5"] > 38_000


def test_it_replays_a_day_once_and_again_when_its_past_is_another(workspace: Workspace) -> None:
    read_october(workspace)
    contract, now = workspace.contract, at(3)
    books.replay(contract, now)
    assert books.replay(contract, now) == 0
    Replay.objects.filter(as_of=at(1).date()).update(method="older 1")
    assert books.replay(contract, now) == 1
    Reading.objects.create(
        workspace=workspace,
        period_start=date(2026, 9, 1),
        day=date(2026, 9, 30),
        cumulative=1,
        observed_at=now,
    )
    assert books.replay(contract, now) == 27
    assert Replay.objects.count() == 27


def test_it_stops_replaying_when_it_is_told_to_and_goes_on_later(workspace: Workspace) -> None:
    read_october(workspace)
    turns = iter([True, False])
    assert books.replay(workspace.contract, NOW, lambda: next(turns)) == 30
    assert min(Replay.objects.values_list("as_of", flat=True)) == TODAY - 30 * DAY
    assert books.replay(workspace.contract, NOW) == 11


def test_it_replays_nothing_of_nothing(workspace: Workspace) -> None:
    assert books.replay(workspace.contract, NOW) == 0
    record_days(workspace, [0] * 17)
    books.replay(workspace.contract, NOW)
    assert all(total == 0 for row in Replay.objects.all() for total in row.quantiles.values())


def test_the_worker_waits_with_the_replay_until_the_past_is_read(workspace: Workspace) -> None:
    record_days(workspace, [1_000] * 17)
    assert replaying.replay(workspace, NOW) == 0
    for name in ("catalog", "usage", "volume", "delivery"):
        PollerState.objects.update_or_create(
            workspace=workspace,
            poller=name,
            defaults={"first_due": NOW, "last_good": NOW, "history_from": date(2025, 10, 1)},
        )
    assert watch.replay(workspace, NOW) == 10


# --- made again -------------------------------------------------------------------------------
def kept_today(workspace: Workspace) -> Projection:
    record_days(workspace, [1_000_000 + 1_000 * n for n in range(17)])
    watch.evaluate(workspace, NOW)
    return Projection.objects.get()


def test_it_makes_a_kept_projection_again(workspace: Workspace) -> None:
    made = books.made_again(kept_today(workspace))
    assert (made.state, made.again) == (books.SAME, made.stored)
    assert made.inputs is not None and made.inputs.now == NOW


def test_it_tells_a_row_that_differs_from_one_of_an_older_method(workspace: Workspace) -> None:
    row = kept_today(workspace)
    row.quantiles = {**row.quantiles, "0.5": 1}
    assert books.made_again(row).state == books.DIFFERS
    row.method = "weekday-levels 0"
    assert books.made_again(row).state == books.OLDER


@pytest.mark.parametrize("inputs", ["", "none", budget.packed.__doc__])
def test_it_says_that_a_row_has_no_inputs(workspace: Workspace, inputs: str) -> None:
    made = books.made_again(keep(workspace, TODAY, inputs=inputs))
    assert (made.state, made.again) == (books.NO_INPUTS, {})


# --- the command ------------------------------------------------------------------------------
def test_the_command_prints_error_and_coverage_by_day(workspace: Workspace) -> None:
    bill(workspace, TODAY, 1_000)
    keep(workspace, OCTOBER, quantiles={**QUANTILES, "0.5": 29_450, "0.975": 40_000})
    said = run().splitlines()
    assert said[0] == "As it was said: 1 finished period."
    assert said[2].split() == ["1", "1", "5.0", "0%", "100%"]
    assert said[3].split() == ["all", "1", "5.0", "0%", "100%"]


def test_the_command_says_when_there_is_nothing_to_compare(workspace: Workspace) -> None:
    assert run().splitlines()[-1].startswith("Nothing to compare yet")


def test_the_command_replays_and_says_so(workspace: Workspace) -> None:
    read_october(workspace)
    assert run("--replay").startswith("Replayed from the readings known then: ")
    assert Replay.objects.exists() and not Projection.objects.exists()


def test_the_command_writes_a_row_for_each_projection(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    bill(workspace, TODAY, 1_000)
    keep(workspace, OCTOBER, quantiles={**QUANTILES, "0.5": 29_450})
    run("--csv")
    [row] = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["record"], row["day"], row["came"]) == ("said", "1", "31000")
    assert (row["error_percent"], row["within80"]) == ("-5.0", "False")


def test_the_command_checks_every_row_and_fails_when_one_differs(workspace: Workspace) -> None:
    row = kept_today(workspace)
    keep(workspace, OCTOBER)
    assert "1 same" in run("--check") and "1 no inputs" in run("--check")
    Projection.objects.filter(pk=row.pk).update(quantiles={**row.quantiles, "0.5": 1})
    with pytest.raises(CommandError, match=r"Projections that differ: 1\."):
        run("--check")


def test_the_command_knows_a_workspace_by_its_id(workspace: Workspace) -> None:
    Workspace.objects.update(segment_id="ws1")
    assert run("--workspace", "ws1") == run()
    with pytest.raises(CommandError, match="No workspace with a contract has the id ws2"):
        run("--workspace", "ws2")
