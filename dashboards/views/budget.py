"""The budget page: ten seconds for whoever pays, then every part of the number behind them.

With `?as_of=` it shows what was known at a moment, made again from the readings.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from cdpwatch import budget as terms_of_use
from cdpwatch import snapshot, wording
from cdpwatch.days import DAY
from cdpwatch.readings import DayCount
from dashboards import asof, burn, parts
from dashboards.context import visit
from dashboards.contract import money
from dashboards.sources import LISTED, TableRow, connections_of, listed, table_rows
from dashboards.verdict import verdict

EACH_DAY = 92  # days of a period that lists each of them
AROUND = 31 * DAY  # of a longer one, the days listed before and after today


@require_safe
def budget(request: HttpRequest) -> HttpResponse:
    seen = visit(request)
    try:
        at, refused = asof.asked(request, seen.now), ""
    except asof.BadMoment as error:
        at, refused = None, str(error)
    workspace = seen.workspace
    sheet = snapshot.known_at(workspace, at) if at else snapshot.current(workspace, seen.now)
    told = {**page(sheet), "now": seen.now, "as_of": at, "refused": refused}
    if at:
        told["read_by_then"] = workspace.readings.filter(observed_at__lte=at).exists()
    return render(request, "budget/budget.html", told, status=400 if refused else 200)


def page(sheet: snapshot.Sheet) -> dict[str, object]:
    """All that templates/budget/budget.html shows of a sheet, in one query."""
    moved = parts.movers(sheet)
    connections = connections_of({*sheet.sources[:LISTED], *moved})
    return {
        **verdict(sheet),
        "burn": burn.pictures(sheet),
        "overage": overage(sheet),
        "sources": sources(sheet, table_rows(sheet.sources[:LISTED], connections)),
        "movers": [Mover(row) for row in table_rows(moved, connections)],
        "currency": terms_of_use.rate_of(sheet.terms, sheet.period).currency,
        "tables": tables(sheet),
        "past": past_periods(sheet),
    }


@lru_cache(maxsize=2)
def tables(sheet: snapshot.Sheet) -> dict[str, SafeString]:
    """HTML of the tables that show nothing but the sheet, drawn once for all who read it."""
    told = {
        "state": sheet.standing,
        "previous": sheet.previous,
        "kinds": parts.by_call_type(sheet),
        "events": parts.by_event(sheet),
        "split": parts.split_rows(sheet),
        "beside": sheet.beside,
        "currency": terms_of_use.rate_of(sheet.terms, sheet.period).currency,
        "days": listed_days(sheet),
        "all_days": sheet.period.days <= EACH_DAY,
    }
    return {
        "parts": render_to_string("budget/_tables.html", told),
        "days": render_to_string("budget/_days.html", told),
    }


# --- money ------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Overage:
    """What the calls above the allowance are projected to cost; "" where there is no telling."""

    cost: str
    note: str
    entered: bool  # whether anybody has entered a price


def overage(sheet: snapshot.Sheet) -> Overage:
    rate, state = terms_of_use.rate_of(sheet.terms, sheet.period), sheet.standing
    if rate.overage is None:
        return Overage("", "no overage price was entered", entered=False)
    if state.allowance is None or state.learning:
        return Overage("", state.learning or "not judged", entered=True)
    low, middle, high = (
        money(terms_of_use.overage_cost(rate, calls - state.allowance), rate.currency)
        for calls in (state.low80, state.total, state.high80)
    )
    return Overage(middle, f"80% {low} to {high}", entered=True)


# --- sources ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Mover:
    """A source against the same days of the previous period."""

    item: TableRow

    @property
    def calls(self) -> int:
        return self.item.row.settled - (self.item.row.before or 0)


@dataclass(frozen=True)
class Priced:
    """A source's row with its calls more or less than before, and what it costs."""

    item: TableRow
    cost: Decimal | None

    @property
    def change(self) -> int | None:
        row = self.item.row
        return None if row.before is None else row.settled - row.before


@dataclass(frozen=True)
class Sources:
    """The largest sources, the others in one line, what none explains, and all of it."""

    rows: list[Priced]
    more: int
    more_calls: int
    more_cost: Decimal | None
    more_change: int | None
    remainder: int
    remainder_cost: Decimal | None
    remainder_change: int | None
    remainder_label: str
    total_cost: Decimal | None
    change: int | None  # of all calls against the same days before
    growth: float | None


