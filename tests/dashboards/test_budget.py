"""The budget page: verdict, days with their clock, past periods, and sums that add up."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from cdpwatch import contracts, counting, snapshot, watch, wording
from cdpwatch.budget import Verdict
from cdpwatch.budget.subbudgets import SubBudget
from cdpwatch.models import (
    KeptSnapshot,
    PollerState,
    Projection,
    Role,
    User,
    Workspace,
    WorkspaceDay,
)
from dashboards.views import budget as budget_page
from dashboards.views.budget import DayRow, day_rows
from tests.dashboards.conftest import text
from tests.factories import (
    NOW,
    TODAY,
    at,
    bill,
    make_connection,
    make_live,
    make_reading,
    make_sources,
    refresh_all_months,
)

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
    assert "October 2026 31 000 no contract ○ Not judged" in words(page(workspace))
    terms(workspace, allowance=30_000, starts_on=date(2026, 10, 1))
    told = words(page(workspace))
    assert "October 2026 31 000 30 000 ■ Over" in told
    assert "September 2026 30 000 no contract ○ Not judged" in told
    terms(workspace, allowance=31_000, starts_on=date(2026, 10, 1))
    assert "October 2026 31 000 31 000 ✓ Under" in words(page(workspace))


def test_it_tells_days_of_the_past_that_nobody_knows(workspace: Workspace) -> None:
    terms(workspace)
    bill(workspace, TODAY, 1_000, days=80)
    WorkspaceDay.objects.filter(day=date(2026, 10, 9)).update(calls=None, reason="Lost.")
    refresh_all_months(workspace)
    assert "October 2026 30 000 1 day unknown no contract" in words(page(workspace))


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
    told = told.replace("The last 12 months", "").replace("the last of every calendar month", "")
    assert "month" not in told


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


def column(html: str, caption: str, label: str) -> list[str]:
    """One column of a table, its total last."""
    table = html[html.index(caption) :]
    return re.findall(rf'data-label="{label}">([^<]+)', table[: table.index("</tfoot>")])


def numbers(cells: list[str]) -> list[float]:
    kept = (re.sub(r"[^\d.\u2212]", "", cell).replace("\u2212", "-") for cell in cells)
    return [round(float(cell), 2) for cell in kept]


@pytest.mark.parametrize("caption", ["by source<", "call types<", "event names<"])
def test_it_adds_up_in_calls_and_in_money(workspace: Workspace, caption: str) -> None:
    terms(workspace, allowance=100_000, price=Decimal("1000"), starts_on=date(2026, 10, 1))
    for n, source in enumerate(make_sources(workspace, 30, NOW)):
        make_live(source, NOW - DAY, 7 + n, "page" if n % 2 else "track", f"Event {n}")
    bill(workspace, TODAY, 31_337)
    html = page(workspace)
    calls, costs = (numbers(column(html, caption, label)) for label in ("Calls", "Cost"))
    assert len(calls) == len(costs) > 2
    assert (sum(calls[:-1]), round(sum(costs[:-1]), 2)) == (calls[-1], costs[-1])
    assert calls[-1] == 31_337 * 17 + 30 * 40


def test_it_shows_no_money_where_nobody_entered_a_price(workspace: Workspace) -> None:
    terms(workspace)
    bill(workspace, TODAY, 1_000)
    told = words(page(workspace))
    assert "no overage price was entered: Enter it in the contract" in told
    assert "Cost" not in told
    assert "USD" not in told


def test_it_prices_the_overage_with_its_range(workspace: Workspace) -> None:
    terms(workspace, allowance=20_000, overage_price=Decimal("50"), overage_unit=1_000)
    bill(workspace, TODAY, 1_000, days=200)
    told = words(page(workspace))
    assert re.search(r"Price of the overage \d+\.\d\d USD 80% \d+\.\d\d USD to \d", told)


def test_it_tells_what_no_live_call_explains(workspace: Workspace) -> None:
    terms(workspace)
    [source] = make_sources(workspace, 1, NOW)
    bill(workspace, TODAY, 1_000)
    assert "Billed, not seen in live volume" in words(page(workspace))
    make_live(source, NOW - 3 * DAY, 999_999)
    KeptSnapshot.objects.all().delete()
    assert "Seen live, billed less or not yet" in words(page(workspace))


def test_it_names_who_moved(workspace: Workspace) -> None:
    terms(workspace)
    [calm, wild] = make_sources(workspace, 2, NOW)
    bill(workspace, TODAY, 2_000)
    wild.days.filter(day__gte=date(2026, 11, 1)).update(calls=3_000)
    [mover] = budget_page.page(snapshot.current(workspace, NOW))["movers"]
    assert (mover.item.connection.pk, mover.calls) == (wild.pk, 17 * 2_000)
    assert calm.name not in str(mover)


def test_it_divides_by_sub_budget_with_a_row_for_the_rest(workspace: Workspace) -> None:
    terms(workspace)
    make_sources(workspace, 2, NOW)
    bill(workspace, TODAY, 5_000)
    assert "calls are unassigned" in words(page(workspace))
    made = SubBudget("Product", 20_000, "app", ("application",))
    contracts.make_sub_budget(workspace.contract, made, "ann", NOW)
    told = words(page(workspace))
    assert "Product 2 34 080 20 000 \u221214 080 ■ Over" in told.replace("\u2009", " ").replace(
        "-14", "\u221214"
    )
    assert (
        "Unassigned 0 51 000 39 980 000 39 929 000 not set aside All calls 85 080"
        in told.replace("\u2009", " ")
    )


def test_it_marks_plans_and_notes_on_the_chart_and_in_the_table(workspace: Workspace) -> None:
    terms(workspace)
    bill(workspace, TODAY, 1_000)
    contract = workspace.contract
    day = date(2026, 11, 24)
    contracts.plan_event(contract, "Sale", day, "ann", NOW, ends_on=day + 4 * DAY, scale=2)
    contracts.note_day(contract, date(2026, 11, 9), "Outage <b>", "ann", NOW)
    html = page(workspace)
    assert html.count("Planned: Sale, to Fri 27 Nov") >= 3  # both sizes of the chart, the table
    assert "Outage &lt;b&gt;" in html
    assert "Outage <b>" not in html


# --- as of ------------------------------------------------------------------------------------
def test_it_shows_what_was_known_then(workspace: Workspace) -> None:
    terms(workspace)
    early, late = at(11), at(18, 12)
    sums = [1_000 * n for n in range(1, 11)]
    counting.record_usage(workspace, [make_reading(s, n) for n, s in enumerate(sums, 1)], early)
    counting.record_usage(workspace, [make_reading(99_000, 17)], late)
    then = snapshot.known_at(workspace, at(12))
    assert (then.standing.used, then.billed_to) == (10_000, date(2026, 11, 10))
    assert then.standing.used != snapshot.current(workspace, NOW).standing.used
    assert words(render_to_string("budget/budget.html", {**budget_page.page(then), "now": NOW}))


def test_it_says_that_it_looks_back_and_how_to_return(workspace: Workspace, viewer: Client) -> None:
    day = (datetime.now(UTC) - DAY).date()
    html = text(viewer, BUDGET, as_of=day.isoformat())
    assert f"As known on {wording.day(day)} 00:00 UTC" in html
    assert "nothing had been read by then" in html
    assert "Back to the present" in html
    assert "data-chart" not in html  # that one is drawn of the present


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("yesterday", "A moment is written 2026-11-18"),
        ("2026-02-30", "A moment is written 2026-11-18"),
        ("0001-01-01", "Nothing is known of a moment outside"),
        ("9999-12-31", "Nothing is known of a moment outside"),
        ("2026-11-18T12:00:00+99:00", "A moment is written 2026-11-18"),
    ],
)
def test_it_refuses_a_moment_that_is_none(
    workspace: Workspace, viewer: Client, asked: str, said: str
) -> None:
    reply = viewer.get(BUDGET, {"as_of": asked})
    assert reply.status_code == 400
    assert said in reply.content.decode()


# --- input that is not as it should be --------------------------------------------------------
def billed(workspace: Workspace, *, days: int = 62, calls: int = 1_000) -> None:
    """The contract by month, and days billed up to yesterday; the ninth can be spoiled."""
    terms(workspace, allowance=100_000)
    bill(workspace, TODAY, calls, days)


def spoiled(workspace: Workspace, ninth: int | None) -> None:
    billed(workspace)
    reason = "" if ninth else "Lost."
    WorkspaceDay.objects.filter(day=date(2026, 11, 9)).update(calls=ninth, reason=reason)


def ended(workspace: Workspace) -> None:
    billed(workspace)
    terms(workspace, starts_on=date(2026, 1, 1), ends_on=date(2026, 11, 1))


def not_begun(workspace: Workspace) -> None:
    billed(workspace)
    terms(workspace, starts_on=date(2027, 1, 1))


@pytest.mark.parametrize(
    ("made", "said", "shown"),
    [
        (terms, "too early to say more (learning: 0 of 7 days)", "Too early"),
        (
            lambda row: billed(row, days=1),
            "too early to say more (learning: 1 of 7 days)",
            "Too early",
        ),
        (lambda row: billed(row, calls=0), "(learning: no call on any of 62 days)", "Too early"),
        (
            lambda row: spoiled(row, None),
            "1 day of November has no number: what is used lacks them, and the projection",
            "under 1%",
        ),
        (
            lambda row: billed(row, days=10),
            "The counts begin on Sun 8 Nov: nobody knows the 7 days of November before it.",
            "under 1%",
        ),
        (
            lambda row: spoiled(row, -5_000),
            "Mon 9 Nov: Segment's number for this day can be no count of calls.",
            "under 1%",
        ),
        (
            lambda row: spoiled(row, 10**17),
            "Mon 9 Nov: Segment's number for this day can be no count of calls.",
            "under 1%",
        ),
        (
            lambda row: spoiled(row, 50_000),
            "Mon 9 Nov was billed as 50k calls, 50 times the next largest day: it counts until",
            "",
        ),
        (ended, "the contract ended on Sat 31 Oct 2026, so there is no allowance to judge", "–"),
        (not_begun, "the contract begins on Fri 1 Jan 2027, so there is no allowance to", "–"),
    ],
)
def test_it_says_what_is_wrong_with_its_input(
    workspace: Workspace, made: Callable[[Workspace], None], said: str, shown: str
) -> None:
    made(workspace)
    html = page(workspace)
    told = unescape(words(html)).replace("\u2009", " ")
    assert said in told
    assert f"Chance of over {shown}" in told
    assert not re.search(r"\b(NaN|nan|inf|None)\b", html)  # nor in what the chart is drawn of


def test_it_doubts_nothing_of_an_ordinary_month(workspace: Workspace) -> None:
    billed(workspace)
    assert "Doubtful" not in page(workspace)


def test_it_keeps_its_verdict_over_a_weekend(workspace: Workspace) -> None:
    friday, sunday = at(20, 12), at(22, 12)
    for n, day in enumerate(date(2026, 11, 19) - k * DAY for k in range(60)):
        calls = (200 if day.weekday() > 4 else 1_000) + 37 * (n % 5)
        WorkspaceDay.objects.create(workspace=workspace, day=day, calls=calls)
    forecast = snapshot.take(workspace, friday).projected
    terms(workspace, allowance=round(forecast.quantile(0.15)))  # 85% sure to go over
    watch.evaluate(workspace, friday)
    WorkspaceDay.objects.create(workspace=workspace, day=friday.date(), calls=1_030)
    quiet = WorkspaceDay.objects.create(workspace=workspace, day=date(2026, 11, 21), calls=0)
    for calls in range(300, 0, -25):
        WorkspaceDay.objects.filter(pk=quiet.pk).update(calls=calls)
        state = snapshot.take(workspace, sunday).standing
        if state.chance_over < 0.75:
            break
    assert 0.5 < state.chance_over < 0.8
    assert state.verdict == Verdict.OVER
    assert "■ Over" in words(page(workspace))
    Projection.objects.all().delete()
    assert snapshot.take(workspace, sunday).standing.verdict == Verdict.WATCH


# --- parts ------------------------------------------------------------------------------------
def test_its_changes_add_up_too(workspace: Workspace) -> None:
    terms(workspace, allowance=1_000_000)
    for n, source in enumerate(make_sources(workspace, 27, NOW)):
        source.days.filter(day__gte=date(2026, 11, 1)).update(calls=1_000 + n)
    bill(workspace, TODAY, 31_337)
    sheet = snapshot.current(workspace, NOW)
    found = budget_page.page(sheet)["sources"]
    changes = [*(row.change for row in found.rows), found.more_change, found.remainder_change]
    assert found.more == 2
    assert sum(changes) == found.change == 0
    assert found.remainder_change == -17 * sum(range(27))


def test_it_names_the_other_workspaces_whose_calls_no_row_explains(workspace: Workspace) -> None:
    terms(workspace)
    [source] = make_sources(workspace, 1, NOW)
    make_live(source, at(9, 10, month=10), 30)
    other = Workspace.objects.create(segment_id="ws2", name="Labs <b>")
    contracts.cover(workspace.contract, other, "ann")
    make_live(make_connection(other, "other"), at(1, 0, month=10), 5_000)
    bill(workspace, TODAY, 5_000)
    bill(other, TODAY, 700)
    sheet = snapshot.current(workspace, NOW)
    assert sum(kind.before or 0 for kind in sheet.kinds) == 0  # not those of the other workspace
    html = page(workspace)
    assert "Labs &lt;b&gt;; other and deleted sources" in html
    assert "Labs &lt;b&gt;; billed, not seen in live volume" in html


def test_it_says_why_this_period_has_another_allowance(workspace: Workspace) -> None:
    terms(workspace, allowance=30_000)
    bill(workspace, TODAY, 1_000)
    contracts.amend(workspace.contract, date(2026, 11, 16), "ann", NOW, allowance=60_000)
    assert "45k: 30k from Sun 1 Nov, 60k from Mon 16 Nov, by days." in words(page(workspace))


def test_it_holds_the_present_pace_against_what_is_still_allowed(workspace: Workspace) -> None:
    billed(workspace)
    assert re.search(
        r"Still allowed a day 6\.[0-9]k now 1k a day, projected 1", words(page(workspace))
    )


def test_it_lists_a_year_by_the_days_around_today_and_its_month_ends(workspace: Workspace) -> None:
    terms(workspace, period="year", starts_on=date(2026, 1, 1))
    bill(workspace, TODAY, 1_000, days=330)
    contracts.note_day(workspace.contract, date(2026, 3, 9), "Launch", "ann", NOW)
    days = [row.day for row in budget_page.listed_days(snapshot.current(workspace, NOW))]
    assert date(2026, 3, 9) in days
    assert date(2026, 1, 31) in days
    assert date(2026, 1, 30) not in days
    assert days.count(TODAY) == 1
    assert len(days) == 63 + 10 + 1 + 1 - 1  # two month ends are among the days around today
