"""The what-if page: the address is the scenario, and month and year move with it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from cdpwatch import contracts
from cdpwatch.budget.scenario import Change, from_query, to_query
from cdpwatch.models import Connection, Scenario, Workspace
from tests.dashboards.conftest import text
from tests.dashboards.test_laid_over import undo
from tests.factories import bill, make_live, make_sources

WHATIF, KEEP = reverse("budget-whatif"), reverse("budget-whatif-keep")


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def sources(workspace: Workspace) -> list[Connection]:
    """Two sources of half the traffic each, seen live on every day that they were billed."""
    now = datetime.now(UTC)
    found = make_sources(workspace, 2, now)
    bill(workspace, now.date(), 2_000, days=200)
    for n in range(1, 29):
        for source in found:
            make_live(source, now - timedelta(days=n), 1_000, "track", f"Opened {source.pk}")
    return found


def link(*changes: str) -> str:
    return f"{WHATIF}?{urlencode([('c', change) for change in changes])}"


def since() -> str:
    return datetime.now(UTC).date().isoformat()


def test_it_shows_what_is_projected_while_nothing_is_changed(
    sources: list[Connection], viewer: Client
) -> None:
    told = words(text(viewer, WHATIF))
    assert "Nothing is changed yet" in told
    assert f"Year {datetime.now(UTC).year}" in told
    assert "With the scenario" not in told


@pytest.mark.parametrize(
    "change", ["source:s0:0.0", "app:application:0.5", "call_type:track:0.5", "launch:New:1000.0"]
)
def test_it_moves_the_month_and_the_year_at_once(
    sources: list[Connection], viewer: Client, change: str
) -> None:
    told = words(text(viewer, link(f"{change}:{since()}")))
    moves = re.findall(r"Ends at \S+ \S+ ([+\u2212]?)", told)
    assert len(moves) >= 2  # the month, the year, and soon the next one
    assert set(moves) == {"+" if change.startswith("launch") else "\u2212"}


def test_it_compares_money_where_a_price_was_entered(
    sources: list[Connection], workspace: Workspace, viewer: Client
) -> None:
    assert "No price was entered" in text(viewer, link(f"source:s0:0:{since()}"))
    contract = contracts.contract_of(workspace)
    contract.allowance, contract.price, contract.overage_price = 1_000, Decimal(500), Decimal(100)
    contract.overage_unit = 1_000
    contracts.enter(contract, "ada", datetime.now(UTC))
    told = words(text(viewer, link(f"launch:New:100000:{since()}")))
    assert re.search(r"Price of the overage [\d .]+ USD [\d .]+ USD \+[\d .]+ USD", told)
    assert re.search(r"Price with the overage [\d .]+ USD", told)
    assert "No price was entered" not in told


# --- the form ---------------------------------------------------------------------------------
def row(**fields: str) -> dict[str, str]:
    """What the form sends with one row filled."""
    totals = {"s-TOTAL_FORMS": "2", "s-INITIAL_FORMS": "0"}
    totals |= {"l-TOTAL_FORMS": "2", "l-INITIAL_FORMS": "0"}
    named = {re.sub(r"^([sl])_(\d)_", r"\1-\2-", name): value for name, value in fields.items()}
    return {**totals, **named}


def test_it_turns_the_form_into_a_link(sources: list[Connection], viewer: Client) -> None:
    launch = {"l-0-name": "A: B&C", "l-0-per_day": "5", "l-0-since": since()}
    sent = row(s_0_slice="source:s1", s_0_percent="55", s_0_since=since())
    reply = viewer.get(WHATIF, {**sent, **launch})
    assert reply.status_code == 302
    changed, added = from_query(reply["Location"].partition("?")[2])
    assert (added.what, added.key, added.amount) == ("launch", "A: B&C", 5.0)
    assert (changed.what, changed.key, changed.amount) == ("source", "s1", 0.55)
    page = text(viewer, reply["Location"])
    assert "Source Prod - App 1 is at 55% from" in words(page)
    assert 'name="s-0-percent" value="55"' in page
    assert 'name="s-1-slice"' in page  # an empty row for the next change


def test_it_takes_an_empty_form_for_no_change(sources: list[Connection], viewer: Client) -> None:
    assert viewer.get(WHATIF, row())["Location"] == WHATIF
    assert viewer.get(WHATIF, row(s_0_percent="50", s_0_since=""))["Location"] == WHATIF


def test_it_takes_each_change_out_alone(sources: list[Connection], viewer: Client) -> None:
    page = text(viewer, link(f"source:s0:0.0:{since()}", f"launch:New:5.0:{since()}"))
    without = re.findall(r'class="end" href="([^"]+)"', page)
    kept = [from_query(address.partition("?")[2])[0].key for address in without]
    assert kept == ["New", "s0"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"s_0_slice": "source:gone"}, "not one of the available choices"),
        ({"s_0_slice": "source:s1", "s_0_percent": "-5"}, "greater than or equal to 0"),
        ({"s_0_slice": "source:s1", "s_0_percent": "1e99"}, "less than or equal to 100000"),
        ({"s_0_slice": "source:s1", "s_0_percent": "nan"}, "Enter a number"),
        ({"s_0_slice": "source:s1", "s_0_percent": ""}, "0 switches it off"),
        ({"s_0_slice": "source:s1", "s_0_since": "32 May"}, "Enter a valid date"),
        ({"s_0_slice": "source:s1", "s_0_since": "1990-01-01"}, "between 2000 and 2099"),
        ({"s_0_slice": "source:s1", "s_0_since": "2098-01-01"}, "the last day that is projected"),
        ({"s_0_slice": f"event:{'x' * 301}"}, "A name has 1 to 300 characters"),
        ({"s-TOTAL_FORMS": "x"}, "ManagementForm data is missing"),
    ],
)
def test_it_says_what_is_wrong_with_a_row_and_shows_the_rest(
    sources: list[Connection], viewer: Client, sent: dict[str, str], said: str
) -> None:
    launch = {"l-0-name": "Kept", "l-0-per_day": "5", "l-0-since": since()}
    page = words(text(viewer, WHATIF, **{**row(**{"s_0_percent": "0", **sent}), **launch}))
    assert said in page
    assert "Kept adds 5 calls a day" in page


# --- the link ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("nonsense", "A change is written what:name:amount:day."),
        ("launch:x:nan:2026-12-01", "An amount lies between 0 and"),
        ("source:s0:-5:2026-12-01", "An amount lies between 0 and"),
        ("source:s0:1e99:2026-12-01", "An amount lies between 0 and"),
        ("planet:x:0:2026-12-01", "Nothing is called planet here."),
        ("app:x:0:tomorrow", "A change is written what:name:amount:day."),
        ("source:gone:0:2026-12-01", "There is no source gone under the contract."),
        ("app:gone:0:2026-12-01", "There is no app gone under the contract."),
        ("call_type:shout:0:2026-12-01", "There is no call type shout"),
        ("launch:x:5:2098-01-01", "the last day that is projected here."),
        (f"event:{'x' * 301}:0:2026-12-01", "A name has 1 to 300 characters."),
    ],
)
def test_it_leaves_out_what_cannot_be_and_shows_the_rest(
    sources: list[Connection], viewer: Client, change: str, said: str
) -> None:
    reply = viewer.get(link(change, f"launch:Kept:5:{since()}"))
    told = words(reply.content.decode())
    assert reply.status_code == 400
    assert said in told
    assert "left out" in told
    assert "Kept adds 5 calls a day" in told


def test_it_takes_twenty_changes_of_fifty(sources: list[Connection], viewer: Client) -> None:
    reply = viewer.get(link(*[f"launch:L{n}:5:{since()}" for n in range(50)]))
    told = words(reply.content.decode())
    assert "A scenario has at most 20 changes: 30 changes left out." in told
    assert "L19 adds" in told
    assert "L20 adds" not in told


def test_it_says_so_where_a_change_concerns_nothing(
    sources: list[Connection], viewer: Client
) -> None:
    page = words(text(viewer, link(f"event:Gone:0:{since()}", "source:s0:0:2026-01-05")))
    assert "Event Gone had no calls lately, so this changes nothing" in page
    assert "is off from Mon 5 Jan 2026, so from today on." in page


def test_it_learns_before_it_promises(workspace: Workspace, viewer: Client) -> None:
    told = words(text(viewer, link(f"launch:New:5:{since()}")))
    assert "Too early to project, learning" in told
    assert "nan" not in told
    assert "Ends at" not in told


# --- kept scenarios ---------------------------------------------------------------------------
def test_it_keeps_a_scenario_by_its_name(sources: list[Connection], editor: Client) -> None:
    query = f"c=source:s0:0.0:{since()}"
    for said in ("Calm is kept.", "There is a scenario of this name already."):
        reply = editor.post(KEEP, {"name": "Calm", "query": query}, follow=True)
        assert said in reply.content.decode()
    row = Scenario.objects.get()
    assert (row.name, row.query, row.made_by) == ("Calm", query, "editor")
    page = text(editor, WHATIF)
    assert f'href="?{row.query}"' in page
    assert "kept by editor, " in page


def test_it_removes_a_scenario_and_brings_it_back(
    sources: list[Connection], editor: Client
) -> None:
    query = f"c=source:s0:0.0:{since()}"
    kept = editor.post(KEEP, {"name": "Calm", "query": query}, follow=True).content.decode()
    gone = undo(editor, kept)
    assert "The scenario is removed." in gone
    assert "None has been kept yet." in gone
    back = undo(editor, gone)
    assert "It is back." in back
    assert ">Calm</a>" in back
    assert Scenario.objects.count() == 2  # nothing is deleted


def test_it_lets_a_viewer_look_and_keep_nothing(sources: list[Connection], viewer: Client) -> None:
    query = f"c=source:s0:0.0:{since()}"
    assert viewer.post(KEEP, {"name": "Calm", "query": query}).status_code == 403
    assert "An editor can keep this one" in text(viewer, f"{WHATIF}?{query}")


def test_it_brings_nothing_to_life_that_a_link_says(
    sources: list[Connection], workspace: Workspace, editor: Client
) -> None:
    query = to_query([Change("launch", "<b>x</b>\u202e", 5.0, datetime.now(UTC).date())])
    editor.post(KEEP, {"name": "<b>y</b>", "query": query})
    html = text(editor, f"{WHATIF}?{query}")
    assert "<b>x</b>" not in html
    assert "<b>y</b>" not in html
    assert "&lt;b&gt;y&lt;/b&gt;" in html
    assert "&lt;b&gt;x&lt;/b&gt;  adds" in html  # and its mark that turns words round is a blank
