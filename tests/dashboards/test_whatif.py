"""The what-if page: the address is the scenario, and month and year move with it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from cdpwatch.budget.scenario import from_query
from cdpwatch.models import Connection, Scenario, Workspace
from tests.dashboards.conftest import text
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
    assert told.count("With the scenario") == 3  # the chart and both tables
    moves = re.findall(r"([+\u2212])[\d.]+[kM]? calls", told)
    assert moves == (["+", "+"] if change.startswith("launch") else ["\u2212", "\u2212"])


def test_it_turns_a_form_into_a_link(sources: list[Connection], viewer: Client) -> None:
    held = f"launch:A: B&C:5.0:{since()}".replace("A: B", "A%3A B")
    sent = {"c": held, "slice": "source:s1", "percent": "50", "since": since(), "add": "slice"}
    reply = viewer.get(WHATIF, sent)
    assert reply.status_code == 302
    kept, added = from_query(reply["Location"].partition("?")[2])
    assert (kept.key, kept.amount) == ("A: B&C", 5.0)
    assert (added.what, added.key, added.amount) == ("source", "s1", 0.5)
    page = words(text(viewer, reply["Location"]))
    assert "Source Prod - App 1 is at 50% from" in page


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"slice": "source:gone", "percent": "0"}, "not one of the available choices"),
        ({"slice": "source:s1", "percent": "-1"}, "greater than or equal to 0"),
        ({"slice": "source:s1", "percent": "nan"}, "Enter a number"),
        ({"slice": "source:s1", "percent": "0", "since": "32 May"}, "Enter a valid date"),
    ],
)
def test_it_says_what_is_wrong_with_a_form(
    sources: list[Connection], viewer: Client, sent: dict[str, str], said: str
) -> None:
    assert said in text(viewer, WHATIF, add="slice", **{"since": since(), **sent})


@pytest.mark.parametrize(
    "change", ["nonsense", "launch:x:nan:2026-12-01", "planet:x:0:2026-12-01", "app:x:0:tomorrow"]
)
def test_it_refuses_a_link_that_is_none(workspace: Workspace, viewer: Client, change: str) -> None:
    reply = viewer.get(link(change))
    assert reply.status_code == 400
    assert "Nothing of this link is shown." in reply.content.decode()


def test_it_says_so_where_a_change_concerns_nothing(
    sources: list[Connection], viewer: Client
) -> None:
    assert "had no calls lately, so this changes nothing" in text(
        viewer, link(f"app:gone:0:{since()}")
    )


def test_it_learns_before_it_promises(workspace: Workspace, viewer: Client) -> None:
    told = words(text(viewer, link(f"launch:New:5:{since()}")))
    assert "learning" in told
    assert "nan" not in told


def test_it_keeps_a_scenario_by_its_name(sources: list[Connection], editor: Client) -> None:
    query = f"c=source:s0:0.0:{since()}"
    for said in ("Calm is kept.", "There is a scenario of this name already."):
        reply = editor.post(KEEP, {"name": "Calm", "query": query}, follow=True)
        assert said in reply.content.decode()
    row = Scenario.objects.get()
    assert (row.name, row.query, row.made_by) == ("Calm", query, "editor")
    assert f'href="?{row.query}"' in text(editor, WHATIF)


def test_it_lets_a_viewer_look_and_keep_nothing(sources: list[Connection], viewer: Client) -> None:
    query = f"c=source:s0:0.0:{since()}"
    assert viewer.post(KEEP, {"name": "Calm", "query": query}).status_code == 403
    assert "An editor can keep this one" in text(viewer, f"{WHATIF}?{query}")


def test_it_brings_nothing_to_life_that_a_link_says(
    sources: list[Connection], viewer: Client
) -> None:
    html = text(viewer, link(f"launch:<b>x</b>:5:{since()}"))
    assert "<b>x</b>" not in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
