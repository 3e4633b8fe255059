"""No page puts up a barrier that axe-core knows of: with data and without, light, dark, narrow."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from django.urls import reverse
from playwright.sync_api import Page, ViewportSize

from cdpwatch import people
from cdpwatch.models import Role, Workspace
from tests.browser.conftest import DESK, PHONE, Visit
from tests.browser.pages import chart_is_drawn
from tests.browser.rows import fill
from tests.dashboards.doors import make_addresses, pages_of

# WCAG 2.2 at level AA and below, and what axe calls good practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]  # all that a theme changes
Looks = list[tuple[str, ViewportSize, list[str]]]
BOTH: Looks = [("light", DESK, TAGS), ("dark", PHONE, TAGS)]
CROSSED: Looks = [("dark", DESK, COLOURS), ("light", PHONE, COLOURS)]

# Violations of any impact, as "rule: the first element that breaks it".
FIND = """rules => axe.run({ runOnly: rules, resultTypes: ["violations"] }).then(found =>
  found.violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`))"""


def barriers(page: Page, looks: Looks) -> list[str]:
    """What axe finds on the open page; our policy stays in force, a debugger's script passes it."""
    chart_is_drawn(page)
    page.evaluate(AXE_SCRIPT)
    found = []
    for theme, size, rules in looks:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size(size)
        found += [f"{theme}, {size['width']}: {one}" for one in page.evaluate(FIND, rules)]
    return found


def barriers_at(page: Page, address: str, looks: Looks) -> list[str]:
    answer = page.goto(address)
    assert answer and answer.ok, address
    return barriers(page, looks)


def walk(
    visit: Visit, role: Role | None, addresses: dict[str, str], looks: Looks
) -> dict[str, list[str]]:
    """Barriers on every page that somebody with `role` may open, by its name."""
    page = visit(role, reduced_motion="reduce")  # a colour in its fade has no fixed contrast
    shown = [name for name in pages_of(role) if name in addresses]
    found = {name: barriers_at(page, addresses[name], looks) for name in shown}
    return {name: barriers for name, barriers in found.items() if barriers}


def test_it_has_no_barrier_on_a_page_with_data(visit: Visit, workspace: Workspace) -> None:
    assert walk(visit, Role.ADMIN, fill(workspace), [*BOTH, *CROSSED]) == {}


def test_it_has_no_barrier_for_who_only_reads(visit: Visit, workspace: Workspace) -> None:
    assert walk(visit, Role.VIEWER, fill(workspace), BOTH[:1]) == {}


def test_it_has_no_barrier_on_an_empty_page(visit: Visit, workspace: Workspace) -> None:
    addresses = make_addresses(workspace)
    workspace.alerts.all().delete()
    workspace.connections.all().delete()
    for name in ("alerts-one", "catalog-connection", "catalog-edit"):
        del addresses[name]
    assert walk(visit, Role.ADMIN, addresses, BOTH) == {}


def test_it_has_no_barrier_for_strangers(visit: Visit, workspace: Workspace) -> None:
    setup = f"{reverse('setup')}?token={people.setup_token()}"
    found = walk(visit, None, {"login": reverse("login"), "setup": setup}, [*BOTH, *CROSSED])
    assert found == {}


def test_it_has_no_barrier_where_something_went_wrong(visit: Visit, workspace: Workspace) -> None:
    page = visit(reduced_motion="reduce")
    for address, status in (("/no/such/", 404), (f"{reverse('login')}?next=%00", 200)):
        answer = page.goto(address)
        assert answer and answer.status == status
        assert barriers(page, BOTH) == []
    page.fill("[name=username]", "nobody")
    page.fill("[name=password]", "wrong")
    page.click("main button[type=submit]")
    assert "correct" in page.inner_text("[role=alert]")
    assert barriers(page, BOTH) == []
