"""The catalog in a real browser: search as you type, its keys, and names to copy."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from cdpwatch.models import Connection, Role, Workspace
from tests.browser.conftest import Visit
from tests.factories import make_connection

CATALOG, NAMING = reverse("catalog"), reverse("catalog-naming")
SHOWN = "[data-card]:visible h2, [data-strangers] th a:visible"
EVIL = "Prod - <img src=x onerror=alert(1)>"


@pytest.fixture
def page(workspace: Workspace, visit: Visit) -> Page:
    """The catalog with a few connections: two of one app, and some of none."""
    backend = workspace.apps.get(slug="backend")
    for segment_id, name, app in (
        ("src1", "Prod - Backend", backend),
        ("src2", "Dev - Backend", backend),
        ("src3", "prod_Newsletter", None),
        ("src4", EVIL, None),
    ):
        make_connection(workspace, segment_id, name=name, app=app)
    opened = visit(Role.VIEWER)
    opened.goto(CATALOG)
    return opened


def search(page: Page, words: str) -> list[str]:
    """Names that are left when `words` are typed."""
    page.get_by_role("searchbox").fill(words)
    return page.locator(SHOWN).all_inner_texts()


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent"))


def test_it_searches_as_one_types_without_a_page_load(page: Page) -> None:
    page.evaluate("window.stayed = true")
    assert search(page, "census") == ["Census"]
    assert search(page, "newsl") == ["prod_Newsletter"]
    assert search(page, "dev back") == ["Backend"]
    assert page.locator("[data-item]:visible a").all_inner_texts() == ["Dev - Backend"]
    assert page.get_by_role("status").inner_text() == "1 of 13 systems, 1 connection"
    assert page.evaluate("window.stayed")


def test_it_keeps_the_address_the_filters_and_the_download_in_step(page: Page) -> None:
    search(page, "a&b")
    assert page.url.endswith(f"{CATALOG}?q=a%26b")
    pill = page.get_by_role("link", name="Destination", exact=False).first
    assert "q=a%26b" in str(pill.get_attribute("href"))
    search(page, "newsletter")
    assert str(page.locator("[data-csv]").get_attribute("href")).endswith("?q=newsletter")
    assert page.locator("[data-csv]").inner_text() == "Download this one as CSV"
    search(page, "")
    assert page.url.endswith(CATALOG)


def test_it_finds_in_the_browser_what_the_server_finds(page: Page) -> None:
    for words in ("backend", "dev back", "prod", "SOLUTION", "src3", "no such thing", "src-"):
        typed = search(page, words)
        said = page.get_by_role("status").inner_text()
        page.goto(f"{CATALOG}?q={words}")
        assert page.locator(SHOWN).all_inner_texts() == typed, words
        assert page.get_by_role("status").inner_text() == said, words


def test_it_finds_more_again_after_a_search_in_the_address(page: Page) -> None:
    page.goto(f"{CATALOG}?q=census")
    assert page.locator(SHOWN).all_inner_texts() == ["Census"]
    assert search(page, "backend") == ["Backend"]
    assert len(search(page, "")) == 15


def test_it_says_that_nothing_matches_and_shows_the_way_back(page: Page) -> None:
    assert search(page, "no such thing") == []
    assert page.get_by_text("Nothing matches").is_visible()
    page.get_by_role("link", name="Show everything").click()
    assert len(page.locator(SHOWN).all_inner_texts()) == 15


def test_it_marks_what_it_found_as_text(page: Page) -> None:
    search(page, "<img onerror=alert(1)>")
    assert page.locator("mark").all_inner_texts() == ["<img", "onerror=alert(1)>"]
    assert page.locator("main img").count() == 0
    assert page.locator("[data-strangers] th a:visible").inner_text() == EVIL
    search(page, "")
    assert page.locator("mark").count() == 0


def test_it_walks_the_rows_by_keys_and_opens_one(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("backend")
    page.keyboard.press("ArrowDown")
    assert focused(page) == "Backend"
    page.keyboard.press("k")  # above the first row is the search
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.type("jjj")
    assert [focused(page), page.get_by_role("searchbox").input_value()] == ["Cloud Function", ""]
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/catalog/apps/backend/")


def test_it_empties_the_search_before_it_leaves_it(page: Page) -> None:
    search(page, "census")
    page.keyboard.press("Escape")
    assert page.get_by_role("searchbox").input_value() == ""
    assert len(page.locator(SHOWN).all_inner_texts()) == 15


def test_it_lists_its_keys(page: Page) -> None:
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    page.get_by_role("searchbox").press("?")
    assert page.get_by_role("searchbox").input_value() == "?"


def test_it_lets_people_switch_single_letters_off(page: Page) -> None:
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("checkbox").uncheck()
    page.reload()
    page.keyboard.press("?")
    assert page.get_by_role("dialog").count() == 0


def test_it_searches_by_its_form_without_scripts(workspace: Workspace, visit: Visit) -> None:
    make_connection(workspace, name="prod_Newsletter")
    page = visit(Role.VIEWER, java_script_enabled=False)
    page.goto(CATALOG)
    page.get_by_role("searchbox").fill("census")
    page.get_by_role("button", name="Search").click()
    assert page.locator(SHOWN).all_inner_texts() == ["Census"]


def test_it_copies_a_name(workspace: Workspace, visit: Visit) -> None:
    make_connection(workspace, name="prod_Newsletter")
    page = visit(Role.VIEWER, permissions=["clipboard-read", "clipboard-write"])
    page.goto(NAMING)
    page.get_by_role("button", name="Copy “Prod - Newsletter”").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "Prod - Newsletter"


def test_it_selects_a_name_where_there_is_no_clipboard(workspace: Workspace, visit: Visit) -> None:
    make_connection(workspace, name="prod_Newsletter")
    page = visit(Role.VIEWER)
    page.add_init_script("delete Navigator.prototype.clipboard")
    page.goto(NAMING)
    page.get_by_role("button", name="Copy “Prod - Newsletter”").click()
    page.get_by_text("press Ctrl+C").wait_for()
    assert page.evaluate("getSelection().toString()") == "Prod - Newsletter"


def test_it_searches_a_thousand_connections(workspace: Workspace, visit: Visit) -> None:
    backend = workspace.apps.get(slug="backend")
    Connection.objects.bulk_create(
        Connection(
            workspace=workspace,
            segment_id=f"s{n}",
            name=f"Prod - Service {n}",
            direction="source",
            app=backend if n % 2 else None,
        )
        for n in range(1000)
    )
    page = visit(Role.VIEWER)
    page.goto(CATALOG)
    assert search(page, "service 77") == [
        "Backend",
        *(f"Prod - Service {n}" for n in (770, 772, 774, 776, 778)),
    ]
    assert page.get_by_role("status").inner_text() == "1 of 13 systems, 19 connections"
    assert page.locator("mark").count() == 38  # two words in each


def test_it_saves_and_undoes_a_text(workspace: Workspace, visit: Visit) -> None:
    row = make_connection(workspace)
    page = visit(Role.EDITOR)
    page.goto(reverse("catalog-connection", args=[row.pk]))
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Notes").fill("One\n\nTwo")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Notes").fill("One\n\nTwo\nThree")  # what was seen has survived the browser
    page.get_by_role("button", name="Save").click()
    page.locator(".message").get_by_role("button", name="Undo").click()
    assert page.locator(".message").inner_text().startswith("✓ Undone.")
    row.refresh_from_db()
    assert row.notes == "One\n\nTwo"
