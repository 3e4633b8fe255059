"""Everything can be done without a pointer, and what has the focus is seen to have it."""

from __future__ import annotations

import re

from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from cdpwatch import rulebook
from cdpwatch.models import Role, Workspace
from tests.browser.conftest import Visit
from tests.browser.rows import fill
from tests.dashboards.conftest import PASSWORD, sign_in
from tests.dashboards.doors import pages_of

TABBABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary"
# Numbers what Tab should reach, then notes each arrival with the width of its ring. A window that
# was left and came back (Tab past the last stop) may tell of the same arrival twice: once counts.
WATCH = """selector => {
  const all = [...document.querySelectorAll(selector)]
    .filter(one => !one.disabled && one.checkVisibility({ checkVisibilityCSS: true }));
  window.arrivals = [];
  let last = null;
  document.addEventListener("focusin", ({ target }) => {
    if (target === last) return;
    last = target;
    const ring = getComputedStyle(target);
    const width = ring.outlineStyle === "none" ? 0 : parseFloat(ring.outlineWidth);
    const { top, bottom } = target.getBoundingClientRect();
    const seen = bottom > 0 && top < innerHeight;
    window.arrivals.push([all.indexOf(target), width, seen, target.outerHTML.slice(0, 120)]);
  });
  return all.length;
}"""
INNER_STOPS = 12  # a date field has more than one stop of its own


def arrivals(page: Page) -> tuple[int, list[tuple[int, float, bool, str]]]:
    """How many elements Tab should reach, and (index, ring in px, in view, HTML) as it did."""
    expected = page.evaluate(WATCH, TABBABLE)
    for _ in range(expected + INNER_STOPS):
        page.keyboard.press("Tab")
    found = [tuple(one) for one in page.evaluate("window.arrivals") if one[0] >= 0]
    return expected, found[:expected]


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until `wanted` has the focus."""
    for _ in range(120):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {wanted}")


def press(page: Page, wanted: Locator, key: str = "Enter") -> None:
    tab_to(page, wanted)
    page.keyboard.press(key)


def test_it_reaches_everything_in_order_with_a_ring(visit: Visit, workspace: Workspace) -> None:
    page = visit(Role.ADMIN)
    addresses = fill(workspace)
    for name in pages_of(Role.ADMIN):
        page.goto(addresses[name])
        expected, found = arrivals(page)
        first = found[0][0]  # not 0 where a field has taken the focus by itself
        order = [(first + n) % expected for n in range(expected)]
        assert [index for index, *_ in found] == order, name
        assert [html for _, ring, _, html in found if ring < 2] == [], name
        assert [html for *_, seen, html in found if not seen] == [], name


def test_it_is_worked_without_a_pointer(visit: Visit, workspace: Workspace) -> None:
    fill(workspace)
    sign_in(Role.EDITOR)
    page = visit()
    page.goto("/")
    press(page, page.get_by_label("Username"), "e")
    page.keyboard.type("ditor")
    tab_to(page, page.get_by_label("Password"))
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("Overview"))
    press(page, page.get_by_role("link", name="Catalog", exact=True))
    tab_to(page, page.get_by_label("Search the catalog"))
    page.keyboard.type("amplitude")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Amplitude", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Backend", exact=True)).to_be_hidden()
    press(page, page.get_by_role("link", name=re.compile("^Alerts")))
    press(page, page.get_by_role("link", name="Page calls that must not be tracked"))
    expect(page.get_by_role("heading", level=1)).to_have_text("6k calls so far.")
    press(page, page.get_by_role("button", name="Try again"))
    expect(page.get_by_role("status")).to_contain_text("waits in the outbox again")
    page.goto(reverse("alerts-policy"))
    press(page, page.get_by_role("link", name=re.compile("In-app page calls are")))
    before = rulebook.in_app_pages_wanted(rulebook.current(workspace))
    press(page, page.locator("main button[type=submit]"))
    expect(page.get_by_role("status")).to_contain_text("version 2")
    assert rulebook.in_app_pages_wanted(rulebook.current(workspace)) is not before


def test_it_switches_the_theme_by_key_and_remembers(visit: Visit, workspace: Workspace) -> None:
    page = visit(Role.VIEWER, color_scheme="light")
    page.goto(reverse("password"))
    press(page, page.get_by_role("button", name="Switch between light and dark"), "Space")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(reverse("health"))
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_it_skips_to_the_content(visit: Visit, workspace: Workspace) -> None:
    page = visit(Role.VIEWER)
    page.goto(reverse("alerts"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("main a").first).to_be_focused()


def test_it_closes_the_menu_by_key(visit: Visit, workspace: Workspace) -> None:
    page = visit(Role.VIEWER)
    page.goto(reverse("health"))
    summary = page.locator("details.menu summary")
    inside = page.get_by_role("link", name="Change password")
    press(page, summary)
    page.keyboard.press("Tab")
    expect(inside).to_be_focused()
    page.keyboard.press("Escape")
    expect(summary).to_be_focused()
    expect(inside).to_be_hidden()
    page.keyboard.press("Enter")
    expect(inside).to_be_visible()
    page.keyboard.press("Shift+Tab")  # out of it
    expect(inside).to_be_hidden()


def test_it_signs_out_by_key(visit: Visit, workspace: Workspace) -> None:
    page = visit(Role.VIEWER)
    page.goto(reverse("health"))
    press(page, page.locator("details.menu summary"))
    press(page, page.get_by_role("button", name="Sign out"))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
