"""Reads the rows of a contract as terms: as they are now, or as they were known at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from cdpwatch import budget
from cdpwatch.models import Amendment, Contract, ContractEntry, MonthClose, Workspace
from cdpwatch.models.budget import Priced


def contract_of(workspace: Workspace) -> Contract:
    """The contract that a workspace is charged to."""
    return Contract.objects.get(workspace=workspace)


def told(contract: Contract) -> dict[str, Any]:
    """What an entry keeps of a contract, and the log shows: plain JSON, money as text."""
    return {
        "name": contract.name,
        "allowance": contract.allowance,
        "period": contract.period,
        "cycle_day": contract.cycle_day,
        "starts_on": _iso(contract.starts_on),
        "ends_on": _iso(contract.ends_on),
        "currency": contract.currency,
        "price": _text(contract.price),
        "overage_price": _text(contract.overage_price),
        "overage_unit": contract.overage_unit,
        "carries_over": contract.carries_over,
        "carry_cap": contract.carry_cap,
        "purchase_order": contract.purchase_order,
        "cost_centre": contract.cost_centre,
        "confirmed_at": _iso(contract.confirmed_at),
    }


def _iso(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def terms_of(contract: Contract, at: datetime | None = None) -> budget.Terms:
    """The terms with every amendment that holds; with `at`, as they were known at that moment.

    Of moments before the first entry the oldest one is told: nothing older is known.
    """
    rows = (amendment_of(row) for row in contract.amendments.all() if _known(row, at))
    return _terms(_said(contract, at), tuple(rows))


def _known(row: Amendment, at: datetime | None) -> bool:
    if at is None:
        return row.withdrawn_at is None
    return row.entered_at <= at and (row.withdrawn_at is None or row.withdrawn_at > at)


def _said(contract: Contract, at: datetime | None) -> Mapping[str, Any]:
    """What the contract's row said at a moment."""
    entries: list[ContractEntry] = [] if at is None else list(contract.entries.all())
    if at is None or not any(entry.at > at for entry in entries):
        return told(contract)
    before = [entry for entry in entries if entry.at <= at]
    terms: Mapping[str, Any] = (before or entries[:1])[-1].terms
    return terms


def _terms(said: Mapping[str, Any], amendments: tuple[budget.Amendment, ...]) -> budget.Terms:
    carry = budget.CarryOver(said.get("carry_cap")) if said.get("carries_over") else None
    return budget.Terms(
        allowance=said["allowance"],
        kind=said["period"],
        cycle_day=said["cycle_day"],
        starts_on=date.fromisoformat(said["starts_on"]),
        confirmed=said["confirmed_at"] is not None,
        ends_on=date.fromisoformat(ends) if (ends := said.get("ends_on")) else None,
        rate=_rate(said),
        carry_over=carry,
        amendments=amendments,
    )


def _rate(said: Mapping[str, Any]) -> budget.Rate:
    price, overage = said.get("price"), said.get("overage_price")
    return budget.Rate(
        said.get("currency", "USD"),
        None if price is None else Decimal(price),
        None if overage is None else Decimal(overage),
        said.get("overage_unit", 1_000_000),
    )


def rate_of(row: Priced) -> budget.Rate:
    return budget.Rate(row.currency, row.price, row.overage_price, row.overage_unit)


def amendment_of(row: Amendment) -> budget.Amendment:
    return budget.Amendment(
        starts_on=row.starts_on,
        allowance=row.allowance,
        kind=row.period or None,
        cycle_day=row.cycle_day,
        ends_on=row.ends_on,
        rate=rate_of(row) if row.priced else None,
        whole=row.whole,
    )


def last_closed(contract: Contract) -> MonthClose | None:
    """The latest period that is closed, and not reopened."""
    return contract.closes.filter(reopened_at=None).first()
