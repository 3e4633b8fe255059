"""Pages that say what went wrong: in the theme, with a way on, and with nothing of the inside."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cdpwatch.models import Role, User, Workspace
from tests.dashboards.conftest import PASSWORD, sign_in
from tests.dashboards.doors import DOORS, READABLE, make_addresses

CANARY = "canary-58cd11aa"


def is_in_theme(page: str) -> bool:
    return "app.css" in page and "data-theme-toggle" in page and page.count("<h1>") == 1


def test_it_says_in_its_own_words_what_is_refused(workspace: Workspace, viewer: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    replies = {
        400: viewer.get("/", headers={"host": "evil.example"}),
        403: viewer.get(reverse("connect")),
        404: viewer.get("/no/such/"),
    }
    for status, reply in replies.items():
        assert (reply.status_code, is_in_theme(reply.content.decode())) == (status, True)
    stale = strict.post(reverse("login"), {"username": "a", "password": "b"})
    assert (stale.status_code, is_in_theme(stale.content.decode())) == (403, True)
    assert "the form was open for too long" in stale.content.decode()


def test_it_tells_strangers_of_a_missing_page_and_nothing_else(workspace: Workspace) -> None:
    Workspace.objects.update(name="GitBook")
    reply = Client().get("/no/such/")
    page = reply.content.decode()
    assert (reply.status_code, is_in_theme(page)) == (404, True)
    assert "GitBook" not in page
    assert reverse("catalog") not in page


def test_it_says_in_its_own_words_that_sign_in_is_paused(workspace: Workspace) -> None:
    sent = {"username": "nobody", "password": "wrong"}
    replies = [Client().post(reverse("login"), sent) for _ in range(10)]
    assert (replies[-1].status_code, is_in_theme(replies[-1].content.decode())) == (429, True)


def test_it_does_not_tell_a_wrong_name_from_a_wrong_password(workspace: Workspace) -> None:
    sign_in(Role.VIEWER)
    User.objects.create_user("gone", password=PASSWORD, is_active=False)
    tries = {"viewer": "wrong", "nobody": "wrong", "gone": PASSWORD}
    pages = [
        Client().post(reverse("login"), {"username": name, "password": word}).content.decode()
        for name, word in tries.items()
    ]
    said = {page.partition('role="alert"')[2].partition("</div>")[0] for page in pages}
    assert len(said) == 1
    assert "correct username and password" in said.pop()


class Broken(RuntimeError):
    pass


def breaks(get_response: object) -> object:
    """Middleware behind all others: every view fails, with a secret in its words and its hands."""

    def view(request: object) -> None:
        token = CANARY
        raise Broken(f"could not use {token}")

    return view


@pytest.mark.parametrize("role", [Role.ADMIN, None])
def test_it_keeps_a_defect_to_the_log(
    workspace: Workspace, settings: Settings, role: Role | None
) -> None:
    addresses = make_addresses(workspace)
    browser = sign_in(role) if role else Client()
    browser.raise_request_exception = False
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.dashboards.test_errors.breaks"]
    for name in READABLE:
        reply = browser.get(addresses[name])
        page = reply.content.decode()
        assert (reply.status_code, is_in_theme(page)) == (500, True), name
        assert not [word for word in (CANARY, "Traceback", "Broken", "tests") if word in page]
    for name, door in DOORS.items():
        if door.post:
            assert CANARY not in browser.post(addresses[name]).content.decode()


# --- sessions ---------------------------------------------------------------------------------
def test_it_gives_a_new_session_at_each_sign_in(workspace: Workspace) -> None:
    """One that somebody else planted in the browser before is worth nothing."""
    sign_in(Role.VIEWER)
    browser = Client()
    planted = browser.session
    planted["theirs"] = "yes"
    planted.save()
    browser.post(reverse("login"), {"username": "viewer", "password": PASSWORD})
    assert browser.session.session_key != planted.session_key
    assert browser.get(reverse("password")).status_code == 200
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = planted.session_key
    assert thief.get(reverse("password")).status_code == 302


def test_it_takes_no_session_after_signing_out(workspace: Workspace) -> None:
    browser, thief = sign_in(Role.VIEWER), Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = browser.session.session_key
    assert thief.get(reverse("password")).status_code == 200
    browser.post(reverse("logout"))
    assert thief.get(reverse("password")).status_code == 302
