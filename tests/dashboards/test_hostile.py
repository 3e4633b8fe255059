"""Requests that no page of ours makes: they are answered, and never with a 500."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse

from cdpwatch.models import Role, Workspace
from tests.dashboards.conftest import PASSWORD, sign_in
from tests.dashboards.doors import DOORS, READABLE, make_addresses

VALUES = [
    "%00",
    "%FF%FE",
    "-1",
    "9" * 40,
    "%E2%80%AE",
    "'%20OR%201=1--",
    "__class__",
    "2026-02-30",
    "a" * 4_000,
    quote("<script>alert(1)</script>"),
]
# Each that a page reads, and some that none does.
NAMES = ("q", "flow", "environment", "status", "naming", "state", "kind", "sort", "page", "from")
NAMES += ("to", "next", "token", "id", "pk", "__proto__", "as_of", "o", "add", "allowance")
# The rows of a what-if.
NAMES += ("c", "s-0-slice", "s-0-percent", "s-0-since", "l-0-name", "l-0-per_day", "l-0-since")
NAMES += ("s-TOTAL_FORMS", "s-INITIAL_FORMS", "l-TOTAL_FORMS", "l-INITIAL_FORMS", "name")
FIELDS = ("username", "email", "password", "password1", "password2", "old_password", "role")
FIELDS += ("new_password1", "new_password2", "token", "region", "webhook", "allowance", "poller")
FIELDS += ("cycle_day", "starts_on", "period", "wanted", "env-TOTAL_FORMS", "env-0-name", "active")
FIELDS += ("env-INITIAL_FORMS", "env-0-id", "env-0-spellings", "description", "owner", "notes")
FIELDS += ("field", "change", "pk", "id", "kind", "value")
FIELDS += ("note", "why", "seen", "gaps", "number", "first", "last", "calls", "amount", "lines")
FIELDS += ("name", "query", "day", "text", "last_day", "scale", "per_day", "source", "by", "values")
FIELDS += ("purchase_order", "cost_centre", "note", "why", "workspace", "currency", "carry_cap")
FIELDS += ("price", "overage_price", "overage_unit", "whole", "carries_over", "act", "seen")
EVIL = ["https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example"]
EVIL += ["javascript:alert(1)", "https:evil.example", "http:///evil.example", "\t//evil.example"]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value[:12])
def test_it_takes_any_parameter(workspace: Workspace, admin: Client, value: str) -> None:
    query = "&".join(f"{name}={value}" for name in NAMES)
    addresses = make_addresses(workspace)
    found = {name: admin.get(f"{addresses[name]}?{query}").status_code for name in READABLE}
    expected = (200, 302, 400, 404, 503)  # 503: /statusz, whose worker is late
    assert {name: status for name, status in found.items() if status not in expected} == {}


@pytest.mark.parametrize("pk", ["9" * 18, "9" * 40, "0"])
def test_it_takes_any_number_in_an_address(workspace: Workspace, admin: Client, pk: str) -> None:
    for name, address in make_addresses(workspace).items():
        other = re.sub(r"/\d+(?=/|\.json)", f"/{pk}", address)
        if other != address:
            ask = admin.get if DOORS[name].get else admin.post
            assert ask(other).status_code == 404, other


@pytest.mark.parametrize("path", ["/%00", "/%FF", "/catalog/apps/%00/", "/..%2f..%2fetc/passwd"])
def test_it_takes_any_path(viewer: Client, path: str) -> None:
    assert viewer.get(path).status_code == 404


@pytest.mark.parametrize("value", ["\0", "\u202e", "a" * 4_000, "-1", ""], ids=ascii)
def test_it_takes_any_form(workspace: Workspace, value: str) -> None:
    addresses = make_addresses(workspace)
    for name, door in DOORS.items():
        if door.post:  # its own browser: one of the doors is the way out
            writer = sign_in(Role.ADMIN, f"writer of {name}")
            reply = writer.post(addresses[name], dict.fromkeys(FIELDS, value))
            assert reply.status_code < 500, name


@pytest.mark.parametrize("target", EVIL)
def test_it_sends_nobody_to_another_site(workspace: Workspace, target: str) -> None:
    sign_in(Role.VIEWER)
    reply = Client().post(
        f"{reverse('login')}?next={quote(target)}",
        {"username": "viewer", "password": PASSWORD, "next": target},
    )
    assert (reply.status_code, reply.url) == (302, reverse("overview"))


def test_it_answers_only_to_its_own_name(viewer: Client) -> None:
    reply = viewer.get("/", headers={"host": "evil.example"})
    assert reply.status_code == 400
    assert b"evil.example" not in reply.content
    forwarded = viewer.get("/", headers={"x-forwarded-host": "evil.example"})
    assert b"evil.example" not in forwarded.content


@pytest.mark.parametrize("verb", ["put", "patch", "delete"])
def test_it_knows_no_other_verb(workspace: Workspace, admin: Client, verb: str) -> None:
    addresses = make_addresses(workspace)
    addresses.pop("login")  # sends who is signed in on to the overview
    found = {name: getattr(admin, verb)(address).status_code for name, address in addresses.items()}
    assert {name: status for name, status in found.items() if status != 405} == {}
