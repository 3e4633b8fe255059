"""The back-test: what was projected each day against what came, and each projection made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from cdpwatch import books, budget, contracts, exports
from cdpwatch.books import REPLAYED, SAID, Record
from cdpwatch.budget import record
from cdpwatch.budget.record import Compared
from cdpwatch.models import Contract, Projection
from dashboards import track
from dashboards.context import the_workspace, visit
from dashboards.views.exports import as_file

KINDS = {SAID: "As it was said", REPLAYED: "Replayed"}


class BadQuery(ValueError):
    """The text says what is wrong with the address."""


@require_safe
def backtest(request: HttpRequest) -> HttpResponse:
    """`?record=said|replayed` and `?period=` the first day of a finished one."""
    seen = visit(request)
    contract, today = contracts.contract_of(seen.workspace), seen.now.date()
    refused = ""
    try:
        told = _asked_record(request, contract, seen.now)
        chosen = _asked_period(request, told)
    except BadQuery as why:
        refused, told = str(why), _best(contract, seen.now)
        chosen = told.compared[-1] if told.compared else None
    running = budget.period_at(contracts.terms_of(contract), today)
    context = {**page(told, chosen, running), "now": seen.now, "refused": refused}
    return render(request, "budget/backtest.html", context, status=400 if refused else 200)


def page(told: Record, chosen: Compared | None, running: budget.Period) -> dict[str, object]:
    """All that templates/budget/backtest.html shows of a record."""
    scores = record.scores(told.compared)
    noun = told.compared[-1].span.noun if told.compared else running.noun
    return {
        "told": told,
        "kinds": KINDS,
        "chosen": chosen,
        "noun": noun,
        "sentence": track.headline(told, scores),
        "waiting": track.waiting(told, running),
        "whole": record.overall(told.compared),
        "scores": scores,
        "fan": track.fan(chosen) if chosen else None,
        "rows": track.rows_of(chosen) if chosen else [],
        "error": track.error_plot(scores, noun) if scores else None,
        "coverage": track.coverage_plot(scores, noun) if scores else None,
    }


@require_safe
def backtest_file(request: HttpRequest) -> HttpResponse:
    """Every projection of the finished periods as CSV, of the record that is asked for."""
    now = datetime.now(UTC)
    try:
        told = _asked_record(request, contracts.contract_of(the_workspace()), now)
    except BadQuery as why:
        return HttpResponse(str(why), status=400, content_type="text/plain; charset=utf-8")
    out = StringIO()
    exports.write("backtest", books.record_rows(told), "csv", out)
    return as_file(out.getvalue(), f"backtest-{told.kind}", "csv", now.date())


@dataclass(frozen=True)
class Level:
    """One quantile as it was stored and as it comes out now."""

    percent: float
    stored: float | None
    again: float | None

    @property
    def same(self) -> bool:
        return self.stored == self.again


@require_safe
def backtest_one(request: HttpRequest, pk: int) -> HttpResponse:
    """One stored projection beside the one that its stored inputs make now."""
    row = get_object_or_404(Projection, pk=pk, contract=contracts.contract_of(the_workspace()))
    made = books.made_again(row)
    context = {
        "row": row,
        "made": made,
        "state": STATES[made.state],
        "span": budget.Period(row.period_start, row.period_end),
        "levels": _levels(made.stored, made.again),
        "now": datetime.now(UTC),
    }
    return render(request, "budget/backtest_one.html", context)


# State, word and sentence of each outcome.
STATES = {
    books.SAME: ("ok", "The same", "Made again from its stored inputs, it is the same."),
    books.DIFFERS: ("bad", "Differs", "Made again from its stored inputs, it comes out otherwise."),
    books.OLDER: (
        *("warn", "Older method"),
        "It was made by a method that this release no longer has, and comes out otherwise now.",
    ),
    books.NO_INPUTS: (
        *("off", "No inputs"),
        "Its inputs were not kept, or cannot be read, so it cannot be made again.",
    ),
}


def _levels(stored: Mapping[str, float], again: Mapping[str, float]) -> list[Level]:
    keys = sorted({*stored, *again}, key=float)
    return [Level(100 * float(key), stored.get(key), again.get(key)) for key in keys]


# --- what the address asks for ----------------------------------------------------------------
def _asked_record(request: HttpRequest, contract: Contract, now: datetime) -> Record:
    kind = request.GET.get("record", "")
    if kind and kind not in KINDS:
        raise BadQuery("A record is either said or replayed.")
    return books.record_of(contract, kind, now.date()) if kind else _best(contract, now)


def _best(contract: Contract, now: datetime) -> Record:
    """What was said, as soon as there is any of it to be compared; until then the replay."""
    said = books.record_of(contract, SAID, now.date())
    return said if said.compared else books.record_of(contract, REPLAYED, now.date())


def _asked_period(request: HttpRequest, told: Record) -> Compared | None:
    """The finished period that was asked for, else the last one."""
    day = request.GET.get("period", "")
    found = [one for one in told.compared if day in ("", one.span.start.isoformat())]
    if day and not found:
        raise BadQuery("No finished period of this record begins on that day.")
    return found[-1] if found else None
