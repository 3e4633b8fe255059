"""The months: their list, a month's page, its close with what was seen, its files and its print."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from cdpwatch import budget, contracts, snapshot
from cdpwatch.days import next_month
from cdpwatch.models import Contract, Role, SourceDay, Workspace, WorkspaceDay
from tests.dashboards.conftest import sign_in, text
from tests.factories import make_connection, make_live, make_sources, refresh_all_months

M = 1_000_000
TODAY = datetime.now(UTC).date()
THIS = TODAY.replace(day=1)
LAST = (THIS - timedelta(days=1)).replace(day=1)
BEFORE = (LAST - timedelta(days=1)).replace(day=1)
FILED = {"number": "INV-1", "currency": "USD", "calls": "100"}


def days_of(month: date) -> list[date]:
    return [month + timedelta(days=n) for n in range((next_month(month) - month).days)]


def billed(workspace: Workspace, month: date, total: int) -> None:
    """The month's calls, evenly by day, of which the website has three quarters."""
    web, days = workspace.connections.get(segment_id="web"), days_of(month)
    calls = [total // len(days)] * (len(days) - 1)
    calls.append(total - sum(calls))
    WorkspaceDay.objects.bulk_create(
        WorkspaceDay(workspace=workspace, day=day, calls=n)
        for day, n in zip(days, calls, strict=True)
    )
    SourceDay.objects.bulk_create(
        SourceDay(source=web, day=day, calls=n * 3 // 4) for day, n in zip(days, calls, strict=True)
    )
    refresh_all_months(workspace)


@pytest.fixture
def contract(workspace: Workspace) -> Contract:
    return two_months(workspace)


def two_months(workspace: Workspace) -> Contract:
    """Two whole months: 30M, then 45M of 40M."""
    web = make_connection(workspace, "web", name="Prod - Website")
    billed(workspace, BEFORE, 30 * M)
    billed(workspace, LAST, 45 * M)
    noon = datetime(LAST.year, LAST.month, 12, tzinfo=UTC)
    make_live(web, noon, 20 * M, "track", "Opened")
    row = contracts.contract_of(workspace)
    row.price, row.overage_price, row.starts_on = Decimal(4000), Decimal(150), BEFORE
    row.confirmed_at = datetime.now(UTC)
    return contracts.enter(row, "ada", datetime.now(UTC))


def url(name: str = "", month: date = LAST, **parts: str) -> str:
    return reverse(f"budget-month{name}", kwargs={"day": month, **parts})


def send(browser: Client, address: str, **fields: str) -> str:
    reply = browser.post(address, fields, follow=True)
    assert reply.status_code == 200, reply.status_code
    return reply.content.decode()


def seen(browser: Client, month: date = LAST) -> str:
    """The stamp of the numbers that the close form on the page would freeze."""
    found = re.search(r'name="seen" value="(\w{64})"', text(browser, url(month=month)))
    assert found
    return found[1]


def close(browser: Client, **fields: str) -> str:
    return send(browser, url("-close"), **{"seen": seen(browser), **fields})


def plain(page: str) -> str:
    """The text of a page, its thin spaces as plain ones."""
    words = re.sub(r"<[^>]+>", " ", page).replace("\u2009", " ")
    return re.sub(r"\s+", " ", words)


def table(page: str, caption: str) -> list[list[str]]:
    """Rows of the table with that caption, as text."""
    found = re.search(rf"<caption[^>]*>{caption}.*?</table>", page, re.S)
    assert found, caption
    rows = re.findall(r"<tr>(.*?)</tr>", found[0], re.S)
    return [
        [plain(cell).strip() for cell in re.findall(r"<t[dh].*?</t[dh]>", r, re.S)] for r in rows
    ]


def forget(workspace: Workspace, *days: date) -> None:
    """Nobody knows what was billed on these days."""
    WorkspaceDay.objects.filter(workspace=workspace, day__in=days).update(calls=None, reason="x")
    refresh_all_months(workspace)


# --- the list -----------------------------------------------------------------------------------
def test_it_lists_the_months_with_what_they_came_to(contract: Contract, viewer: Client) -> None:
    rows = table(text(viewer, reverse("budget-months")), "Whole periods")[1:]
    assert [row[1:5] for row in rows] == [
        ["45 000 000", "40 000 000", "+5M", "■ Over"],
        ["30 000 000", "40 000 000", "−10M", "✓ Under"],
    ]


def test_it_lists_no_month_before_there_is_one(workspace: Workspace, viewer: Client) -> None:
    page = text(viewer, reverse("budget-months"))
    assert "No whole month yet" in page
    assert "Contract not confirmed" in page


def test_it_judges_no_month_under_by_days_that_nobody_knows(
    contract: Contract, workspace: Workspace, viewer: Client
) -> None:
    forget(workspace, LAST)
    newest = table(text(viewer, reverse("budget-months")), "Whole periods")[1]
    assert newest[4] == "■ Over"  # a day more would not change that
    forget(workspace, *days_of(LAST)[:5])
    newest = table(text(viewer, reverse("budget-months")), "Whole periods")[1]
    assert newest[3:5] == ["–", "▲ Not known"]
    assert "5 days unknown" in newest[1]


def test_it_carries_into_an_open_month_what_the_one_before_left(
    contract: Contract, viewer: Client
) -> None:
    contract.carries_over = True
    contracts.enter(contract, "ada", datetime.now(UTC))
    newest = table(text(viewer, reverse("budget-months")), "Whole periods")[1]
    assert newest[2:4] == ["50 000 000", "−5M"]
    assert "10 000 000 of it carried in" in plain(text(viewer, url()))


# --- one month ----------------------------------------------------------------------------------
def test_it_tells_what_a_month_used_cost_and_who_moved(contract: Contract, viewer: Client) -> None:
    page = text(viewer, url())
    said = plain(page)
    assert "used 45M of 40M: 5M over." in said
    assert "4 750.00 USD" in said
    sources = table(page, "Calls by source")[1:]
    assert [row[0] for row in sources] == [
        "Prod - Website",
        "Billed to no source that is listed",
        "All calls",
    ]
    for caption in ("Calls by source", "Calls by call type", "Billed calls of each"):
        *parts, total = [
            int(row[1].replace(" ", "")) for row in table(page, caption)[1:] if row[1] != "–"
        ]
        assert sum(parts) == total == 45 * M, caption
    assert table(page, "Sources that changed")[1][3] == "Opened +20M"


def test_it_tells_of_a_month_without_a_number_that_it_is_not_known(
    contract: Contract, workspace: Workspace, viewer: Client
) -> None:
    WorkspaceDay.objects.filter(day__gte=LAST).delete()
    refresh_all_months(workspace)
    page = plain(text(viewer, url()))
    assert "no day of it has a billed number" in page
    assert "Not known is not zero" in page
    assert " 0 " not in page.partition("Invoice check")[0].partition("Months /")[2]


def test_it_shows_the_days_that_are_not_known_as_a_dash(
    contract: Contract, workspace: Workspace, viewer: Client
) -> None:
    forget(workspace, LAST)
    page = text(viewer, url())
    assert table(page, "Billed calls of each")[1][1] == "–"
    assert "used at least" in plain(page)


@pytest.mark.parametrize("day", ["2026-13-01", "x", "0001-01-01", "20261101", "2999-01-01"])
def test_it_knows_no_other_month(contract: Contract, viewer: Client, day: str) -> None:
    assert viewer.get(f"/budget/months/{day}/").status_code == 404


def test_it_knows_no_month_within_another(contract: Contract, viewer: Client) -> None:
    assert viewer.get(url(month=LAST + timedelta(days=1))).status_code == 404


def test_it_accrues_a_running_month_with_its_clock(
    contract: Contract, workspace: Workspace, viewer: Client
) -> None:
    days = [THIS + timedelta(days=n) for n in range(max(1, (TODAY - THIS).days))]
    WorkspaceDay.objects.bulk_create(
        WorkspaceDay(workspace=workspace, day=day, calls=M) for day in days
    )
    said = plain(text(viewer, url(month=THIS)))
    whole = (next_month(THIS) - THIS).days
    price = budget.Rate(price=Decimal(4000)).rounded(Decimal(4000) * len(days) / whole)
    assert f"{len(days)} of {whole} days" in said
    assert f"Accrued {price:,.2f} USD".replace(",", " ") in said
    assert "Close" in said
    assert "is not over: it ends with" in said


def test_it_accrues_nothing_where_no_price_is_entered(contract: Contract, viewer: Client) -> None:
    contract.price = contract.overage_price = None
    contracts.enter(contract, "ada", datetime.now(UTC))
    said = plain(text(viewer, url()))
    assert "No price is entered" in said
    assert " USD" not in said.partition("Invoice check")[0]


def test_it_asks_as_often_whatever_a_month_holds(
    contract: Contract,
    workspace: Workspace,
    editor: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    make_sources(workspace, 60, datetime.now(UTC))
    with django_assert_max_num_queries(42):
        page = text(editor, url())
    assert "11 others" in page  # of 61 sources 50 are listed


# --- close and reopen -----------------------------------------------------------------------------
def test_it_closes_what_was_seen_and_keeps_it(
    contract: Contract, workspace: Workspace, editor: Client
) -> None:
    page = plain(close(editor, note="Checked with finance."))
    row = contract.closes.get()
    assert (row.closed_by, row.note, row.period_start) == ("editor", "Checked with finance.", LAST)
    assert row.stamp in page
    assert "As it was frozen" in page
    assert "Nothing has been restated since" in page
    day = WorkspaceDay.objects.get(workspace=workspace, day=LAST)
    WorkspaceDay.objects.filter(pk=day.pk).update(calls=(day.calls or 0) + 2 * M)
    page = text(editor, url())
    assert "used 45M of 40M" in plain(page)
    assert table(page, "Days that are billed differently")[1][3] == "+2M"
    assert table(text(editor, reverse("budget-months")), "Whole periods")[1][6] == "+2M 1 day"


def test_it_shows_the_new_numbers_where_they_changed_before_the_close(
    contract: Contract, workspace: Workspace, editor: Client
) -> None:
    old = seen(editor)
    WorkspaceDay.objects.filter(workspace=workspace, day=LAST).update(calls=9 * M)
    page = send(editor, url("-close"), seen=old, note="Mine.")
    assert not contract.closes.exists()
    assert "The numbers have changed since this page was opened" in page
    assert 'value="Mine."' in page
    new = re.search(r'name="seen" value="(\w+)"', page)
    assert new and new[1] != old
    assert "is closed." in send(editor, url("-close"), seen=new[1])


@pytest.mark.parametrize("stamp", ["", "x" * 64, "x" * 5_000])
def test_it_closes_nothing_that_was_not_seen(
    contract: Contract, editor: Client, stamp: str
) -> None:
    page = send(editor, url("-close"), seen=stamp)
    assert 'role="alert"' in page
    assert not contract.closes.exists()


def test_it_closes_with_a_gap_only_where_that_is_asked_for(
    contract: Contract, workspace: Workspace, editor: Client
) -> None:
    forget(workspace, LAST)
    page = close(editor)
    assert "1 day of" in page
    assert "wait for it, or close with the gap" in page
    assert not contract.closes.exists()
    assert "is closed." in close(editor, gaps="on")


def test_it_closes_no_month_that_is_assumed_or_running(contract: Contract, editor: Client) -> None:
    page = send(editor, url("-close", THIS), seen="x")
    assert "is not over" in page
    contract.confirmed_at = None
    contracts.enter(contract, "ada", datetime.now(UTC))
    page = send(editor, url("-close"), seen="x")
    assert "Nobody has confirmed the contract" in page and "Confirm it" in page
    assert not contract.closes.exists()


def test_it_reopens_only_with_a_reason_and_keeps_the_history(
    contract: Contract, editor: Client
) -> None:
    assert "is not closed." in send(editor, url("-reopen"), why="x")
    close(editor)
    assert "This field is required." in send(editor, url("-reopen"), why=" ")
    assert "is open again" in send(editor, url("-reopen"), why="A credit note came.")
    close(editor)
    said = plain(text(editor, url()))
    assert said.count("Closed by editor at 45 000 000 calls") == 2
    assert "Reopened by editor: A credit note came." in said


def test_it_tells_of_numbers_that_are_not_what_was_stamped(
    contract: Contract, editor: Client
) -> None:
    close(editor)
    row = contract.closes.get()
    row.numbers["used"] = 1
    row.save()
    assert "Not the numbers that were stamped" in text(editor, url())
    assert "not the numbers that were stamped" in text(editor, url("-print"))


@pytest.mark.parametrize("name", ["-close", "-reopen"])
def test_it_lets_no_viewer_close_or_reopen(contract: Contract, viewer: Client, name: str) -> None:
    assert viewer.post(url(name), {"why": "x", "seen": "x"}).status_code == 403
    page = text(viewer, url())
    assert url(name) not in page
    assert "an editor can close it" in page


# --- files and print ------------------------------------------------------------------------------
EVIL = '=HYPERLINK("http://evil.example","x")'


def workbook(browser: Client, address: str) -> openpyxl.Workbook:
    reply = browser.get(address)
    assert reply.status_code == 200
    assert reply["Content-Disposition"].endswith('.xlsx"')
    return openpyxl.load_workbook(BytesIO(reply.content))


def test_it_gives_a_month_as_a_workbook_of_numbers_days_and_text(
    contract: Contract, workspace: Workspace, editor: Client
) -> None:
    workspace.connections.filter(segment_id="web").update(name=EVIL)
    close(editor)
    book = workbook(editor, url("-file", table="month", form="xlsx"))
    assert book.sheetnames == [
        *("Summary", "Sources", "Call types", "Sub-budgets", "Movers", "Days"),
        *("Restatements", "Invoice check"),
    ]
    day, calls = next(book["Days"].iter_rows(min_row=2, max_row=2))
    assert (day.is_date, day.value) == (True, datetime(LAST.year, LAST.month, LAST.day))
    assert (calls.data_type, type(calls.value)) == ("n", int)
    name = book["Sources"]["A2"]
    assert (name.value, name.data_type, name.quotePrefix) == (EVIL, "s", True)
    told = {row[0].value: row[1] for row in book["Summary"].iter_rows(min_row=2)}
    assert (told["Used"].value, told["Cost"].value) == (45 * M, 4750)
    assert told["Closed at"].is_date
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert [cell.coordinate for cell in cells if cell.data_type == "f"] == []


def test_it_gives_the_list_of_months_as_a_file(contract: Contract, viewer: Client) -> None:
    sheet = workbook(viewer, reverse("budget-months-file", args=["xlsx"])).active
    assert sheet is not None
    assert [cell.value for cell in sheet[2]][2:6] == [45 * M, 40 * M, 5 * M, 0]
    lines = viewer.get(reverse("budget-months-file", args=["csv"])).content.decode().splitlines()
    assert lines[2].split(",")[:6] == [
        *(BEFORE.isoformat(), days_of(BEFORE)[-1].isoformat()),
        *("30000000", "40000000", "-10000000", "0"),
    ]


def test_it_leaves_a_cell_empty_where_nothing_is_known(
    contract: Contract, workspace: Workspace, viewer: Client
) -> None:
    forget(workspace, LAST)
    lines = viewer.get(url("-file", table="days", form="csv")).content.decode().splitlines()
    assert lines[1] == f"{LAST},"


def test_it_gives_csv_that_no_spreadsheet_runs(
    contract: Contract, workspace: Workspace, viewer: Client
) -> None:
    workspace.connections.filter(segment_id="web").update(name=EVIL)
    lines = viewer.get(url("-file", table="sources", form="csv")).content.decode().splitlines()
    assert lines[1].startswith("\"'=HYPERLINK(")
    assert lines[1].split(",")[-1] == "3375.00"


@pytest.mark.parametrize(("name", "form"), [("month", "csv"), ("x", "csv"), ("days", "pdf")])
def test_it_has_no_other_file(contract: Contract, viewer: Client, name: str, form: str) -> None:
    assert viewer.get(url("-file", table=name, form=form)).status_code == 404
    assert viewer.get(reverse("budget-months-file", args=["pdf"])).status_code == 404


def test_it_prints_every_table_and_nothing_to_click(contract: Contract, editor: Client) -> None:
    close(editor)
    page = text(editor, url("-print"))
    for caption in ("Calls by source", "Calls by call type", "Billed calls of each"):
        assert table(page, caption)
    main = page.partition("<main")[2]
    assert "<form" not in main
    assert contract.closes.get().stamp in main


def test_it_offers_a_running_month_from_a_workspace_that_was_just_connected(
    workspace: Workspace,
) -> None:
    page = text(sign_in(Role.VIEWER), url(month=snapshot_month(workspace)))
    assert "No billed number yet" in page


def snapshot_month(workspace: Workspace) -> date:
    return snapshot.current(workspace, datetime.now(UTC)).period.start
