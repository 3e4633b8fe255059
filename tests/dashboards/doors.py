"""Every address of cdpwatch: who may use it, and how. Tests that walk all pages start here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from cdpwatch import budget, contracts
from cdpwatch.models import (
    AlertEvent,
    Amendment,
    Function,
    Invoice,
    Projection,
    RequestKind,
    Role,
    User,
    WorkRequest,
    Workspace,
)
from tests.dashboards.conftest import make_message
from tests.factories import make_connection

ANYBODY, VIEWER, EDITOR, ADMIN = "anybody", Role.VIEWER, Role.EDITOR, Role.ADMIN


class Door(NamedTuple):
    """Who may use an address, and how. `page` is one that people look at, not a file or JSON."""

    needs: str
    get: bool = True
    post: bool = False
    page: bool = True


READ, WRITE = Door(VIEWER), Door(ADMIN, get=False, post=True)
FILE, MACHINE = Door(VIEWER, page=False), Door(ANYBODY, page=False)
# A new address without a line here fails test_it_has_an_entry_for_every_address.
DOORS = {
    "overview": READ,
    "overview-data": FILE,
    "overview-burn": FILE,
    "catalog": READ,
    "catalog-app": READ,
    "catalog-function": READ,
    "catalog-connection": READ,
    "catalog-connection-names": FILE,
    "catalog-naming": READ,
    "catalog-csv": FILE,
    "catalog-edit": Door(EDITOR, post=True),
    "catalog-undo": Door(EDITOR, get=False, post=True),
    "budget": READ,
    "budget-whatif": READ,
    "budget-whatif-keep": Door(EDITOR, get=False, post=True),
    "budget-contract": READ,
    "budget-contract-terms": Door(ADMIN, post=True),
    "budget-contract-amend": Door(ADMIN, post=True),
    "budget-contract-withdraw": Door(ADMIN, post=True),
    "budget-contract-cover": Door(ADMIN, post=True),
    "budget-contract-release": Door(ADMIN, post=True),
    "budget-contract-sub-budget": Door(EDITOR, post=True),
    "budget-contract-event": Door(EDITOR, post=True),
    "budget-contract-note": Door(EDITOR, post=True),
    "budget-contract-end": Door(EDITOR, get=False, post=True),
    "budget-contract-again": Door(EDITOR, get=False, post=True),
    "budget-months": READ,
    "budget-months-file": FILE,
    "budget-month": READ,
    "budget-month-print": READ,
    "budget-month-file": FILE,
    "budget-month-close": Door(EDITOR, get=False, post=True),
    "budget-month-reopen": Door(EDITOR, get=False, post=True),
    "budget-invoice": Door(EDITOR, get=False, post=True),
    "budget-invoice-replace": Door(EDITOR, post=True),
    "budget-renewal": READ,
    "budget-renewal-file": FILE,
    "budget-backtest": READ,
    "budget-backtest-file": FILE,
    "budget-backtest-one": READ,
    "reconcile": READ,
    "reconcile-coverage": READ,
    "export": FILE,
    "alerts": READ,
    "alerts-one": READ,
    "alerts-retry": Door(EDITOR, get=False, post=True),
    "alerts-policy": READ,
    "alerts-policy-pages": Door(EDITOR, post=True),
    "health": READ,
    "health-poll": Door(EDITOR, get=False, post=True),
    "health-request": FILE,
    "healthz": MACHINE,
    "readyz": MACHINE,
    "statusz": MACHINE,
    "connect": Door(ADMIN),
    "connect-token": WRITE,
    "connect-token-use": WRITE,
    "connect-token-discard": WRITE,
    "connect-region": WRITE,
    "connect-contract": WRITE,
    "connect-country": WRITE,
    "connect-slack": WRITE,
    "connect-slack-test": WRITE,
    "connect-environments": WRITE,
    "connect-vendor": WRITE,
    "connect-vendor-forget": WRITE,
    "connect-request": Door(ADMIN, page=False),
    "login": Door(ANYBODY, post=True),
    "logout": Door(VIEWER, get=False, post=True),
    "setup": Door(ANYBODY, post=True),
    "password": Door(VIEWER, post=True),
    "users": Door(ADMIN, post=True),
    "user": WRITE,
    "user-password": Door(ADMIN, post=True),
}
READABLE = sorted(name for name, door in DOORS.items() if door.get)
PAGES = sorted(name for name, door in DOORS.items() if door.get and door.page)
OPEN = sorted(name for name, door in DOORS.items() if door.needs == ANYBODY)
CLOSED = sorted(name for name, door in DOORS.items() if door.needs != ANYBODY)


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for entry in resolver.url_patterns:
        yield from patterns(entry) if isinstance(entry, URLResolver) else [entry]


def matrix() -> list[list[str]]:
    """(address, who may read it, who may send to it) of every address, as the docs list them."""
    rows = []
    for pattern in patterns(get_resolver()):
        door = DOORS[str(pattern.name)]
        role = "anybody" if door.needs == ANYBODY else Role(door.needs).label
        address = re.sub(r"<\w+:(\w+)>", lambda part: part[1].upper(), f"/{pattern.pattern}")
        rows.append([address, role if door.get else "", role if door.post else ""])
    return rows


def make_amendment(workspace: Workspace) -> Amendment:
    """One so far ahead that no page is changed by it."""
    day, now = date(2090, 1, 1), datetime.now(UTC)
    rows = workspace.contract.amendments
    return rows.create(starts_on=day, allowance=1, entered_by="a", entered_at=now)


def make_projection(workspace: Workspace) -> Projection:
    """One of a period so long ago that no page is changed by it."""
    day = date(2001, 1, 1)
    span = {"as_of": day, "period_start": day, "period_end": date(2001, 2, 1)}
    return workspace.contract.projections.create(**span, used=0, verdict="learning", method="x")


MONTH_DOORS = ["budget-month", "budget-month-print", "budget-month-close", "budget-month-reopen"]
MONTH_DOORS += ["budget-invoice"]


def month_of_now(workspace: Workspace) -> budget.Period:
    terms = contracts.terms_of(contracts.contract_of(workspace))
    return budget.period_at(terms, datetime.now(UTC).date())


def make_invoice(workspace: Workspace) -> Invoice:
    span = month_of_now(workspace)
    rows = workspace.contract.invoices
    dates = {"period_start": span.start, "period_end": span.end, "entered_at": datetime.now(UTC)}
    return rows.create(number="INV-0", calls=1, entered_by="a", **dates)


def make_covered(workspace: Workspace) -> Workspace:
    """Another workspace under the same contract."""
    return Workspace.objects.create(segment_id="other", name="Other", contract=workspace.contract)


def make_addresses(workspace: Workspace) -> dict[str, str]:
    """One address of each name, with the row that it leads to."""
    source = make_connection(workspace, app=workspace.apps.get(slug="application"))
    message = make_message(workspace)
    AlertEvent.objects.create(alert=message.alert, kind="opened", at=message.created_at, text="x")
    poll = WorkRequest.objects.create(workspace=workspace, kind=RequestKind.POLL, asked_by="a")
    check = WorkRequest.objects.create(
        workspace=workspace, kind=RequestKind.TEST_SLACK, asked_by="a"
    )
    other = User.objects.create(username="somebody", role=VIEWER)
    note = workspace.contract.day_notes.create(
        day=date(2026, 1, 1), text="x", by="a", at=message.created_at
    )
    month = month_of_now(workspace).start
    parts = {
        "catalog-app": {"slug": source.app.slug},
        "catalog-function": {"pk": Function.objects.get().pk},
        "catalog-connection": {"pk": source.pk},
        "catalog-connection-names": {"pk": source.pk},
        "catalog-edit": {"kind": "connections", "pk": source.pk},
        "budget-contract-withdraw": {"pk": make_amendment(workspace).pk},
        "budget-contract-release": {"pk": make_covered(workspace).pk},
        "budget-contract-end": {"kind": "notes", "pk": note.pk},
        "budget-contract-again": {"kind": "notes", "pk": note.pk},
        "budget-renewal-file": {"table": "months", "form": "csv"},
        "budget-backtest-one": {"pk": make_projection(workspace).pk},
        "budget-months-file": {"form": "csv"},
        **dict.fromkeys(MONTH_DOORS, {"day": month}),
        "budget-month-file": {"day": month, "table": "days", "form": "csv"},
        "budget-invoice-replace": {"pk": make_invoice(workspace).pk},
        "export": {"name": "usage", "form": "csv"},
        "alerts-one": {"pk": message.alert_id},
        "alerts-retry": {"pk": message.pk},
        "health-request": {"pk": poll.pk},
        "connect-vendor": {"vendor": "amplitude"},
        "connect-vendor-forget": {"vendor": "amplitude"},
        "connect-request": {"pk": check.pk},
        "user": {"pk": other.pk},
        "user-password": {"pk": other.pk},
    }
    return {name: reverse(name, kwargs=parts.get(name)) for name in DOORS}


def pages_of(role: Role | None) -> list[str]:
    """Names of the pages that somebody with `role` may look at; None: a stranger, signing in."""
    if role is None:
        return [name for name in PAGES if name in OPEN]
    return [name for name in PAGES if name in CLOSED and role.allows(Role(DOORS[name].needs))]
