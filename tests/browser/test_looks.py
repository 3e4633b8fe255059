"""Narrow windows, large text, still pictures and colours of the system's choice."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, ViewportSize

from cdpwatch.models import Role, Workspace
from tests.browser.conftest import Visit
from tests.browser.pages import overflow
from tests.browser.rows import fill
from tests.dashboards.doors import pages_of

# 320: WCAG's reflow, 1280 px at 400%. 683: a desk at 200%.
WIDTHS = (320, 390, 683, 1366)


def test_it_never_scrolls_sideways(visit: Visit, workspace: Workspace) -> None:
    page = visit(Role.ADMIN)
    addresses = fill(workspace)
    wide = {}
    for name in pages_of(Role.ADMIN):
        page.goto(addresses[name])
        for width in WIDTHS:
            page.set_viewport_size(ViewportSize(width=width, height=844))
            wide[f"{name} at {width}"] = overflow(page)
    assert {where: pixels for where, pixels in wide.items() if pixels > 0} == {}


def style(wanted: Locator, name: str) -> str:
    return str(wanted.evaluate("(one, name) => getComputedStyle(one)[name]", name))


@pytest.mark.parametrize(("wish", "most"), [("reduce", 0.0), ("no-preference", 0.12)])
def test_it_moves_little_or_not_at_all(
    visit: Visit, workspace: Workspace, wish: str, most: float
) -> None:
    page = visit(Role.ADMIN, reduced_motion=wish)
    page.goto(reverse("users"))
    durations = page.evaluate(
        "[...document.querySelectorAll('*')].map(one => getComputedStyle(one))"
        ".flatMap(s => [s.transitionDuration, s.animationDuration].join(', ').split(', '))"
    )
    assert max(float(told.removesuffix("s")) for told in durations) == most


def test_it_tells_where_one_is_in_colours_of_the_systems_choice(
    visit: Visit, workspace: Workspace
) -> None:
    page = visit(Role.VIEWER, forced_colors="active")
    page.goto(reverse("alerts"))
    here = page.locator(".nav a[aria-current]")
    other = page.locator(".nav a:not([aria-current])").first
    assert style(here, "outlineStyle") != style(other, "outlineStyle")
    page.keyboard.press("Tab")
    ring = page.locator(":focus-visible")
    assert style(ring, "outlineStyle") == "solid"
