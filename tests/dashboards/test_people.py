"""People: the first admin, signing in and out, passwords, and the list that admins keep."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from cdpwatch import people
from cdpwatch.models import AuditLog, Role, User, Workspace
from dashboards.views.people import change_rights
from tests.dashboards.conftest import PASSWORD, sign_in, text

LOGIN, SETUP, USERS, OWN = map(reverse, ("login", "setup", "users", "password"))
NEW = "another fine passphrase"
FIRST = {"username": "ana", "email": "", "password1": PASSWORD, "password2": PASSWORD}


def setup_link(token: str | None = None) -> str:
    return f"{SETUP}?token={people.setup_token() if token is None else token}"


def make_user(name: str = "bruno", role: Role = Role.VIEWER) -> User:
    return User.objects.create_user(name, password=PASSWORD, role=role)


def rights(browser: Client, user: User, role: Role, active: bool = True) -> str:
    sent = {"role": role.value, **({"active": "on"} if active else {})}
    reply = browser.post(reverse("user", args=[user.pk]), sent, follow=True)
    user.refresh_from_db()
    return reply.content.decode()


def is_signed_in(browser: Client) -> bool:
    return browser.get(OWN).status_code == 200


# --- the first admin --------------------------------------------------------------------------
@pytest.mark.parametrize("token", ["", "wrong", "%C3%A9", "%00"])
def test_it_shows_the_setup_to_nobody_without_its_token(
    client: Client, workspace: Workspace, token: str
) -> None:
    assert client.get(setup_link(token)).status_code == 404
    assert client.post(setup_link(token), FIRST).status_code == 404
    assert not User.objects.exists()


def test_it_makes_the_first_admin_and_signs_in(client: Client, workspace: Workspace) -> None:
    assert client.get(setup_link()).status_code == 200
    reply = client.post(setup_link(), FIRST)
    assert (reply.status_code, reply.url) == (302, reverse("connect"))
    assert User.objects.get().role == Role.ADMIN
    assert text(client, reverse("connect"))
    assert AuditLog.objects.get().action == "first admin"


def test_it_makes_no_second_first_admin(client: Client, admin: Client) -> None:
    assert client.get(setup_link()).status_code == 404
    assert client.post(setup_link(), FIRST).status_code == 404


def test_it_refuses_a_weak_password(client: Client, workspace: Workspace) -> None:
    weak = {**FIRST, "password1": "12345678", "password2": "12345678"}
    assert "too short" in client.post(setup_link(), weak).content.decode()
    assert not User.objects.exists()


# --- signing in and out -----------------------------------------------------------------------
def test_it_signs_in_and_out(client: Client, workspace: Workspace) -> None:
    make_user()
    reply = client.post(LOGIN, {"username": "bruno", "password": PASSWORD})
    assert (reply.status_code, reply.url) == (302, reverse("overview"))
    assert is_signed_in(client)
    client.post(reverse("logout"))
    assert not is_signed_in(client)


def test_it_goes_back_to_the_page_that_was_asked_for(client: Client, workspace: Workspace) -> None:
    make_user()
    sent = {"username": "bruno", "password": PASSWORD}
    assert client.post(f"{LOGIN}?next=/alerts/", sent).url == "/alerts/"
    client.logout()
    assert client.post(f"{LOGIN}?next=https://evil.example/", sent).url == reverse("overview")


def test_it_pauses_after_many_wrong_passwords(client: Client, workspace: Workspace) -> None:
    make_user()
    for _ in range(10):
        reply = client.post(LOGIN, {"username": "bruno", "password": "wrong"})
    assert "Sign-in is paused" in reply.content.decode()
    right = client.post(LOGIN, {"username": "bruno", "password": PASSWORD})
    assert "Sign-in is paused" in right.content.decode()
    assert not is_signed_in(client)


# --- passwords --------------------------------------------------------------------------------
def test_it_changes_ones_own_password(workspace: Workspace) -> None:
    here, elsewhere = sign_in(Role.VIEWER), sign_in(Role.VIEWER)
    sent = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert here.post(OWN, sent).status_code == 302
    assert User.objects.get().check_password(NEW)
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)
    assert AuditLog.objects.get().action == "password changed"


def test_it_changes_no_password_without_the_old_one(viewer: Client) -> None:
    sent = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    assert "incorrectly" in viewer.post(OWN, sent).content.decode()
    assert User.objects.get().check_password(PASSWORD)


def test_it_sets_a_forgotten_password_and_ends_sessions(admin: Client, viewer: Client) -> None:
    user = User.objects.get(username="viewer")
    url = reverse("user-password", args=[user.pk])
    assert "New password for viewer" in text(admin, url)
    admin.post(url, {"new_password1": NEW, "new_password2": NEW})
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert not is_signed_in(viewer)
    assert AuditLog.objects.get().action == "password set"


# --- the list ---------------------------------------------------------------------------------
def test_it_adds_a_person(admin: Client) -> None:
    page = admin.post(USERS, {**FIRST, "role": "editor"}, follow=True).content.decode()
    user = User.objects.get(username="ana")
    assert (user.role, user.check_password(PASSWORD)) == (Role.EDITOR, True)
    assert "ana can sign in now" in page
    assert PASSWORD not in page
    log = AuditLog.objects.get()
    assert (log.actor, log.action, log.after) == ("admin", "person added", {"role": "editor"})


@pytest.mark.parametrize(
    "wrong", [{"role": "owner"}, {"role": ""}, {"username": "admin"}, {"password2": "other"}]
)
def test_it_adds_nobody_by_a_wrong_form(admin: Client, wrong: dict[str, str]) -> None:
    page = admin.post(USERS, {**FIRST, "role": "viewer", **wrong}).content.decode()
    assert 'class="errors"' in page
    assert User.objects.count() == 1


def test_it_changes_a_role_at_once(admin: Client, viewer: Client) -> None:
    user = User.objects.get(username="viewer")
    rights(admin, user, Role.ADMIN)
    assert viewer.get(reverse("connect")).status_code == 200
    rights(admin, user, Role.VIEWER)
    assert viewer.get(reverse("connect")).status_code == 403
    log = AuditLog.objects.latest("pk")
    assert (log.before["role"], log.after["role"]) == ("admin", "viewer")


def test_it_ends_the_sessions_of_who_is_switched_off(admin: Client, viewer: Client) -> None:
    user = User.objects.get(username="viewer")
    rights(admin, user, Role.VIEWER, active=False)
    assert not is_signed_in(viewer)
    assert "Off" in text(admin, USERS)
    rights(admin, user, Role.VIEWER)
    assert is_signed_in(viewer)


def test_it_changes_nobodys_own_rights(admin: Client) -> None:
    make_user("other", Role.ADMIN)
    user = User.objects.get(username="admin")
    assert "another admin" in rights(admin, user, Role.VIEWER, active=False)
    assert (user.role, user.is_active) == (Role.ADMIN, True)


def test_it_keeps_one_admin(db: None) -> None:
    """Two admins who switch each other off at once: the second finds itself the last."""
    first, second = make_user("one", Role.ADMIN), make_user("two", Role.ADMIN)
    assert change_rights(first, second, Role.VIEWER, True)
    assert not change_rights(second, first, Role.ADMIN, False)
    first.refresh_from_db()
    assert first.is_active
    assert AuditLog.objects.count() == 1


@pytest.mark.parametrize("change", [{"role": "owner"}, {}])
def test_it_changes_nothing_by_a_wrong_role(admin: Client, change: dict[str, str]) -> None:
    user = make_user()
    page = admin.post(reverse("user", args=[user.pk]), change, follow=True).content.decode()
    user.refresh_from_db()
    assert "Choose one of the roles." in page
    assert (user.role, user.is_active) == (Role.VIEWER, True)
