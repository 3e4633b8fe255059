"""Every address: who may open it, that reading writes nothing, that no page shows a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse
from pytest_django import Settings

from cdpwatch import vault
from cdpwatch.models import (
    Alert,
    AlertEvent,
    Connection,
    CredentialKind,
    Delivery,
    RequestKind,
    Role,
    WorkRequest,
    Workspace,
)
from tests.dashboards.conftest import make_message, sign_in
from tests.dashboards.doors import (
    CLOSED,
    DOORS,
    OPEN,
    READABLE,
    make_addresses,
    matrix,
    patterns,
)
from tests.factories import make_connection

CANARY = "canary-3f9a1c77e2b04d55"
BIG_NUMBER = 9_000_000  # primary keys that belong to nothing


@pytest.fixture
def addresses(workspace: Workspace) -> dict[str, str]:
    """One address of each name that leads to something."""
    return make_addresses(workspace)


def test_it_has_an_entry_for_every_address() -> None:
    assert {str(pattern.name) for pattern in patterns(get_resolver())} == DOORS.keys()


def test_it_lists_who_may_do_what_in_the_docs() -> None:
    page = Path(settings.BASE_DIR, "docs/reference/security.md").read_text()
    section = page.partition("\n## Who may do what\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    rows = [[cell.strip().replace("`", "") for cell in line.split("|")[1:-1]] for line in lines]
    assert rows == matrix()


def test_it_sends_strangers_to_the_sign_in(addresses: dict[str, str]) -> None:
    for name in CLOSED:
        if DOORS[name].get:
            reply = Client().get(addresses[name])
            assert (reply.status_code, reply.url.split("?")[0]) == (302, reverse("login")), name


def test_it_takes_nothing_from_strangers(addresses: dict[str, str]) -> None:
    for name in CLOSED:
        reply = Client().post(addresses[name])
        assert reply.status_code == 302, name
        assert reply.url.startswith(reverse("login")), name


def test_it_answers_strangers_where_no_sign_in_is_needed(addresses: dict[str, str]) -> None:
    found = {name: Client().get(addresses[name]).status_code for name in OPEN}
    # setup is closed without its token, statusz is late without heartbeats.
    assert found == {"healthz": 200, "login": 200, "readyz": 200, "setup": 404, "statusz": 503}


@pytest.mark.parametrize("role", Role)
def test_it_lets_each_role_in_where_it_belongs(addresses: dict[str, str], role: Role) -> None:
    reader = sign_in(role, "reader")
    for name in CLOSED:
        door = DOORS[name]
        allowed = role.allows(Role(door.needs))
        expected = (200 if allowed else 403) if door.get else 405
        assert reader.get(addresses[name]).status_code == expected, name
        if door.post:  # its own browser: one of the doors is the way out
            status = sign_in(role, f"writer of {name}").post(addresses[name]).status_code
            assert status in ((200, 302) if allowed else (403,)), name


def writes(browser: Client, verb: str, address: str) -> list[str]:
    """The statements that change rows while `address` is asked for."""
    with CaptureQueriesContext(connection) as seen:
        getattr(browser, verb)(address)
    verbs = ("INSERT", "UPDATE", "DELETE", "REPLACE")
    return [query["sql"] for query in seen if query["sql"].upper().startswith(verbs)]


def test_it_writes_nothing_when_read(addresses: dict[str, str], admin: Client) -> None:
    for name in READABLE:
        assert writes(admin, "get", addresses[name]) == [], name


def test_it_writes_nothing_when_a_page_for_reading_is_posted_to(
    addresses: dict[str, str], admin: Client
) -> None:
    for name, door in DOORS.items():
        if not door.post:
            assert writes(admin, "post", addresses[name]) == [], name


def test_it_refuses_a_form_without_its_token(addresses: dict[str, str], admin: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin.cookies
    for name, door in DOORS.items():
        if door.post:
            assert strict.post(addresses[name]).status_code == 403, name


def test_it_answers_404_for_what_is_not_there(admin: Client) -> None:
    for name in ("alerts-one", "health-request", "connect-request", "user-password"):
        assert admin.get(reverse(name, args=[BIG_NUMBER])).status_code == 404, name
    for name in ("alerts-retry", "user"):
        assert admin.post(reverse(name, args=[BIG_NUMBER])).status_code == 404, name


def test_it_keeps_the_checks_of_admins_from_the_health_page(
    addresses: dict[str, str], viewer: Client
) -> None:
    check = WorkRequest.objects.get(kind=RequestKind.TEST_SLACK)
    assert viewer.get(reverse("health-request", args=[check.pk])).status_code == 404


def keep_canaries(workspace: Workspace) -> None:
    webhook = f"https://hooks.slack.com/services/{CANARY}/0000"
    token = CredentialKind.SEGMENT_TOKEN
    vault.keep(workspace, token, f"{CANARY}-0001", "ana")
    vault.keep(workspace, token, f"{CANARY}-0002", "ana", candidate=True)
    vault.keep(workspace, CredentialKind.SLACK_WEBHOOK, webhook, "ana")


@pytest.mark.parametrize("from_environment", [False, True])
def test_it_shows_a_secret_on_no_page(
    addresses: dict[str, str],
    workspace: Workspace,
    admin: Client,
    settings: object,
    from_environment: bool,
) -> None:
    keep_canaries(workspace)
    if from_environment:
        settings.SEGMENT_API_TOKEN = CANARY
        settings.SLACK_WEBHOOK_URL = f"https://hooks.slack.com/services/{CANARY}"
    for name in READABLE:
        assert CANARY not in admin.get(addresses[name]).content.decode(), name


def test_it_gives_a_refused_secret_back_to_nobody(workspace: Workspace, admin: Client) -> None:
    token = {"token": f"{CANARY} with spaces", "region": "us"}
    webhook = {"webhook": f"https://elsewhere.example/{CANARY}"}
    for name, sent in (("connect-token", token), ("connect-slack", webhook)):
        reply = admin.post(reverse(name), sent)
        assert reply.status_code == 200
        assert CANARY not in reply.content.decode()


def test_it_escapes_what_comes_from_segment(workspace: Workspace, admin: Client) -> None:
    evil = "<script>alert(1)</script>"
    make_connection(workspace, name=evil)
    message = make_message(workspace, error=evil)
    Alert.objects.update(title=evil, consequence=evil, facts=[[evil, evil]])
    AlertEvent.objects.create(alert=message.alert, kind=evil[:20], at=message.created_at, text=evil)
    Workspace.objects.update(name=evil)
    urls = [reverse("alerts"), reverse("alerts-one", args=[message.alert_id]), reverse("connect")]
    assert not [url for url in urls if "<script>alert" in admin.get(url).content.decode()]
    assert Connection.objects.count() == Delivery.objects.count() == 1


# --- caches -----------------------------------------------------------------------------------
@pytest.mark.parametrize("page", ["overview", "overview-data", "connect", "users"])
def test_it_lets_no_cache_keep_a_page(admin: Client, page: str) -> None:
    assert admin.get(reverse(page))["Cache-Control"] == "no-store"


def test_it_lets_caches_keep_static_files(settings: Settings) -> None:
    (Path(settings.STATIC_ROOT) / "probe.css").write_text("a { color: red }")
    reply = Client().get("/static/probe.css")
    assert b"".join(reply.streaming_content) == b"a { color: red }"
    assert "no-store" not in reply["Cache-Control"]