def sources(sheet: snapshot.Sheet, rows: list[TableRow]) -> Sources:
    found = listed(sheet, {})
    # A source that left its table since the sheet was made still counts: among the others.
    named = sum(item.row.used for item in rows)
    more_calls = sheet.standing.used - found.remainder - named
    costs = parts.costs(sheet, [*(item.row.used for item in rows), more_calls, found.remainder])
    known: list[Decimal | None] = list(costs) if costs else [None] * (len(rows) + 2)
    before, shown = parts.used_before(sheet), {item.row.source_id for item in rows}
    others = parts.change_of(row for row in sheet.sources if row.source_id not in shown)
    change = None if before is None else parts.used_settled(sheet) - before
    explained = parts.change_of(sheet.sources)
    return Sources(
        rows=[Priced(item, cost) for item, cost in zip(rows, known, strict=False)],
        more=len(sheet.sources) - len(rows),
        more_calls=more_calls,
        more_cost=known[-2],
        more_change=others,
        remainder=found.remainder,
        remainder_cost=known[-1],
        remainder_change=parts.less(change, explained),
        remainder_label=parts.rest_of_sources(sheet),
        total_cost=sum(costs, Decimal(0)) if costs else None,
        change=change,
        growth=100 * change / before if before and change is not None else None,
    )


# --- days and periods -------------------------------------------------------------------------
@lru_cache(maxsize=2)
def past_periods(sheet: snapshot.Sheet) -> list[snapshot.PastPeriod]:
    return snapshot.past_periods(sheet.terms, sheet.days, sheet.months, sheet.made_at.date())


@dataclass(frozen=True)
class DayRow:
    """One UTC day of the running period: what the burn chart draws, as numbers."""

    day: date
    calls: int | None
    clock: str  # "billed", "live" or why there is no number
    total: float | None  # since the period's start
    projected: float | None  # median of the total at the day's end
    spans: str = ""  # where that total lies with 80% and with 95%
    before: float | None = None  # the previous period's total at the end of its same day
    remarks: tuple[str, ...] = ()  # notes, planned events and leaks

    @property
    def is_month_end(self) -> bool:
        return (self.day + DAY).day == 1


@lru_cache(maxsize=2)
def day_rows(sheet: snapshot.Sheet) -> list[DayRow]:
    """Every day of the period: what is known, then the median of what is projected."""
    days, today = burn.period_days(sheet.period), sheet.made_at.date()
    known = burn.cumulative(sheet.days, days, sheet.billed_to)
    last = burn.cumulative(sheet.days, burn.period_days(sheet.previous), sheet.billed_to)
    marks = burn.marks_of(sheet)
    total: float | None = 0.0
    rows = []
    median = () if sheet.standing.learning else sheet.path.get(0.5, ())
    for index, day in enumerate(days):
        calls, clock = _known(sheet, day)
        total = known[index] if known[index] is not None else _plus(total, calls)
        ahead = bool(median) and day >= today
        rows.append(
            DayRow(
                day,
                calls,
                clock,
                total if day <= today else None,
                median[index] if ahead else None,
                _spans(sheet, index) if ahead else "",
                last[index] if index < len(last) else None,
                tuple(mark.label for mark in marks if mark.day == day),
            )
        )
    return rows


def listed_days(sheet: snapshot.Sheet) -> list[DayRow]:
    """Every day of a month or a quarter; of longer periods those around today and month ends."""
    rows, today = day_rows(sheet), sheet.made_at.date()
    if sheet.period.days <= EACH_DAY:
        return rows
    return [
        row for row in rows if abs(row.day - today) <= AROUND or row.is_month_end or row.remarks
    ]


def _spans(sheet: snapshot.Sheet, index: int) -> str:
    ends = {level: path[index] for level, path in sheet.path.items()}
    likely = wording.span_of_calls(ends[0.1], ends[0.9])
    return f"{likely}, 95% {wording.span_of_calls(ends[0.025], ends[0.975])}"


def _plus(total: float | None, calls: int | None) -> float | None:
    return None if total is None or calls is None else total + calls


def _known(sheet: snapshot.Sheet, day: date) -> tuple[int | None, str]:
    today, billed_to = sheet.made_at.date(), sheet.billed_to
    if day > today:
        return None, ""
    count = sheet.days.get(day) or DayCount(day, None, "No reading.")
    if billed_to and day <= billed_to:
        return count.calls, "billed" if count.calls is not None else _hole(count)
    live = sheet.used_by_day.get(day)
    if live is None:
        return None, count.reason
    return live, "live, so far" if day == today else "live, not billed yet"


def _hole(count: DayCount) -> str:
    if count.joint_since is None:
        return count.reason
    joint, since = wording.exact(count.joint_calls), wording.day(count.joint_since)
    return f"{count.reason} {joint} calls since {since}."
