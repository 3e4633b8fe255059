"""Text of Segment and of people stays text: in every page, in its address, in a form."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.urls import reverse
from playwright.sync_api import Dialog, Page

from cdpwatch.models import Role, Workspace
from tests.browser.canaries import CANARIES, poison_everything
from tests.browser.conftest import DESK, PHONE, Visit
from tests.browser.pages import chart_is_drawn, overflow
from tests.browser.rows import fill
from tests.dashboards.doors import pages_of

INJECTED = ", ".join(
    [
        "img",
        "iframe",
        "a[href^='//evil'], a[href*='://evil']",
        "a[href^=javascript]",
        "[onerror], [onfocus]",
        "script:not([src], [type='application/json'])",
    ]
)
PARAMETERS = ("q", "flow", "environment", "status", "naming", "state", "kind", "next", "from")


def listen(page: Page) -> list[str]:
    """What the page should never say: an alert of a script, a refusal of the policy, an error."""
    said: list[str] = []

    def close(dialog: Dialog) -> None:
        said.append(f"{page.url}: dialog {dialog.message}")
        dialog.dismiss()

    page.on("dialog", close)
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda line: said.append(f"{page.url}: {line.text}") if line.type == "error" else None,
    )
    return said


def injected(page: Page) -> list[str]:
    return page.eval_on_selector_all(INJECTED, "found => found.map(e => e.outerHTML)")


def test_it_runs_nothing_that_a_text_holds(visit: Visit, workspace: Workspace) -> None:
    page = visit(Role.ADMIN)
    said = listen(page)
    addresses = fill(workspace)
    poison_everything()
    for name in pages_of(Role.ADMIN):
        answer = page.goto(addresses[name])
        assert answer and answer.ok, name
        chart_is_drawn(page)
        assert injected(page) == [], name
        shown = page.inner_text("body")
        assert any(words in shown for words in CANARIES), name
        page.set_viewport_size(PHONE)
        assert overflow(page) <= 0, name
        page.set_viewport_size(DESK)
    assert said == []


@pytest.mark.parametrize("role", [Role.ADMIN, None])
def test_it_runs_nothing_that_an_address_holds(
    visit: Visit, workspace: Workspace, role: Role | None
) -> None:
    page = visit(role)
    said = listen(page)
    hostile = urlencode(dict.fromkeys(PARAMETERS, "".join(CANARIES[:8])))
    for name in ["login"] if role is None else ["overview", "catalog", "alerts", "health"]:
        answer = page.goto(f"{reverse(name)}?{hostile}")
        assert answer and answer.status < 500
        assert injected(page) == [], name
    assert said == []


def test_it_shows_a_wrong_name_as_it_was_typed(visit: Visit, workspace: Workspace) -> None:
    page = visit()
    said = listen(page)
    page.goto(reverse("login"))
    page.fill("[name=username]", CANARIES[1])
    page.fill("[name=password]", "wrong")
    page.click("main button[type=submit]")
    assert page.input_value("[name=username]") == CANARIES[1]
    assert (injected(page), said) == ([], [])
