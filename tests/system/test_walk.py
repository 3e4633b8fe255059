"""A walk through every page in a real browser: light and dark, on a desk and on a phone."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.system.copies import Copy, Person, Workspace, demo_password, month_start

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = ViewportSize(width=1366, height=900), ViewportSize(width=390, height=844)
PAGES = {
    "overview": "/",
    "catalog": "/catalog/",
    "app": "/catalog/apps/application/",
    "budget": "/budget/",
    "alerts": "/alerts/",
    "policy": "/alerts/policy/",
    "health": "/health/",
    "connect": "/connect/",
    "people": "/people/",
    "password": "/password/",
}
WITH_CHART = ("overview", "budget")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium to open pages in."),
]


# As long as this module: Playwright's event loop would get in the way of other tests' ORM.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, running: Copy) -> Iterator[Page]:
    """A page on which the demo's admin is signed in."""
    context = browser.new_context(base_url=running.url, viewport=DESK)
    page = context.new_page()
    sign_in(page, "demo", demo_password(running.data_dir))
    yield page
    context.close()


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Where screenshots go: $SHOTS, or a folder that is thrown away."""
    folder = Path(os.environ.get("SHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def sign_in(page: Page, name: str, password: str) -> None:
    page.goto("/login/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", password)
    page.click("main button[type=submit]")
    expect(page.locator("details.menu")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_shows_every_page_whole(
    page: Page, shots: Path, theme: Literal["light", "dark"]
) -> None:
    said: list[str] = []  # a refused style or script is said on the console too
    page.on("console", lambda message: said.extend(complaint(message)))
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    page.emulate_media(color_scheme=theme)
    for name, path in PAGES.items():
        answer = page.goto(path, wait_until="networkidle")
        assert answer and answer.ok, name
        assert page.locator("h1").count() == 1, name
        expect(page.locator(".pill.demo")).to_be_visible()
        if name in WITH_CHART:
            expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        for width, size in (("desk", DESK), ("phone", PHONE)):
            page.set_viewport_size(size)
            page.screenshot(path=shots / f"{name}-{theme}-{width}.png", full_page=True)
            assert overflow(page) <= 0, f"{name} is wider than a {width}"
        page.set_viewport_size(DESK)
    assert said == []


def complaint(message: ConsoleMessage) -> list[str]:
    at = message.location["url"]
    return [f"{at}: {message.text}"] if message.type in ("error", "warning") else []


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def test_it_shows_what_the_workspace_has_used(
    page: Page, workspace: Workspace, person: Person
) -> None:
    before = used(workspace)
    person.poll_now("volume")
    page.goto("/budget/")
    total = page.locator("#days tr", has_text="live").first.locator("td[data-label=Total]")
    shown = int(re.sub(r"\D", "", total.inner_text()))
    page.goto("/")
    figure = float(page.locator("[data-live=used]").inner_text().removesuffix("M"))
    assert before <= shown <= used(workspace)
    assert figure == pytest.approx(shown / 1e6, abs=0.06)  # told to 0.1M


def used(workspace: Workspace) -> int:
    """Calls of the running month, today's as far as live volume shows them."""
    return sum(row["calls"] for row in workspace.truth(month_start()))


def test_it_is_walked_by_keyboard(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.locator("a.skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.goto("/")
    for _ in range(3):  # past the skip link and the name
        page.keyboard.press("Tab")
    expect(page.locator("nav[aria-label=Main] a").first).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/catalog/$"))


def test_it_signs_out(page: Page) -> None:
    page.goto("/")
    page.click("details.menu summary")
    page.click("details.menu button:has-text('Sign out')")
    expect(page).to_have_url(re.compile("/login/$"))
    page.goto("/budget/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_it_keeps_a_viewer_from_connect(page: Page, browser: Browser, running: Copy) -> None:
    secret = "reads-and-nothing-else"
    page.goto("/people/")
    page.fill("main [name=username]", "vera")
    for field in page.locator("main form.stack input[type=password]").all():
        field.fill(secret)
    page.select_option("main form.stack [name=role]", "viewer")
    page.click("main form.stack button[type=submit]")
    expect(page.get_by_role("status")).to_contain_text("vera can sign in")
    with browser.new_context(base_url=running.url) as context:
        vera = context.new_page()
        sign_in(vera, "vera", secret)
        expect(vera.locator("nav[aria-label=Main]")).to_contain_text("Alerts")
        expect(vera.locator("nav[aria-label=Main]")).not_to_contain_text("Connect")
        answer = vera.goto("/connect/")
        assert answer and answer.status == 403
