"""What Segment billed: entered with its lines, compared by day and source, corrected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from cdpwatch.budget.invoices import Line, check
from cdpwatch.models import Contract, Invoice, Workspace
from dashboards.bills import lines_of
from tests.dashboards.conftest import text
from tests.dashboards.test_months import (
    LAST,
    M,
    days_of,
    forget,
    plain,
    send,
    table,
    two_months,
    url,
)

ENTER = reverse("budget-invoice", args=[LAST])
SENT = {
    "number": "INV-1",
    "first": f"{LAST}",
    "last": f"{days_of(LAST)[-1]}",
    "calls": f"{46 * M}",
    "amount": "4900.50",
    "currency": "usd",
    "note": "By mail.",
}
NAMES = {"web": "web", "Prod - Website": "web", "api": "api"}
HOSTILE = '<img src=x onerror=alert(1)>"=1+1'


@pytest.fixture
def contract(workspace: Workspace) -> Contract:
    return two_months(workspace)


def enter(browser: Client, **fields: str) -> str:
    return send(browser, ENTER, **{**SENT, **fields})


def replace(browser: Client, invoice: Invoice, **fields: str) -> str:
    address = reverse("budget-invoice-replace", args=[invoice.pk])
    return send(browser, address, **{**SENT, **fields})


# --- the pasted lines -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("pasted", "lines"),
    [
        ("", []),
        ("2026-10-01,web,5", [Line(5, date(2026, 10, 1), "web")]),
        ("2026-10-01,5\n\n2026-10-02,6", [Line(5, date(2026, 10, 1)), Line(6, date(2026, 10, 2))]),
        ("Prod - Website;1 200", [Line(1200, None, "web")]),
        ('calls,source\n"1,200",gone', [Line(1200, None, "gone")]),
        ("day\tcalls\tsource\n2026-10-01\t7\tapi", [Line(7, date(2026, 10, 1), "api")]),
        (" Day , Calls \n 2026-10-01 , 7 \n,,", [Line(7, date(2026, 10, 1))]),
    ],
)
def test_it_reads_a_pasted_table(pasted: str, lines: list[Line]) -> None:
    assert lines_of(pasted, NAMES) == lines


@pytest.mark.parametrize(
    ("pasted", "why"),
    [
        ("2026-10-01,web,5\n2026-10-02,web,-5", ["Line 2: it has no whole number of calls."]),
        ("day,calls\n\n2026-02-30,5", ["Line 3: a day is written like 2026-11-23."]),
        ("web,5\napi,5,6", ["Line 2: it has 3 cells, not 2."]),
        ("day,price,calls\n2026-10-01,1,5", ["“price” is none of the columns"]),
        ("calls,calls\n1,2", ["A column is there twice."]),
        ("web,1e99", ["Line 1: it has no whole number of calls."]),
        ("web," + "9" * 5_000, ["Line 1: it has no whole number of calls."]),
        ("x" * 101 + ",5", ["Line 1: a source has at most 100 characters."]),
        ('"' + "x" * 200_000, ["Line 1 is not CSV."]),
        ("web\n" * 8, ["Line 1: it has 1 cell, not 2.", "3 more lines cannot be read."]),
    ],
)
def test_it_refuses_bad_lines_by_their_number(pasted: str, why: list[str]) -> None:
    with pytest.raises(ValidationError) as refused:
        lines_of(pasted, NAMES)
    for part in why:
        assert any(part in said for said in refused.value.messages), refused.value.messages


# --- the check ------------------------------------------------------------------------------------
def compare(days: Mapping[date, int | None], *lines: Line) -> list[list[tuple[object, ...]]]:
    told = check(30, lines, days, {"web": 15}, {"web": "Website", "api": "Backend"})
    return [
        [(row.label, row.billed, row.ours, row.calls) for row in rows]
        for rows in (told.by_day, told.by_source)
    ]


def test_it_compares_nothing_with_a_day_or_source_that_nobody_knows() -> None:
    first, second = date(2026, 10, 1), date(2026, 10, 2)
    lines = (Line(9, first, "gone"), Line(8, second, "api"))
    by_day, by_source = compare({first: None, second: 20}, *lines)
    assert by_day[:2] == [("2026-10-01", 9, None, None), ("2026-10-02", 8, 20, -12)]
    assert by_day[2] == ("not told by day", 13, 0, 13)
    assert by_source[:2] == [("Backend", 8, 0, 8), ("gone", 9, None, None)]
    unknown, _ = compare({first: None}, *lines[:1])
    assert unknown == [("2026-10-01", 9, None, None), ("not told by day", 21, None, None)]


# --- the page -------------------------------------------------------------------------------------
def test_it_compares_what_was_billed_by_day_and_source(contract: Contract, editor: Client) -> None:
    day = days_of(LAST)[0]
    page = enter(editor, lines=f"day,source,calls\n{day},Prod - Website,2000000\n,gone_1,5")
    row = contract.invoices.get()
    assert (row.calls, row.amount, row.currency) == (46 * M, Decimal("4900.5"), "USD")
    assert (row.entered_by, row.note) == ("editor", "By mail.")
    said = plain(page)
    assert "Invoice INV-1 bills 46 000 000 calls, 4 900.50 USD," in said
    assert "They differ +1M calls (+2.2%)" in said
    by_day, by_source = table(page, "Invoice INV-1 by day"), table(page, "Invoice INV-1 by source")
    ours = 45 * M // len(days_of(LAST))
    assert by_day[1] == [f"{day}", "2 000 000", f"{ours:,}".replace(",", " "), by_day[1][3]]
    assert ["Prod - Website", "2 000 000"] in [row[:2] for row in by_source]
    assert ["gone_1", "5", "–", "–"] in by_source
    for rows in (by_day, by_source):
        assert rows[-1] == ["All calls", "46 000 000", "45 000 000", "1 000 000"]
        *parts, total = [int(row[1].replace(" ", "")) for row in rows[1:]]
        assert sum(parts) == total
    files = editor.get(url("-file", table="invoices", form="csv")).content.decode()
    assert "INV-1,total,Total,46000000,45000000,1000000" in files


def test_it_says_when_days_of_ours_are_unknown(
    contract: Contract, workspace: Workspace, editor: Client
) -> None:
    forget(workspace, LAST)
    page = enter(editor, lines=f"{LAST},5")
    assert "1 day of ours is unknown" in plain(page)
    assert table(page, "Invoice INV-1 by day")[1] == [f"{LAST}", "5", "–", "–"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"number": ""}, "This field is required."),
        ({"calls": "-1"}, "greater than or equal to 0"),
        ({"calls": "9" * 30}, "less than or equal to"),
        ({"currency": "dollars"}, "Enter a valid value"),
        ({"last": "2026-02-30"}, "Enter a valid date"),
        ({"first": "0001-01-01"}, "1,100 days at most"),
        ({"first": "2020-01-01", "last": "2020-01-31"}, "It bills no day of"),
        ({"first": f"{days_of(LAST)[-1]}", "last": f"{LAST}"}, "ends before it starts"),
        ({"lines": "web,x"}, "Line 1: it has no whole number of calls."),
        ({"lines": f"web,{47 * M}"}, "more than the"),
        ({"lines": "2020-01-01,5"}, "is not a day of this invoice"),
        ({"lines": "web,5\nweb,6"}, "for the same day and source"),
    ],
)
def test_it_refuses_an_invoice_that_cannot_be(
    contract: Contract, editor: Client, fields: dict[str, str], why: str
) -> None:
    page = enter(editor, **fields)
    assert why in page
    assert "<details open><summary>Enter an invoice" in page
    assert not contract.invoices.exists()


def test_it_refuses_days_that_are_billed_already(contract: Contract, editor: Client) -> None:
    enter(editor)
    assert "Invoice INV-1 bills some of these days already" in enter(editor, number="INV-2")
    assert contract.invoices.count() == 1


def test_it_corrects_an_invoice_and_keeps_what_was_entered(
    contract: Contract, editor: Client
) -> None:
    enter(editor, lines="Prod - Website,7")
    first = contract.invoices.get()
    form = text(editor, reverse("budget-invoice-replace", args=[first.pk]))
    assert 'value="INV-1"' in form
    assert re.search(r"day,source,calls\s+,web,7", form)
    page = plain(replace(editor, first, calls=f"{45 * M}"))
    assert "✓ They agree" in page
    assert "1 set aside" in page
    assert "46 000 000 calls, entered by editor" in page
    rows = contract.invoices.values_list("calls", "replaced_by")
    assert sorted(rows) == [(45 * M, ""), (46 * M, "editor")]


def test_it_keeps_an_invoice_whose_correction_is_refused(
    contract: Contract, editor: Client
) -> None:
    enter(editor)
    row = contract.invoices.get()
    assert "more than the" in replace(editor, row, calls="1", lines="web,2")
    assert contract.invoices.get().replaced_at is None


def test_it_sets_an_invoice_aside(contract: Contract, editor: Client) -> None:
    enter(editor)
    row = contract.invoices.get()
    assert "is set aside." in replace(editor, row, aside="yes", calls="")
    assert contract.invoices.get().replaced_by == "editor"
    address = reverse("budget-invoice-replace", args=[row.pk])
    assert editor.post(address, SENT).status_code == 404


def test_it_lets_no_viewer_enter_or_correct(contract: Contract, viewer: Client) -> None:
    assert viewer.post(ENTER, SENT).status_code == 403
    dates = {"period_start": LAST, "period_end": days_of(LAST)[-1]}
    row = contract.invoices.create(number="x", calls=1, entered_at="2026-01-01T00:00Z", **dates)
    address = reverse("budget-invoice-replace", args=[row.pk])
    assert viewer.get(address).status_code == viewer.post(address, SENT).status_code == 403
    page = text(viewer, url())
    assert address not in page
    assert "Enter an invoice" not in page


def test_it_shows_hostile_text_as_text(contract: Contract, editor: Client) -> None:
    pages = [enter(editor, number=HOSTILE, note=HOSTILE, lines=f"'{HOSTILE[:90]}',5")]
    row = contract.invoices.get()
    pages.append(text(editor, reverse("budget-invoice-replace", args=[row.pk])))
    pages.append(text(editor, url("-print")))
    stamp = re.search(r'name="seen" value="(\w+)"', pages[0])
    assert stamp
    send(editor, url("-close"), seen=stamp[1], note=HOSTILE)
    pages.append(send(editor, url("-reopen"), why=HOSTILE))
    for page in pages:
        assert "<img" not in page.partition("<main")[2]
        assert "&lt;img" in page
