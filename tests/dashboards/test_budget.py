"""The budget page: verdict, days with their clock, past periods, and sums that add up."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from cdpwatch import snapshot
from cdpwatch.models import PollerState, Role, User, Workspace, WorkspaceDay
from dashboards.views import budget as budget_page
from dashboards.views.budget import DayRow, day_rows
from tests.dashboards.conftest import text
from tests.factories import NOW, TODAY, bill, make_live, make_sources, refresh_all_months

BUDGET = reverse("budget")
DAY = timedelta(days=1)


def terms(workspace: Workspace, **fields: object) -> None:
    contract = workspace.contract
    for name, value in {"starts_on": date(2026, 11, 1), **fields}.items():
        setattr(contract, name, value)
    contract.save()


def page(workspace: Workspace, role: Role = Role.VIEWER) -> str:
    """The budget page as it stands at NOW."""
    sheet = snapshot.current(workspace, NOW)
    context = {**budget_page.page(sheet), "user": User(role=role), "now": NOW}
    return render_to_string("budget/budget.html", context)


def words(html: str) -> str:
    """The text of a page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def days_of(workspace: Workspace) -> dict[int, DayRow]:
    return {row.day.day: row for row in day_rows(snapshot.current(workspace, NOW))}


# --- day by day -------------------------------------------------------------------------------
def test_it_gives_every_day_its_clock_and_running_total(workspace: Workspace) -> None:
    terms(workspace)
    [source] = make_sources(workspace, 1, NOW)
    bill(workspace, TODAY - DAY, 1_000)
    make_live(source, NOW - DAY, 300)
    rows = days_of(workspace)
    assert len(rows) == 30
    assert (rows[16].calls, rows[16].clock, rows[16].total) == (1_000, "billed", 16_000)
    assert (rows[17].calls, rows[17].clock) == (300, "live, not billed yet")
    assert (rows[18].calls, rows[18].clock, rows[18].total) == (40, "live, so far", 16_340)
    assert (rows[19].calls, rows[19].clock, rows[19].total) == (None, "", None)
    assert rows[17].projected is None
    assert 16_340 <= rows[18].projected < rows[30].projected


def test_it_shows_a_hole_as_a_dash_with_its_reason(workspace: Workspace) -> None:
    terms(workspace)
    bill(workspace, TODAY, 1_000)
    WorkspaceDay.objects.filter(day=date(2026, 11, 5)).update(calls=None, reason="Segment was out.")
    rows = days_of(workspace)
    assert (rows[5].calls, rows[5].clock, rows[5].total) == (None, "Segment was out.", None)
    assert (rows[6].calls, rows[6].total) == (1_000, None)
    assert "Thu 5 Nov – Segment was out. –" in words(page(workspace))


def test_it_goes_on_after_a_hole_with_a_joint_sum(workspace: Workspace) -> None:
    terms(workspace)
    bill(workspace, TODAY, 1_000)
    days = WorkspaceDay.objects.filter(day__in=[date(2026, 11, 5), date(2026, 11, 6)])
    days.update(calls=None, reason="Missing.")
    days.filter(day=date(2026, 11, 6)).update(joint_since=date(2026, 11, 5), joint_calls=2_500)
    rows = days_of(workspace)
    assert rows[6].clock == "Missing. 2\u2009500 calls since Thu 5 Nov."
    assert [rows[n].total for n in (4, 5, 6, 7)] == [4_000, None, 6_500, 7_500]


def test_it_says_no_reading_where_there_is_no_row(workspace: Workspace) -> None:
    terms(workspace)
    bill(workspace, TODAY, 1_000, days=3)
    assert (days_of(workspace)[4].calls, days_of(workspace)[4].clock) == (None, "No reading.")


# --- past periods -----------------------------------------------------------------------------
def test_it_does_not_judge_months_before_the_contract(workspace: Workspace) -> None:
    terms(workspace, allowance=30_000)
    bill(workspace, TODAY, 1_000, days=80)
    assert "October 2026 31 000 not entered ○ Not judged" in words(page(workspace))
    terms(workspace, allowance=30_000, starts_on=date(2026, 10, 1))
    told = words(page(workspace))
    assert "October 2026 31 000 30 000 ■ Over" in told
    assert "September 2026 30 000 not entered ○ Not judged" in told
    terms(workspace, allowance=31_000, starts_on=date(2026, 10, 1))
    assert "October 2026 31 000 31 000 ✓ Under" in words(page(workspace))


def test_it_tells_days_of_the_past_that_nobody_knows(workspace: Workspace) -> None:
    terms(workspace)
    bill(workspace, TODAY, 1_000, days=80)
    WorkspaceDay.objects.filter(day=date(2026, 10, 9)).update(calls=None, reason="Lost.")
    refresh_all_months(workspace)
    assert "October 2026 30 000 1 day unknown not entered" in words(page(workspace))


# --- sentences --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("role", "then"),
    [(Role.VIEWER, "An admin can confirm it."), (Role.ADMIN, "Confirm the contract")],
)
def test_it_says_that_the_month_is_assumed_and_why(
    workspace: Workspace, role: Role, then: str
) -> None:
    terms(workspace)
    bill(workspace, TODAY, 1_300_000, days=78)  # since 1 September
    told = words(page(workspace, role))
    said = "40M a month is assumed. The last 2 months billed 79.3M: 40M looks monthly."
    assert f"▲ Contract not confirmed {said} {then}" in told
    terms(workspace, confirmed_at=NOW)
    assert "assumed" not in words(page(workspace, role))


def test_it_speaks_of_a_year_in_every_sentence(workspace: Workspace) -> None:
    terms(workspace, period="year", cycle_day=17, starts_on=date(2026, 6, 1))
    make_sources(workspace, 1, NOW)
    bill(workspace, TODAY, 120_000, days=395)
    told = words(page(workspace))
    assert "The year to 16 Jun 2027 ends at 4" in told
    assert "18.5M of 40M used, 210 days left; at this pace 4" in told
    assert "day 155 of 365" in told
    assert "of 40M a year" in told
    assert "40M a year is assumed. The last 12 months billed 43.8M: 40M looks yearly." in told
    assert "Burn of the year to 16 Jun 2027" in told
    assert "Calls of the year to 16 Jun 2027 by source" in told
    assert "Past years" in told
    assert "No whole year has been read yet." in told
    assert "month" not in told.replace("The last 12 months", "")


def test_it_gives_every_number_its_clock(workspace: Workspace) -> None:
    terms(workspace)
    assert "Nothing billed yet." in words(page(workspace))
    bill(workspace, TODAY, 1_000)
    assert "Billed to Tue 17 Nov, 24:00 UTC." in words(page(workspace))
    PollerState.objects.create(workspace=workspace, poller="volume", last_good=NOW)
    told = words(page(workspace))
    assert "Billed to Tue 17 Nov, 24:00 UTC, plus live 12 h to Wed 18 Nov 12:04 UTC." in told


# --- the page itself --------------------------------------------------------------------------
def test_it_adds_up(workspace: Workspace, viewer: Client) -> None:
    today = datetime.now(UTC).date()
    make_sources(workspace, 3, datetime.now(UTC))
    bill(workspace, today, 5_000)
    html = text(viewer, BUDGET)
    table = html[html.index("by source</caption>") : html.index("</tfoot>")]
    cells = re.findall(r'data-label="Calls">([^<]+)<', table)
    *parts, total = [int(cell.replace("\u2009", "")) for cell in cells]
    assert len(parts) == 3 + 1  # the sources and the remainder
    assert sum(parts) == total == 5_000 * (today.day - 1) + 3 * 40
