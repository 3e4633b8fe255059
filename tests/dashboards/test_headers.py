"""What every answer carries, whatever the address, the visitor and the status."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from cdpwatch.models import Role, Workspace
from tests.dashboards.conftest import PASSWORD, sign_in
from tests.dashboards.doors import DOORS, READABLE, make_addresses

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
CSP = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
)


def faults(reply: HttpResponse) -> list[str]:
    """What is wrong with the headers of an answer."""
    policy = reply.headers.get("Content-Security-Policy", "")
    wrong = [name for name, value in HEADERS.items() if reply.headers.get(name) != value]
    wrong += [part for part in CSP if part not in policy.split("; ")]
    wrong += [word for word in ("unsafe", "*", "http:", "https:") if word in policy]
    if "no-store" not in reply.headers.get("Cache-Control", ""):
        wrong.append("Cache-Control")
    if "camera=()" not in reply.headers.get("Permissions-Policy", ""):
        wrong.append("Permissions-Policy")
    return wrong


@pytest.mark.parametrize("role", [Role.ADMIN, Role.VIEWER, None])
def test_it_guards_every_address(workspace: Workspace, role: Role | None) -> None:
    browser = sign_in(role) if role else Client()
    found = {}
    for name, address in make_addresses(workspace).items():
        found[name] = faults(browser.get(address))
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"path": "/no/such"}, 404),
        ({"path": "/", "headers": {"host": "evil.example"}}, 400),
        ({"path": "/export/secrets.csv"}, 404),
        ({"path": "/export/usage.csv?to=never"}, 400),
    ],
)
def test_it_guards_errors_too(viewer: Client, sent: dict[str, object], status: int) -> None:
    reply = viewer.get(**sent)
    assert (reply.status_code, faults(reply)) == (status, [])


def test_it_guards_refusals_too(workspace: Workspace, viewer: Client) -> None:
    refused = viewer.get(reverse("connect"))
    assert (refused.status_code, faults(refused)) == (403, [])
    strict = Client(enforce_csrf_checks=True)
    unasked = strict.post(reverse("login"), {"username": "a", "password": "b"})
    assert (unasked.status_code, faults(unasked)) == (403, [])


def is_html(reply: HttpResponse) -> bool:
    return reply.headers.get("Content-Type", "").startswith("text/html")


def test_it_has_no_inline_script_or_style_anywhere(workspace: Workspace, admin: Client) -> None:
    """The policy would refuse them in a browser; this names the page."""
    inline = re.compile(r"<style|\sstyle=|\son\w+=|<script(?![^>]*(\ssrc=|application/json))", re.I)
    addresses = make_addresses(workspace)
    pages = {name: admin.get(addresses[name]) for name in READABLE}
    html = {
        n: r for n, r in pages.items() if r.headers.get("Content-Type", "").startswith("text/html")
    }
    assert len(html) > 10
    assert [name for name, reply in html.items() if inline.search(reply.content.decode())] == []


def test_it_says_what_a_file_is(workspace: Workspace, viewer: Client) -> None:
    """A browser that guesses could run what a source is called."""
    workspace_files = {
        name: viewer.get(address).headers["Content-Type"]
        for name, address in make_addresses(workspace).items()
        if DOORS[name].get and not DOORS[name].page and DOORS[name].needs == Role.VIEWER
    }
    assert {kind.split(";")[0] for kind in workspace_files.values()} == {
        "application/json",
        "text/csv",
    }


def test_it_keeps_cookies_from_scripts_and_other_sites(workspace: Workspace) -> None:
    sign_in(Role.VIEWER)
    browser = Client()
    asked = browser.get(reverse("login"))
    signed_in = browser.post(reverse("login"), {"username": "viewer", "password": PASSWORD})
    cookies = {**asked.cookies, **signed_in.cookies}
    assert cookies.keys() == {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME}
    for cookie in cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["domain"]) == (True, "Lax", "")
    assert cookies[settings.SESSION_COOKIE_NAME]["max-age"] == 12 * 3600


PRODUCTION = """
import django; django.setup()
from django.conf import settings
from django.core.management import call_command
call_command("check", deploy=True, fail_level="WARNING")
print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
"""


def test_it_has_nothing_to_warn_of_behind_tls(tmp_path: Path) -> None:
    behind_tls = {
        **os.environ,
        "CDPWATCH_DATA_DIR": str(tmp_path),
        "CDPWATCH_HOSTS": "cdpwatch.example",
        "CDPWATCH_HTTPS": "1",
        "DJANGO_SETTINGS_MODULE": "cdpwatch.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", PRODUCTION],
        env=behind_tls,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    session, csrf = done.stdout.split()[-2:]
    assert session.startswith("__Host-cdpwatch-")
    assert csrf == "__Host-csrftoken"
