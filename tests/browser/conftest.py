"""One Chromium, the pages served in this process, and visitors with each role."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from pytest_django.live_server_helper import LiveServer

from cdpwatch.models import Role, Workspace
from tests.dashboards.conftest import sign_in
from tests.factories import make_workspace

HERE = Path(__file__).parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = ViewportSize(width=1366, height=900), ViewportSize(width=390, height=844)
Visit = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = pytest.mark.skipif(not CHROMIUM, reason="There is no Chromium to open pages in.")
    for item in items:  # of the whole run
        if HERE in item.path.parents:
            item.add_marker("browser")
            item.add_marker(missing)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """As long as a module: Playwright keeps an event loop in this thread, which Django's tables
    take for asynchronous code and other tests need for themselves."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def workspace(live_server: LiveServer) -> Workspace:
    return make_workspace(datetime.now(UTC))


@pytest.fixture
def visit(chromium: Browser, live_server: LiveServer) -> Iterator[Visit]:
    """`visit(Role.ADMIN)`: a new browser in which somebody with that role has signed in."""
    opened = []

    def visit(role: Role | None = None, **options: Any) -> Page:
        filled = {"base_url": live_server.url, "viewport": DESK, **options}
        opened.append(chromium.new_context(**filled))
        if role:
            name = settings.SESSION_COOKIE_NAME
            value = sign_in(role).cookies[name].value
            opened[-1].add_cookies([{"name": name, "value": value, "url": live_server.url}])
        return opened[-1].new_page()

    yield visit
    for context in opened:
        context.close()
