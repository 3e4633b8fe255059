"""The renewal as its page tells it: sentences, the months, offers side by side, the form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import parse_qsl

from django import forms
from django.urls import reverse

from cdpwatch import wording
from cdpwatch.budget import Rate
from cdpwatch.budget.money import UNITS
from cdpwatch.budget.offers import (
    DIGITS,
    MOST_CALLS,
    MOST_MONEY,
    Offer,
    checked,
    to_query,
)
from cdpwatch.budget.periods import MONTHS as KINDS
from cdpwatch.budget.renewal import (
    FEWEST,
    MONTHS,
    Month,
    OfferCost,
    Renewal,
    cheapest,
)
from cdpwatch.sheets import Cell, Table
from dashboards.charts import MonthBar, commitment_svg
from dashboards.contract import money
from dashboards.templatetags.figures import signed

OFFERED = ("month", "year")


# --- sentences --------------------------------------------------------------------------------
def headline(told: Renewal) -> str:
    """What the months came to against what was bought."""
    if not told.known:
        return "No whole month is known yet, so there is nothing to renew by."
    of = f"{wording.short(told.used)} of {wording.short(told.committed)}"
    over = f"{wording.short(abs(told.over))} {'over' if told.over > 0 else 'under'}"
    return f"{span(told)} used {of}: {over}."


def span(told: Renewal) -> str:
    """The last 12 months, 10 of the last 12 months, the 4 months there are"""
    known, listed = len(told.known), len(told.months)
    if known < listed:
        return f"{known} of the last {listed} months"
    if listed < MONTHS:
        return f"The {wording.plural(listed, 'whole month')} there {'is' if listed == 1 else 'are'}"
    return f"The last {listed} months"


def remarks(told: Renewal) -> Iterator[str]:
    """What the reader has to know of the months before believing a sum of them."""
    known, listed = len(told.known), len(told.months)
    if 0 < listed < MONTHS:
        months = wording.plural(listed, "whole month")
        yield f"{months} of {MONTHS} {'is' if listed == 1 else 'are'} there; a year tells more."
    if outside := sum(not month.own for month in told.known):
        lie = "lies" if outside == 1 else "lie"
        which = "All of them" if outside == known else f"{outside} of these months"
        yield f"{which} {lie} outside the contract's term, so today's allowance is the yardstick."
    if gaps := [month for month in told.months if month.use.unknown_days]:
        named = ", ".join(f"{m.use.period.dated_title} ({_unknown(m)})" for m in gaps)
        yield f"Left out of every figure, for nobody has counted all of it: {named}."


def _unknown(month: Month) -> str:
    return f"{wording.plural(month.use.unknown_days, 'day')} unknown"


def growth(told: Renewal) -> tuple[str, str]:
    """The growth a month, and its interval or why there is none."""
    found = told.growth
    if found is None:
        if len(told.known) < FEWEST:
            return "Too early", f"needs {FEWEST} whole months, there are {len(told.known)}"
        return "Not told", "a month had no calls at all"
    return signed(100 * found.monthly), (
        f"80% {signed(100 * found.low)} to {signed(100 * found.high)}; "
        f"{signed(100 * found.yearly)} a year"
    )


# --- the months -------------------------------------------------------------------------------
def charts(told: Renewal) -> dict[str, str]:
    """The picture, as wide and as narrow as its place."""
    bars = [_bar(month, f"{month.use.period.last_day:%b}") for month in told.months]
    line = (told.p90, f"P90 {wording.short(told.p90)}") if told.p90 else None
    few = [_bar(month, f"{month.use.period.last_day:%b}"[0]) for month in told.months]
    title = headline(told)
    return {
        "wide": commitment_svg(bars, line, title, width=1000, height=260, right=90),
        "narrow": commitment_svg(few, line, title, width=340, height=220, right=80),
    }


def _bar(month: Month, label: str) -> MonthBar:
    name, of = month.use.period.dated_title, wording.exact(month.allowance)
    if month.use.unknown_days:
        return MonthBar(label, None, month.allowance, f"{name}: {_unknown(month)}")
    used = wording.exact(month.use.used)
    return MonthBar(label, month.use.used, month.allowance, f"{name}: {used} of {of}")


# --- offers -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class OfferRow:
    """One offer beside the others; texts, for every figure may be one that nobody entered."""

    told: OfferCost
    name: str
    cheapest: bool
    without: str  # address of the page without it; "" for the contract's own terms

    @property
    def price(self) -> str:
        return money(self.told.offer.rate.price, self.told.offer.rate.currency)

    @property
    def overage(self) -> str:
        rate = self.told.offer.rate
        if rate.overage is None:
            return money(None, "")
        return f"{money(rate.overage, rate.currency)} per {wording.short(rate.unit)}"

    @property
    def cost(self) -> str:
        if self.told.cost is not None:
            return money(self.told.cost, self.told.offer.rate.currency)
        bare = self.told.offer.rate.price is None
        return "no price was entered" if bare else "no overage price was entered"

    @property
    def bills(self) -> str:
        """2 of 12 months, 1 of 1 year"""
        kinds = {months: kind for kind, months in KINDS.items()}
        noun = kinds.get(self.told.offer.months, "term")
        return f"{self.told.bills_over} of {wording.plural(len(self.told.bills), noun)}"

    @property
    def worst(self) -> str:
        """Oct 2026: 5 200.00 USD"""
        bill, bills = self.told.worst, self.told.bills
        if bill is None or bill.cost is None:
            return wording.UNKNOWN
        if len({row.cost for row in bills}) == 1:
            return "one bill" if len(bills) == 1 else "all alike"
        first, last = f"{bill.first:%b %Y}", f"{bill.last:%b %Y}"
        cost = money(bill.cost, self.told.offer.rate.currency)
        return f"{last if first == last else f'{first} to {last}'}: {cost}"


def offer_rows(costs: Sequence[OfferCost]) -> list[OfferRow]:
    """The contract's own terms first, then the offers of the address."""
    least = cheapest(costs)
    offers = [told.offer for told in costs[1:]]
    return [
        OfferRow(
            told,
            f"Now: {told.offer.name}" if n == 0 else told.offer.name,
            cheapest=least is not None and told.cost == least and len(costs) > 1,
            without=address([row for row in offers if row != told.offer]) if n else "",
        )
        for n, told in enumerate(costs)
    ]


