"""The vendors on the Connect page: what connects them, keys in and out, never shown again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from pytest_django import Settings

from cdpwatch import vault
from cdpwatch.counters import COUNTERS
from cdpwatch.counters.vendors import vendors
from cdpwatch.models import (
    AuditLog,
    Credential,
    PollerState,
    RequestKind,
    RequestState,
    WorkRequest,
    Workspace,
)
from dashboards.vendor_cards import LEAST
from tests.dashboards.conftest import text
from tests.factories import NOW

PAGE = reverse("connect")
AMPLITUDE = vendors(COUNTERS.values())["amplitude"]
KEYS = {"AMPLITUDE_API_KEY": "amp-key-1111", "AMPLITUDE_SECRET_KEY": "amp-secret-2222"}


def paste(admin: Client, sent: dict[str, str] | None = None) -> str:
    address = reverse("connect-vendor", args=["amplitude"])
    return admin.post(address, KEYS if sent is None else sent, follow=True).content.decode()


def answer(state: RequestState = RequestState.DONE, **result: object) -> None:
    WorkRequest.objects.filter(kind=RequestKind.CHECK_KEYS).update(
        state=state, result=result, finished_at=datetime.now(UTC)
    )


@pytest.mark.parametrize("vendor", vendors(COUNTERS.values()).values(), ids=lambda v: v.key)
def test_it_names_each_vendor_and_the_lines_that_connect_it(admin: Client, vendor) -> None:
    page = text(admin, PAGE)
    assert vendor.name in page
    for key in vendor.keys:
        assert key.optional or f"{key.variable}=…" in page
    assert escape(LEAST[vendor.key]) in page


def test_it_says_how_much_bigquery_may_still_read(admin: Client, settings: Settings) -> None:
    assert "Queries of this month" not in text(admin, PAGE)
    settings.VENDOR_VARIABLES = {"BIGQUERY_PROJECT": "our-project"}
    assert "Queries of this month: " in text(admin, PAGE)


def test_it_names_the_least_of_every_vendor_and_of_no_other() -> None:
    assert LEAST.keys() == vendors(COUNTERS.values()).keys()


def test_it_shows_the_key_file_that_may_be_missing(admin: Client) -> None:
    page = text(admin, PAGE)
    line = "BIGQUERY_CREDENTIALS_FILE=…  # unless Google's own login is there"
    assert page.count(escape(line)) == 1
    assert "HELPSCOUT_REFRESH_TOKEN=…" not in page


def test_it_asks_for_no_line_of_what_is_connected(admin: Client, settings: Settings) -> None:
    settings.VENDOR_VARIABLES = {"BIGQUERY_PROJECT": "ours"}
    page = text(admin, PAGE)
    assert "BIGQUERY_CREDENTIALS_FILE=…" not in page


def test_it_says_where_the_demo_has_its_keys(admin: Client, settings: Settings) -> None:
    assert "The demo's own keys" not in text(admin, PAGE)
    settings.DEMO, settings.DEMO_URL = True, "http://127.0.0.1:8001"
    assert '<a href="http://127.0.0.1:8001/vendors">' in text(admin, PAGE)


def test_it_keeps_pasted_keys_apart_until_the_vendor_took_them(
    workspace: Workspace, admin: Client
) -> None:
    page = paste(admin)
    assert vault.keys_of(workspace, AMPLITUDE.counters[0]) == {}
    check = WorkRequest.objects.get()
    assert (check.kind, check.subject) == (RequestKind.CHECK_KEYS, "amplitude")
    assert "Keys checked by " in page and "asking Amplitude" in page
    assert f'data-poll-url="{reverse("connect-request", args=[check.pk])}"' in page
    assert AuditLog.objects.get().after == {"keys": sorted(KEYS)}


def test_it_never_shows_a_key_again(workspace: Workspace, admin: Client) -> None:
    pages = paste(admin)
    vault.promote_keys(workspace, AMPLITUDE)
    answer(said="Project “Ours”.")
    pages += text(admin, PAGE)
    assert "ending in <code>1111</code>" in pages and "Project “Ours”." in pages
    assert not any(secret in pages for secret in KEYS.values())


def test_it_says_why_keys_were_not_kept(admin: Client) -> None:
    paste(admin)
    answer(RequestState.FAILED, said="GET /api/2 was refused (401).")
    page = text(admin, PAGE)
    assert "GET /api/2 was refused (401). They were not kept." in page
    assert '<details id="vendor-amplitude" open' in page


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "This field is required."),
        ({**KEYS, "AMPLITUDE_API_KEY": "schlüssel"}, "characters that no key has"),
        ({**KEYS, "AMPLITUDE_API_KEY": "a" * 9000}, "at most 8000 characters"),
    ],
)
def test_it_refuses_what_cannot_be_a_key(admin: Client, sent: dict[str, str], said: str) -> None:
    page = paste(admin, sent)
    assert said in page and "amp-secret-2222" not in page
    assert not Credential.objects.exists()


def test_it_asks_for_nothing_that_the_environment_has(admin: Client, settings: Settings) -> None:
    settings.VENDOR_VARIABLES = dict(KEYS)
    page = text(admin, PAGE)
    assert "from the environment (<code>AMPLITUDE_API_KEY</code>)" in page
    assert 'name="AMPLITUDE_API_KEY"' not in page


def test_it_forgets_the_keys_of_a_vendor_that_is_disconnected(
    workspace: Workspace, admin: Client
) -> None:
    paste(admin)
    vault.promote_keys(workspace, AMPLITUDE)
    PollerState.objects.create(workspace=workspace, poller="amplitude", last_run=NOW)
    assert "Disconnect Amplitude" in text(admin, PAGE)
    admin.post(reverse("connect-vendor-forget", args=["amplitude"]))
    assert not Credential.objects.exists() and not PollerState.objects.exists()
    assert "Disconnect Amplitude" not in text(admin, PAGE)


def test_it_knows_no_other_vendor(admin: Client) -> None:
    assert admin.post(reverse("connect-vendor", args=["nobody"])).status_code == 404
