"""People: the first admin's token, the demo's account, and the log of what was changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from cdpwatch import people
from cdpwatch.models import AuditLog, Role, User

URL = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def folder(db: None, settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


def make_user(name: str = "ana", role: Role = Role.VIEWER, **fields: object) -> User:
    return User.objects.create_user(name, role=role, **fields)


def test_it_keeps_one_setup_token_that_only_its_owner_can_read(folder: Path) -> None:
    token = people.setup_token()
    assert len(token) >= 32
    assert people.setup_token() == token
    assert (folder / "setup-token").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("wrong", ["", "é", "\0", "x" * 10_000])
def test_it_takes_only_the_setup_token(wrong: str) -> None:
    assert people.is_setup_token(people.setup_token())
    assert not people.is_setup_token(wrong)


def test_it_needs_an_admin_who_can_sign_in() -> None:
    assert people.needs_setup()
    make_user("bruno", Role.EDITOR)
    make_user("gone", Role.ADMIN, is_active=False)
    assert people.needs_setup()
    make_user("ana", Role.ADMIN)
    assert not people.needs_setup()


def test_it_tells_whoever_started_it_how_to_sign_in() -> None:
    hint = people.sign_in_hint(URL)
    assert hint == f"{URL}/setup/?token={people.setup_token()}  makes the first admin"
    make_user("ana", Role.ADMIN)
    assert people.sign_in_hint(URL) == f"{URL}/"


def test_it_gives_the_demo_an_account_and_leaves_its_password_alone(settings: Settings) -> None:
    settings.DEMO = True
    password = people.demo_password()
    demo = User.objects.get()
    assert (demo.username, demo.role, demo.check_password(password)) == ("demo", Role.ADMIN, True)
    demo.set_password("changed by hand")
    demo.save()
    assert people.sign_in_hint(URL) == f"{URL}/  sign in as demo with {password}"
    demo.refresh_from_db()
    assert demo.check_password("changed by hand")


def test_it_notes_who_changed_what_even_when_the_person_goes() -> None:
    ana = make_user()
    people.note(ana, "region", "x" * 300, {"region": "us"}, {"region": "eu"})
    ana.delete()
    row = AuditLog.objects.get()
    assert (row.actor, row.action, len(row.subject)) == ("ana", "region", 200)
    assert (row.before, row.after) == ({"region": "us"}, {"region": "eu"})


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.VIEWER, {Role.VIEWER}),
        (Role.EDITOR, {Role.VIEWER, Role.EDITOR}),
        (Role.ADMIN, {Role.VIEWER, Role.EDITOR, Role.ADMIN}),
    ],
)
def test_it_lets_each_role_do_what_the_ones_below_may(role: Role, may: set[Role]) -> None:
    assert {needed for needed in Role if make_user(needed, role).can(needed)} == may
