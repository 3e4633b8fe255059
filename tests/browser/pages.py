"""What tests ask of an open page."""

from __future__ import annotations

from playwright.sync_api import Page


def chart_is_drawn(page: Page) -> None:
    """Wait for plotly where the page has a chart for it and room."""
    if page.locator("[data-chart]:visible").count():
        page.locator("[data-chart]:visible").first.scroll_into_view_if_needed()
        page.wait_for_selector(".js-plotly-plot .main-svg")


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