def address(offers: Sequence[Offer]) -> str:
    here = reverse("budget-renewal")
    return f"{here}?{to_query(offers)}" if offers else here


def cells(offers: Sequence[Offer]) -> list[str]:
    """What a form has to send again so that the offers stay."""
    return [value for _, value in parse_qsl(to_query(offers))]


class OfferForm(forms.Form):
    """One offer more. It is sent by GET: the page's address is the comparison."""

    allowance = forms.IntegerField(
        label="Allowance in calls", min_value=1, max_value=MOST_CALLS, localize=False
    )
    kind = forms.ChoiceField(label="For", choices=[(kind, f"a {kind}") for kind in OFFERED])
    price = forms.DecimalField(
        label="Price of that", min_value=0, max_value=MOST_MONEY, decimal_places=DIGITS
    )
    overage = forms.DecimalField(
        label="Overage price",
        min_value=0,
        max_value=MOST_MONEY,
        decimal_places=DIGITS,
        required=False,
        help_text="Of the calls above the allowance. Without it months above it have no cost.",
    )
    unit = forms.TypedChoiceField(
        label="Overage price is for",
        coerce=int,
        choices=[(unit, f"{wording.exact(unit)} calls") for unit in reversed(UNITS)],
    )

    def offer(self, currency: str) -> Offer:
        """What the filled form asks for. Raises BadOffer."""
        given = self.cleaned_data
        rate = Rate(currency, given["price"], given["overage"], given["unit"])
        return checked(Offer(given["allowance"], KINDS[given["kind"]], rate))


# --- files ------------------------------------------------------------------------------------
def tables(told: Renewal, costs: Sequence[OfferCost]) -> dict[str, Table]:
    """Both tables by the name of their file; None is unknown."""
    return {
        "months": Table(
            "Months",
            ("start", "end", "used", "allowance", "under_contract", "over", "unknown_days"),
            [_month(row) for row in told.months],
        ),
        "offers": Table(
            "Offers",
            (
                *("offer", "allowance", "months", "price", "overage_price", "overage_unit"),
                *("currency", "over_calls", "bills", "bills_over", "worst_from", "worst_to"),
                *("worst_cost", "cost", "cheapest"),
            ),
            [_offer(row, cheapest(costs)) for row in costs],
        ),
    }


def _month(row: Month) -> tuple[Cell, ...]:
    use = row.use
    used = None if use.unknown_days else use.used
    days = (use.period.start, use.period.last_day)
    return (*days, used, row.allowance, "yes" if row.own else "no", row.over, use.unknown_days)


def _offer(told: OfferCost, least: Decimal | None) -> tuple[Cell, ...]:
    offer, rate, worst = told.offer, told.offer.rate, told.worst
    return (
        *(offer.name, offer.allowance, offer.months, rate.price, rate.overage, rate.unit),
        *(rate.currency, told.over, len(told.bills), told.bills_over),
        *((worst.first, worst.last, worst.cost) if worst else (None, None, None)),
        told.cost,
        "yes" if least is not None and told.cost == least else "no",
    )
