"""Enters, amends and withdraws terms. A change never rewrites a closed month."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from cdpwatch import budget, wording
from cdpwatch.models import Amendment, AuditLog, Contract, Workspace

from . import checks
from .reading import amendment_of, last_closed, terms_of, told


class Refused(Exception):
    """Nothing was written; the text says why."""


def locked(contract: Contract) -> Contract:
    """The contract as it is stored, for one writer at a time; SQLite's IMMEDIATE does it alone."""
    return Contract.objects.select_for_update().get(pk=contract.pk)


def refuse(problems: Iterable[str]) -> None:
    """Raises Refused with everything that is wrong at once."""
    if said := list(problems):
        raise Refused(" ".join(said))


def log(by: str, action: str, subject: object, before: object = None, after: object = None) -> None:
    """Append to the log of acts, as people.note does for one who is signed in."""
    AuditLog.objects.create(
        actor=by,
        action=action,
        subject=wording.one_line(str(subject))[:200],
        before=before or {},
        after=after or {},
    )


@transaction.atomic
def enter(contract: Contract, by: str, now: datetime, action: str = "contract entered") -> Contract:
    """Keep the terms that `contract` was given, as an entry of who gave them and when.

    Raises Refused. Closed months keep the numbers that they were closed with.
    """
    before = told(locked(contract))
    refuse(checks.of_contract(contract))
    contract.entered_by, contract.entered_at = by, now
    contract.save()
    contract.entries.create(at=now, by=by, terms=told(contract))
    log(by, action, contract, before, told(contract))
    return contract


def amended_terms(contract: Contract, **fields: Any) -> budget.Terms:
    """The terms as they would be with one more amendment, of the fields of `amend`.

    For showing what it would do before it is done. Raises Refused as `amend` would.
    """
    row = Amendment(contract=contract, **fields)
    terms = terms_of(contract)
    _check(row, terms)
    added = sorted((*terms.amendments, amendment_of(row)), key=lambda one: one.starts_on)
    return replace(terms, amendments=tuple(added))


@transaction.atomic
def amend(contract: Contract, starts_on: date, by: str, now: datetime, **fields: Any) -> Amendment:
    """Change the terms from a day on; `fields` are those of an Amendment. Raises Refused.

    Within a period the allowance is shared by days, or holds for all of it with `whole`.
    """
    held = locked(contract)
    row = Amendment(contract=held, starts_on=starts_on, entered_by=by, entered_at=now, **fields)
    _check(row, terms_of(held))
    row.save()
    log(by, "contract amended", held, after={"starts_on": starts_on.isoformat(), **_plain(fields)})
    return row


def _check(row: Amendment, terms: budget.Terms) -> None:
    closed = last_closed(row.contract)
    refuse(checks.of_amendment(row, terms, closed.period_end if closed else None))


@transaction.atomic
def withdraw(amendment: Amendment, by: str, now: datetime, why: str) -> None:
    """Take an amendment back; its row stays. Raises Refused, above all for closed months."""
    held = locked(amendment.contract)
    closed = last_closed(held)
    if not why.strip():
        raise Refused("Say why the amendment is withdrawn.")
    if closed and closed.period_end > amendment.starts_on:
        raise Refused(f"{closed} has ended with this amendment: reopen it first.")
    rows = Amendment.objects.filter(pk=amendment.pk, withdrawn_at=None)
    if not rows.update(withdrawn_by=by, withdrawn_at=now, withdrawn_why=why.strip()[:300]):
        raise Refused("This amendment was withdrawn already.")
    log(by, "amendment withdrawn", f"{held} {amendment}", after={"why": why.strip()[:300]})


def coverable(contract: Contract) -> QuerySet[Workspace]:
    """Workspaces that can be charged to `contract` too: without one, or under one that is assumed.

    Terms that nobody has entered hold nobody.
    """
    assumed = Q(contract=None) | Q(contract__confirmed_at=None, contract__entered_by="")
    return Workspace.objects.filter(assumed).exclude(contract=contract).order_by("name", "pk")


@transaction.atomic
def cover(contract: Contract, workspace: Workspace, by: str) -> None:
    """Charge a workspace to `contract` too. Raises Refused where another one holds."""
    held = locked(contract)
    if not coverable(held).filter(pk=workspace.pk).update(contract=held):
        raise Refused(f"{workspace} is under a contract already: two of them would overlap.")
    workspace.contract = held
    log(by, "workspace under contract", workspace, after={"contract": str(held)})


@transaction.atomic
def release(contract: Contract, workspace: Workspace, by: str, now: datetime) -> None:
    """Take a workspace off `contract`: from now on none of its days count there, past ones too.

    It goes on under a copy of the terms, assumed until they are confirmed. Raises Refused for the
    last workspace, and where the calls of a closed period would no longer be the contract's.
    """
    held, closed = locked(contract), last_closed(contract)
    if closed:
        last = closed.period_end - timedelta(days=1)
        raise Refused(
            f"Its calls are in the periods closed up to {wording.day(last)} {last.year}, and "
            "would no longer be the contract’s: reopen them first."
        )
    if not held.workspaces.exclude(pk=workspace.pk).exists():
        raise Refused(f"{workspace} is the only workspace under the contract.")
    own = _copied(held, now)
    if not Workspace.objects.filter(pk=workspace.pk, contract=held).update(contract=own):
        raise Refused(f"{workspace} is not under this contract.")
    workspace.contract = own
    log(by, "workspace off contract", workspace, {"contract": str(held)}, {"contract": str(own)})


def _copied(contract: Contract, now: datetime) -> Contract:
    """The terms again, as nobody's word: a workspace without a contract could not be judged."""
    own = Contract.objects.get(pk=contract.pk)
    own.pk, own.confirmed_by, own.confirmed_at = None, "", None
    own.entered_by, own.entered_at = "", None
    own._state.adding = True
    own.save()
    own.entries.create(at=now, terms=told(own))
    return own


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a row as JSON."""
    return {
        name: str(value) if isinstance(value, date | Decimal) else value
        for name, value in fields.items()
    }
