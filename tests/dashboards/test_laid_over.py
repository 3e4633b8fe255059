"""Sub-budgets, planned events and notes: added by a form, ended by a button, both undone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from django.test import Client
from django.urls import reverse

from cdpwatch import contracts
from cdpwatch.models import Contract, Workspace
from tests.dashboards.conftest import text
from tests.dashboards.test_contract import PAGE, send
from tests.factories import NOVEMBER, make_connection

NOTE = {"day": "2026-11-05", "text": "Outage of the login"}
EVENT = {"name": "Launch", "starts_on": "2026-12-01", "last_day": "2026-12-03", "scale": "1.5"}
GROWTH = {"name": "Growth", "allowance": "5000000", "by": "label", "values": "team:growth"}


@pytest.fixture
def contract(workspace: Workspace) -> Contract:
    return contracts.contract_of(workspace)


def undo(browser: Client, page: str) -> str:
    """Press the button that the page's message carries."""
    found = re.search(r'form="undo" formaction="([^"]+)"', page)
    assert found, "there is nothing to undo"
    assert 'id="undo"' in page
    return browser.post(found[1], follow=True).content.decode()


# --- adding -----------------------------------------------------------------------------------
def test_it_notes_a_day(contract: Contract, editor: Client) -> None:
    page = send(editor, "note", NOTE)
    row = contract.day_notes.get()
    assert (row.day, row.text, row.by) == (date(2026, 11, 5), "Outage of the login", "editor")
    assert "Outage of the login" in page


def test_it_plans_an_event_to_its_last_day(contract: Contract, editor: Client) -> None:
    page = send(editor, "event", EVENT)
    row = contract.planned_events.get()
    assert (row.starts_on, row.ends_on) == (date(2026, 12, 1), date(2026, 12, 4))
    assert (row.scale, row.per_day, row.source, row.planned_by) == (1.5, 0, None, "editor")
    assert "Thu 3 Dec 2026" in page


def test_it_switches_a_source_off_for_good(
    workspace: Workspace, contract: Contract, editor: Client
) -> None:
    source = make_connection(workspace)
    fields = {"name": "Off", "starts_on": "2026-12-01", "scale": "0", "source": str(source.pk)}
    page = send(editor, "event", fields)
    row = contract.planned_events.get()
    assert (row.scale, row.ends_on, row.source) == (0, None, source)
    assert "for good" in page


def test_it_sets_a_part_aside_and_says_what_is_left(
    workspace: Workspace, contract: Contract, editor: Client
) -> None:
    make_connection(workspace, labels={"team": "growth"})
    make_connection(workspace, "src2")
    page = send(editor, "sub-budget", GROWTH)
    row = contract.sub_budgets.get()
    assert (row.allowance, row.by, row.values) == (5_000_000, "label", ["team:growth"])
    assert "35\u2009000\u2009000" in page
    assert "what is in none of them" in page
    assert "No source has" not in page


def test_it_says_what_no_source_has(contract: Contract, editor: Client) -> None:
    page = send(editor, "sub-budget", {**GROWTH, "values": "team:growth\n\nteam:growth\nx:y"})
    assert contract.sub_budgets.get().values == ["team:growth", "x:y"]
    assert "No source has the label team:growth, x:y yet." in page


def test_it_changes_a_sub_budget_under_its_name(contract: Contract, editor: Client) -> None:
    send(editor, "sub-budget", GROWTH)
    opened = text(editor, reverse("budget-contract-sub-budget"), name="Growth")
    assert 'value="5000000"' in opened
    assert "team:growth" in opened
    page = send(editor, "sub-budget", {**GROWTH, "allowance": "9000000"})
    assert [row.allowance for row in contracts.sub_budgets_of(contract)] == [9_000_000]
    assert "formaction" not in page  # ending it would not bring the old one back


def test_it_lists_what_a_sub_budget_can_be_for(
    workspace: Workspace, contract: Contract, editor: Client
) -> None:
    make_connection(workspace, owner="Ada <b>")
    page = text(editor, reverse("budget-contract-sub-budget"))
    assert "<code>Ada &lt;b&gt;</code>" in page


