"""Every live connection against the convention: the exact new name, or what to decide."""

from __future__ import annotations

import pytest

from cdpwatch import exports, renames
from cdpwatch.models import Workspace
from cdpwatch.naming import Verdict
from cdpwatch.readings import Direction
from tests.factories import NOW, TODAY, make_connection

PROD_OR_STAGING = ("Prod - Backend", "Staging - Backend")


def name(workspace: Workspace, text: str, **fields: object) -> renames.Named:
    row = make_connection(workspace, f"id-{text}-{len(fields)}", name=text, **fields)
    return renames.of(row, renames.spellings(workspace))


@pytest.mark.parametrize(
    ("text", "labels", "names", "why"),
    [
        ("Prod - Backend", {}, (), ""),
        ("prod_Backend", {}, ("Prod - Backend",), ""),
        ("Backend", {"env": "prd"}, ("Prod - Backend",), ""),
        ("Prod - Backend", {"env": "stage"}, PROD_OR_STAGING, "says Prod, the label Staging"),
        ("Backend", {}, (*PROD_OR_STAGING, "Dev - Backend"), "Neither its name nor a label"),
        ("Production", {}, (), "No label or kind tells it"),
    ],
)
def test_it_gives_the_exact_name_or_says_what_to_decide(
    workspace: Workspace, text: str, labels: dict[str, str], names: tuple[str, ...], why: str
) -> None:
    named = name(workspace, text, labels=labels)
    assert named.choice.names == names
    assert why in named.choice.why
    assert bool(why) == bool(named.choice.why)


def test_it_fills_in_the_application_that_a_label_tells(workspace: Workspace) -> None:
    app = workspace.apps.get(slug="backend")
    assert name(workspace, "prod", app=app).choice.names == ("Prod - Backend",)
    assert name(workspace, "", app=app).choice.names[0] == "Prod - Backend"
    assert name(workspace, "").choice.names == ()


def test_it_lists_the_worst_first_and_leaves_out_what_is_gone(workspace: Workspace) -> None:
    labels = {"Prod - B": {"env": "dev"}}
    for text in ("Prod - A", "prod_A2", "Prod", "Newsletter", "Prod - B"):
        name(workspace, text, labels=labels.get(text, {}))
    name(workspace, "prod_gone", retired_at=NOW)
    assert [named.verdict for named in renames.every(workspace)] == list(renames.WORST_FIRST)
    assert set(renames.WORST_FIRST) == set(Verdict)


def test_it_marks_sources_that_would_share_a_name(workspace: Workspace) -> None:
    for text in ("prod_Backend", "production – Backend", "Prod - Census", "prod_Census", "prod_X"):
        name(workspace, text)
    for number in (1, 2):  # a destination has one name per source that feeds it
        row = {"name": "prod_Hub", "direction": Direction.DESTINATION}
        make_connection(workspace, f"dst{number}", **row)
    marked = {named.connection.name for named in renames.every(workspace) if named.taken}
    assert marked == {"prod_Backend", "production – Backend", "prod_Census"}


def test_it_exports_what_does_not_follow(workspace: Workspace) -> None:
    for text in ("Prod - A", "Newsletter", "prod_A", "prod_B"):
        name(workspace, text)
    rows = {row["name"]: row for row in exports.names(workspace, TODAY, TODAY)}
    assert list(rows) == ["Newsletter", "prod_A", "prod_B"]
    assert (rows["prod_B"]["new_name"], rows["prod_B"]["choices"]) == ("Prod - B", "")
    assert rows["prod_A"]["why"] == renames.TAKEN
    assert rows["Newsletter"]["new_name"] == ""
    assert rows["Newsletter"]["choices"].startswith("Prod - Newsletter | Staging - Newsletter")
    assert list(rows["prod_B"]) == exports.HEADERS["names"]
