"""The renewal page: what was used against what was bought, and what other terms would cost.

The offers are the address, so a comparison can be sent to somebody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from cdpwatch import books, budget, contracts, wording
from cdpwatch.budget import renewal as looking_back
from cdpwatch.budget.offers import BadOffer, Offer, from_query, to_query
from cdpwatch.models import Workspace
from dashboards import renewals
from dashboards.context import visit
from dashboards.renewals import OfferForm
from dashboards.views.months import as_file

ADD = "add"  # the button of the form


@dataclass(frozen=True)
class Found:
    """What the page and its files are made of."""

    terms: budget.Terms
    told: looking_back.Renewal
    now: Offer  # the contract's own terms

    @property
    def currency(self) -> str:
        return self.now.rate.currency

    def costs(self, offers: tuple[Offer, ...]) -> list[looking_back.OfferCost]:
        """Of the contract's own terms first."""
        return [looking_back.cost_under(offer, self.told.months) for offer in (self.now, *offers)]


def find(workspace: Workspace, now: datetime) -> Found:
    contract, today = contracts.contract_of(workspace), now.date()
    terms = contracts.terms_of(contract)
    held = looking_back.present(terms, today)
    past = books.past_months(contract, terms, today)
    return Found(terms, looking_back.renewal(past, held.allowance // held.months), held)


@require_safe
def renewal(request: HttpRequest) -> HttpResponse:
    seen = visit(request)
    found = find(seen.workspace, seen.now)
    refused, offers = asked(request, found.currency)
    form = OfferForm(request.GET) if ADD in request.GET else OfferForm()
    if form.is_bound and form.is_valid() and not refused:
        try:
            more = from_query(to_query([*offers, form.offer(found.currency)]), found.currency)
            return redirect(renewals.address(more))
        except BadOffer as error:
            form.add_error(None, str(error))
    told = {**page(found, offers), "form": form, "refused": refused, "now": seen.now}
    return render(request, "budget/renewal.html", told, status=400 if refused else 200)


def asked(request: HttpRequest, currency: str) -> tuple[str, tuple[Offer, ...]]:
    """What is wrong with the address, else its offers."""
    try:
        return "", from_query(urlsplit(request.get_full_path()).query, currency)
    except BadOffer as error:
        return str(error), ()


def page(found: Found, offers: tuple[Offer, ...]) -> dict[str, object]:
    told, costs = found.told, found.costs(offers)
    chart = renewals.charts(told) if told.known else {}
    return {
        "told": told,
        "headline": renewals.headline(told),
        "span": renewals.span(told),
        "last": told.known[-1].use.period.last_day if told.known else None,
        "remarks": list(renewals.remarks(told)),
        "growth": renewals.growth(told),
        "chart": {name: mark_safe(svg) for name, svg in chart.items()},  # noqa: S308 escaped there
        "assumption": budget.unconfirmed(found.terms),
        "offers": renewals.offer_rows(costs),
        "priced": found.now.rate.price is not None,
        "cells": renewals.cells(offers),
        "link": renewals.address(offers),
        "query": to_query(offers),
        "currency": found.currency,
        "p90": wording.short(told.p90),
    }


@require_safe
def renewal_file(request: HttpRequest, table: str, form: str) -> HttpResponse:
    """The months, or the offers of the address beside the contract's own terms."""
    seen = visit(request)
    found = find(seen.workspace, seen.now)
    refused, offers = asked(request, found.currency)
    if refused:
        return HttpResponse(refused, status=400, content_type="text/plain; charset=utf-8")
    made = renewals.tables(found.told, found.costs(offers))
    if table not in made:
        raise Http404("There is no such table.")
    return as_file([made[table]], f"renewal-{table}", form, seen.now.date())
