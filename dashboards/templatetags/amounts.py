"""How templates write money: {{ amount|money:rate.currency }}."""

from __future__ import annotations

from decimal import Decimal

from django import template

from dashboards import contract

register = template.Library()


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    """4 000.00 USD; what nobody entered says so."""
    return contract.money(amount, currency)
