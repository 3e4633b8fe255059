"""The renewal page: what was used against what was bought, offers side by side, empty states."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from cdpwatch import contracts
from cdpwatch.budget import Period, PeriodUse
from cdpwatch.budget.renewal import renewal
from cdpwatch.days import month_before, next_month
from cdpwatch.models import Contract, Workspace, WorkspaceMonth
from dashboards import renewals
from dashboards.charts import MonthBar, commitment_svg
from tests.dashboards.conftest import text

PAGE = reverse("budget-renewal")
M = 1_000_000
GOOD = {"allowance": "45000000", "kind": "month", "price": "4600", "overage": "", "unit": "1000000"}


def fill(workspace: Workspace, *used: int, unknown: int = 0) -> list[date]:
    """Months up to the last whole one, in millions of calls; the first with unknown days."""
    month, rows = datetime.now(UTC).date().replace(day=1), []
    for calls in reversed(used):
        month = month_before(month)
        rows.append(WorkspaceMonth(workspace=workspace, month=month, calls=calls * M))
    rows[-1].unknown_days = unknown
    WorkspaceMonth.objects.bulk_create(rows)
    return [row.month for row in reversed(rows)]


@pytest.fixture
def year(workspace: Workspace) -> Workspace:
    fill(workspace, 99, *range(31, 43))
    return workspace


def priced(workspace: Workspace) -> Contract:
    """The contract at 4,000 a month and 150 a million above it, since long ago."""
    row = contracts.contract_of(workspace)
    row.price, row.overage_price, row.starts_on = Decimal(4000), Decimal(150), date(2020, 1, 1)
    row.save()
    return row


def offer(calls: int, kind: str, price: int, overage: str = "") -> str:
    return f"{calls}:{kind}:{price}:{overage}:1000000"


def rows_of(browser: Client, table: str, **query: object) -> list[dict[str, str]]:
    reply = browser.get(reverse("budget-renewal-file", args=[table, "csv"]), query)
    assert reply.status_code == 200
    return list(csv.DictReader(io.StringIO(reply.content.decode())))


# --- the months -------------------------------------------------------------------------------
def test_it_holds_the_last_twelve_months_against_the_commitment(
    year: Workspace, viewer: Client
) -> None:
    priced(year)
    html = text(viewer, PAGE)
    assert "The last 12 months used 438M of 480M: 42M under." in html
    assert "<dt>Months over</dt><dd>2</dd>" in html
    assert "<dt>P90 month</dt><dd>40.9M</dd>" in html
    assert "+2.7%" in html and "a year" in html
    assert "yardstick" not in html


def test_it_says_which_months_are_measured_by_todays_allowance(
    year: Workspace, viewer: Client
) -> None:
    assert "All of them lie outside the contract&#x27;s term" in text(viewer, PAGE)


def test_it_leaves_a_month_with_unknown_days_out_and_names_it(
    workspace: Workspace, viewer: Client
) -> None:
    months = fill(workspace, *range(31, 43))
    WorkspaceMonth.objects.filter(month=months[4]).update(unknown_days=2)
    html = text(viewer, PAGE)
    assert "11 of the last 12 months used 403M of 440M: 37M under." in html
    assert f"{months[4]:%B %Y} (2 days unknown)" in html
    assert "Not known" in html
    told = rows_of(viewer, "months")[4]
    assert (told["used"], told["over"], told["unknown_days"]) == ("", "", "2")


@pytest.mark.parametrize(
    ("used", "said"),
    [
        ((), "No whole month is known yet"),
        ((30,), "The 1 whole month there is used 30M of 40M"),
        ((30, 41), "2 whole months of 12 are there; a year tells more."),
        ((30, 31), "needs 6 whole months, there are 2"),
        ((0, 0, 0, 0, 0, 0), "a month had no calls at all"),
    ],
)
def test_it_says_what_too_few_months_cannot_tell(
    workspace: Workspace, viewer: Client, used: tuple[int, ...], said: str
) -> None:
    if used:
        fill(workspace, *used)
    html = text(viewer, PAGE)
    assert said in html
    assert "nan" not in html.lower().replace("finance", "")


def test_it_draws_every_month_with_what_it_is() -> None:
    bars = [MonthBar("Oct", 45, 40, "<Oct>"), MonthBar("Nov", None, 40, "Nov: 2 days unknown")]
    svg = commitment_svg(bars, (42.0, "P90 42"), "a < b", width=400, height=200, right=80)
    assert svg.count('class="bar-of-day"') == svg.count('class="hole"') == svg.count("■") == 1
    assert svg.count('class="contract"') == 2
    assert "&lt;Oct&gt;" in svg and "a &lt; b" in svg
    assert "nan" not in commitment_svg([], None, "", width=9, height=9, right=0)


def test_it_names_the_span_by_what_is_known() -> None:
    first = date(2026, 10, 1)
    use = PeriodUse(Period(first, next_month(first)), 40, 50)
    assert (
        renewals.headline(renewal([use], 40))
        == "The 1 whole month there is used 50 of 40: 10 over."
    )
    assert renewals.span(renewal([use] * 12, 40)) == "The last 12 months"


# --- offers -----------------------------------------------------------------------------------
def test_it_compares_offers_and_marks_the_cheapest(year: Workspace, viewer: Client) -> None:
    priced(year)
    chosen = [offer(45 * M, "month", 4600), offer(430 * M, "year", 42_000, "200")]
    now, month, whole = rows_of(viewer, "offers", o=chosen)
    assert [row["cost"] for row in (now, month, whole)] == ["48450.00", "55200.00", "43600.00"]
    assert [row["cheapest"] for row in (now, month, whole)] == ["no", "no", "yes"]
    assert (now["bills_over"], now["over_calls"], now["worst_cost"]) == ("2", "3000000", "4300.00")
    html = viewer.get(PAGE, {"o": chosen}).content.decode()
    assert html.count("Cheapest") == 1
    assert "all alike" in html and "one bill" in html


def test_it_says_where_no_price_was_entered(year: Workspace, viewer: Client) -> None:
    html = text(viewer, PAGE)
    assert "No price was entered in the contract" in html
    assert "no price was entered" in html
    assert "Cheapest" not in html


def test_it_says_that_an_offer_without_overage_price_has_no_cost_above_it(
    year: Workspace, viewer: Client
) -> None:
    assert "no overage price was entered" in text(viewer, PAGE, o=offer(30 * M, "month", 1))


def test_it_turns_a_filled_form_into_an_address(year: Workspace, viewer: Client) -> None:
    before = offer(40 * M, "month", 1)
    reply = viewer.get(PAGE, {**GOOD, "add": "offer", "o": before})
    assert (reply.status_code, reply.url) == (
        302,
        f"{PAGE}?o={before}&o=45000000:month:4600::1000000",
    )
    assert "45M a month" in viewer.get(reply.url).content.decode()


def test_it_takes_an_offer_out_and_leaves_the_others(year: Workspace, viewer: Client) -> None:
    first, second = offer(40 * M, "month", 1), offer(41 * M, "month", 1)
    html = viewer.get(PAGE, {"o": [first, second]}).content.decode()
    assert f'href="{PAGE}?o={second}">Take out<span class="hush">: 40M a month' in html


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"allowance": "0"}, "greater than or equal to 1"),
        ({"allowance": "1e99"}, "Enter a whole number"),
        ({"price": ""}, "This field is required"),
        ({"price": "NaN"}, "Enter a number"),
        ({"price": "-1"}, "greater than or equal to 0"),
        ({"price": "0.00001"}, "no more than 4 decimal places"),
        ({"overage": "1e30"}, "less than or equal to"),
        ({"kind": "week"}, "Select a valid choice"),
        ({"unit": "7"}, "Select a valid choice"),
    ],
)
def test_it_refuses_a_form_and_keeps_the_offers(
    year: Workspace, viewer: Client, sent: dict[str, str], said: str
) -> None:
    kept = offer(41 * M, "month", 1)
    reply = viewer.get(PAGE, {**GOOD, **sent, "add": "offer", "o": kept})
    html = reply.content.decode()
    assert (reply.status_code, said in html) == (200, True)
    assert f'name="o" value="{kept}"' in html and "41M a month" in html


def test_it_compares_eight_offers_and_no_more(year: Workspace, viewer: Client) -> None:
    eight = [offer(n * M, "month", 1) for n in range(1, 9)]
    html = viewer.get(PAGE, {**GOOD, "add": "offer", "o": eight}).content.decode()
    assert "At most 8 offers are compared at once." in html and "8M a month" in html


@pytest.mark.parametrize("page", [PAGE, reverse("budget-renewal-file", args=["offers", "csv"])])
def test_it_refuses_an_address_that_is_none(viewer: Client, page: str) -> None:
    reply = viewer.get(page, {"o": "<script>:month"})
    assert reply.status_code == 400
    assert "An offer is written allowance:month" in reply.content.decode()
    assert b"<script>:" not in reply.content


# --- files and cost ---------------------------------------------------------------------------
def test_it_gives_the_months_as_files(year: Workspace, viewer: Client) -> None:
    priced(year)
    rows = rows_of(viewer, "months")
    assert len(rows) == 12
    assert (rows[-1]["used"], rows[-1]["allowance"], rows[-1]["over"]) == (
        *("42000000", "40000000"),
        "2000000",
    )
    book = viewer.get(reverse("budget-renewal-file", args=["months", "xlsx"]))
    assert book.content.startswith(b"PK")


@pytest.mark.parametrize(("table", "form"), [("secrets", "csv"), ("months", "exe")])
def test_it_has_no_other_files(viewer: Client, table: str, form: str) -> None:
    assert viewer.get(reverse("budget-renewal-file", args=[table, form])).status_code == 404


def test_it_asks_as_often_for_many_months(
    year: Workspace, viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(20):
        text(viewer, PAGE, o=offer(1, "month", 1))
