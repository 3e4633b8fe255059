"""The turnstile of the sign-in: one at a time, a few wait, the rest are told to come back."""

from __future__ import annotations

import threading

import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.urls import reverse

from cdpwatch.models import User, Workspace
from dashboards.turnstile import Turnstile
from dashboards.views import people
from tests.dashboards.conftest import PASSWORD

LOGIN = reverse("login")


def test_it_lets_one_in_at_a_time() -> None:
    turnstile = Turnstile(waiting=1, seconds=0)
    with turnstile.turn() as first, turnstile.turn() as second:
        assert (first, second) == (True, False)
    with turnstile.turn() as next_one:
        assert next_one


def test_it_sends_away_whom_it_has_no_place_for_at_once() -> None:
    turnstile = Turnstile(waiting=0, seconds=3600)
    with turnstile.turn(), turnstile.turn() as second:
        assert not second


def test_it_lets_in_who_waits_once_the_one_inside_has_left() -> None:
    turnstile, came_in = Turnstile(waiting=1, seconds=3600), []

    def wait() -> None:
        with turnstile.turn() as mine:
            came_in.append(mine)

    waits = threading.Thread(target=wait)
    with turnstile.turn():
        waits.start()
    waits.join()
    assert came_in == [True]


def test_it_is_free_again_after_an_error_inside() -> None:
    turnstile = Turnstile(waiting=0, seconds=0)
    with pytest.raises(ValueError, match="inside"), turnstile.turn():
        raise ValueError("inside")
    with turnstile.turn() as mine:
        assert mine


def test_it_looks_at_no_password_while_sign_in_is_busy(
    client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "PASSWORD_CHECKS", Turnstile(waiting=0, seconds=0))
    User.objects.create_user("bruno", password=PASSWORD)
    sent = {"username": "bruno", "password": PASSWORD}
    with people.PASSWORD_CHECKS.turn():
        reply = client.post(LOGIN, {**sent, "password": "wrong"})
    assert (reply.status_code, reply["Retry-After"]) == (503, "2")
    assert "try again in a moment" in reply.content.decode()
    assert not AccessAttempt.objects.exists()
    assert client.post(LOGIN, sent).status_code == 302
