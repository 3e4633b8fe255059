"""The burn chart of a snapshot: what is billed, live and projected, and what is not known."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cdpwatch import snapshot
from cdpwatch.models import Connection, Workspace, WorkspaceDay
from cdpwatch.readings import DayCount
from dashboards import burn
from tests.factories import (
    NOVEMBER,
    NOW,
    bill,
    make_connection,
    make_live,
    make_workspace,
    record_days,
)

DAY = timedelta(days=1)
FOUR = tuple(NOVEMBER + n * DAY for n in range(4))


@pytest.fixture
def workspace(db: None) -> Workspace:
    return make_workspace()


@pytest.fixture
def source(workspace: Workspace) -> Connection:
    app, prod = workspace.apps.get(slug="application"), workspace.environments.get(name="Prod")
    return make_connection(workspace, app=app, environment=prod)


def counted(*calls: int | None, joint: int | None = None) -> dict[date, DayCount]:
    """Days from the first of November; `joint` is what the last hole and those before it made."""
    days = {day: DayCount(day, n, "") for day, n in zip(FOUR, calls, strict=False)}
    holes = [day for day, count in days.items() if count.calls is None]
    if joint is not None:
        days[holes[-1]] = DayCount(holes[-1], None, "", holes[0], joint)
    return days


@pytest.mark.parametrize(
    ("days", "billed_to", "line"),
    [
        (counted(10, 20, 30), FOUR[2], (10, 30, 60, None)),
        (counted(10, 20, 30, 5), FOUR[2], (10, 30, 60, None)),  # the running day is not billed
        (counted(10, 0, 30), FOUR[2], (10, 10, 40, None)),
        (counted(10, None, 30, 40), FOUR[3], (10, None, None, None)),
        (counted(10, None, None, 40, joint=50), FOUR[3], (10, None, 60, 100)),
        ({day: DayCount(day, 10) for day in FOUR[::2]}, FOUR[2], (10, None, None, None)),
        ({}, None, (None,) * 4),
    ],
)
def test_it_draws_on_after_a_hole_only_where_the_sum_is_known(
    days: dict[date, DayCount], billed_to: date | None, line: tuple[int | None, ...]
) -> None:
    assert burn.cumulative(days, FOUR, billed_to) == line


def test_it_draws_billed_live_and_last_month(workspace: Workspace, source: Connection) -> None:
    bill(workspace, NOW.date() - DAY, 1_000)  # the seventeenth is not billed yet
    make_live(source, NOW - DAY, 300)
    make_live(source, NOW, 40)
    chart = burn.burn_of(snapshot.current(workspace, NOW))
    assert (len(chart.days), chart.allowance) == (30, 40_000_000)
    assert chart.billed[15:18] == (16_000, None, None)
    assert [y for _, y in chart.live] == [16_300, 16_340]
    assert [round(x, 2) for x, _ in chart.live] == [17.0, 17.5]
    assert (chart.previous[-1], chart.previous_label) == (31_000, "October")
    assert chart.band is not None
    assert "16k of 40M used" in chart.summary


def test_it_draws_no_live_line_on_top_of_what_nobody_knows(
    workspace: Workspace, source: Connection
) -> None:
    bill(workspace, NOW.date(), 1_000)
    WorkspaceDay.objects.filter(day=date(2026, 11, 5)).update(calls=None, reason="Lost.")
    make_live(source, NOW, 40)
    chart = burn.burn_of(snapshot.current(workspace, NOW))
    assert (chart.billed[3], set(chart.billed[4:]), chart.live) == (4_000, {None}, ())


def test_it_promises_nothing_while_it_learns(workspace: Workspace) -> None:
    record_days(workspace, [1_000] * 3, NOW)
    chart = burn.burn_of(snapshot.current(workspace, NOW))
    assert chart.band is None
    assert chart.summary.startswith("3k of 40M used, 12 days left")


def test_it_marks_where_a_leak_opened(workspace: Workspace, source: Connection) -> None:
    bill(workspace, NOW.date(), 1_000)
    for minute in range(2, 30):
        make_live(source, NOW - timedelta(minutes=minute), 50, "page", "<b>Home</b>")
    [mark] = burn.burn_of(snapshot.current(workspace, NOW)).marks
    assert (mark.day, mark.label) == (NOW.date(), "■ Leak opens, Wed 18 Nov 11:36 UTC")


def test_it_draws_an_empty_workspace(workspace: Workspace) -> None:
    sheet = snapshot.current(workspace, NOW)
    drawn = burn.pictures(sheet)
    assert drawn.wide.startswith("<svg")
    assert drawn.narrow.startswith("<svg")
    assert burn.figure(sheet)["data"]


def test_it_draws_a_year(workspace: Workspace) -> None:
    contract = workspace.contract
    contract.period, contract.starts_on, contract.cycle_day = "year", date(2026, 6, 1), 17
    contract.save()
    bill(workspace, NOW.date(), 1_000, days=390)
    chart = burn.burn_of(snapshot.current(workspace, NOW))
    assert (chart.days[0], chart.days[-1], len(chart.days)) == (
        date(2026, 6, 17),
        date(2027, 6, 16),
        365,
    )
    assert chart.billed[153] == 154_000
    assert chart.previous[-1] is None  # its first months were not read