@pytest.mark.parametrize(
    ("name", "good", "fields", "said"),
    [
        ("note", NOTE, {"day": "2026-02-30"}, "Enter a valid date."),
        ("note", NOTE, {"text": " "}, "This field is required."),
        ("note", NOTE, {"text": "x" * 301}, "at most 300"),
        ("event", EVENT, {"last_day": "2026-11-01"}, "before it starts"),
        ("event", EVENT, {"scale": ""}, "An event changes something."),
        ("event", EVENT, {"scale": "nan"}, "Enter a number."),
        ("event", EVENT, {"per_day": "9" * 20}, "less than or equal to"),
        ("event", EVENT, {"source": "999"}, "Select a valid choice"),
        ("event", EVENT, {"last_day": "9999-12-31"}, "between 2000 and 2099"),
        ("sub-budget", GROWTH, {"name": "Unassigned"}, "not Unassigned"),
        ("sub-budget", GROWTH, {"allowance": "0"}, "greater than or equal to 1"),
        ("sub-budget", GROWTH, {"by": "planet"}, "Select a valid choice"),
        ("sub-budget", GROWTH, {"values": " \n "}, "This field is required."),
    ],
)
def test_it_refuses_what_cannot_be(
    contract: Contract,
    editor: Client,
    name: str,
    good: dict[str, str],
    fields: dict[str, str],
    said: str,
) -> None:
    page = send(editor, name, {**good, **fields})
    assert said in page
    assert 'class="errors"' in page
    assert not (contract.day_notes.count() + contract.planned_events.count())
    assert not contract.sub_budgets.count()


def test_it_names_sources_in_two_sub_budgets_but_not_hundreds(
    workspace: Workspace, contract: Contract, editor: Client
) -> None:
    for n in range(8):
        make_connection(workspace, f"s{n}", name=f"App {n}", owner="Ada", labels={"team": "growth"})
    send(editor, "sub-budget", GROWTH)
    page = send(editor, "sub-budget", {**GROWTH, "name": "A", "by": "owner", "values": "Ada"})
    assert "App 0 is in Growth and in A: it counts for Growth." in page
    assert "App 7" not in page
    assert "So it is for 3 more." in page


# --- ending and undoing -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "kind", "fields", "shown"),
    [
        ("note", "notes", NOTE, "Outage of the login"),
        ("event", "events", EVENT, "Thu 3 Dec 2026"),
        ("sub-budget", "sub-budgets", GROWTH, "<code>team:growth</code>"),
    ],
)
def test_it_undoes_adding_and_ending(
    contract: Contract, editor: Client, name: str, kind: str, fields: dict[str, str], shown: str
) -> None:
    added = send(editor, name, fields)
    assert f"/budget/contract/{kind}/" in added
    ended = undo(editor, added)
    assert shown not in ended
    back = undo(editor, ended)
    assert shown in back
    assert "It is back." in back
    again = undo(editor, ended)  # the same button of the older page once more
    assert "It is there already" in again


def test_it_says_when_somebody_was_quicker(contract: Contract, editor: Client) -> None:
    row = contracts.note_day(contract, NOVEMBER, "x", "ada", datetime.now(UTC))
    send(editor, "end", {}, kind="notes", pk=row.pk)
    assert "removed already" in send(editor, "end", {}, kind="notes", pk=row.pk)


def test_it_answers_404_for_what_was_never_there(contract: Contract, editor: Client) -> None:
    for kind, pk in (("planets", 1), ("notes", 999)):
        for act in ("end", "again"):
            address = reverse(f"budget-contract-{act}", kwargs={"kind": kind, "pk": pk})
            assert editor.post(address).status_code == 404


@pytest.mark.parametrize("name", ["note", "event", "sub-budget", "terms", "amend", "cover"])
def test_it_takes_nothing_from_viewers(contract: Contract, viewer: Client, name: str) -> None:
    sent = {"note": NOTE, "event": EVENT, "sub-budget": GROWTH}.get(name, {})
    address = reverse(f"budget-contract-{name}")
    assert viewer.post(address, sent).status_code == 403
    assert viewer.get(address).status_code == 403
    assert "<form" not in text(viewer, PAGE).partition("<main")[2]
