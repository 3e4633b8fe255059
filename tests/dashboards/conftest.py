"""A seeded workspace and browsers of people with each role."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from cdpwatch.health import PROGRAMS
from cdpwatch.models import Delivery, DeliveryState, Heartbeat, Role, User, Workspace
from tests.factories import make_alert, make_workspace

PASSWORD = "correct horse battery"


def sign_in(role: Role, name: str = "") -> Client:
    """A browser in which somebody with `role` has signed in."""
    user, made = User.objects.get_or_create(username=name or role.value, defaults={"role": role})
    if made:
        user.set_password(PASSWORD)
        user.save()
    browser = Client()
    browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return browser


def make_message(workspace: Workspace, **fields: object) -> Delivery:
    """A message in the outbox about an alert of its own."""
    filled = {"event": "opened", "message": {}, "state": DeliveryState.FAILED, **fields}
    alert = make_alert(workspace)
    return Delivery.objects.create(alert=alert, channel=workspace.channels.get(), **filled)


def alive() -> None:
    """Every program has just given a sign of life."""
    for name in PROGRAMS:
        Heartbeat.objects.update_or_create(name=name, defaults={"at": datetime.now(UTC)})


def text(browser: Client, url: str, **query: str) -> str:
    """The page at `url`; it must open."""
    reply = browser.get(url, query)
    assert reply.status_code == 200, f"{url}: {reply.status_code}"
    return reply.content.decode()


@pytest.fixture
def workspace(db: None) -> Workspace:
    return make_workspace(datetime.now(UTC))


@pytest.fixture
def viewer(workspace: Workspace) -> Client:
    return sign_in(Role.VIEWER)


@pytest.fixture
def editor(workspace: Workspace) -> Client:
    return sign_in(Role.EDITOR)


@pytest.fixture
def admin(workspace: Workspace) -> Client:
    return sign_in(Role.ADMIN)
