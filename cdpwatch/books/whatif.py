"""What if: recent traffic by its slices, and spans with and without a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db.models import Sum

from cdpwatch import budget, snapshot, wording
from cdpwatch.budget.periods import Cycle
from cdpwatch.budget.scenario import Change, Slice, apply
from cdpwatch.days import DAY, start_of
from cdpwatch.forecast import Forecast
from cdpwatch.models import Connection, Contract, Projection, VolumeDay, Workspace

LATELY = 28 * DAY  # whole weeks, so that no weekday weighs more
SOON = timedelta(days=92)  # a year that ends within it is shown with the next one
CALL_TYPES = ("track", "identify", "page", "screen", "group", "alias")


@dataclass(frozen=True)
class Traffic:
    """Calls of the last weeks: live ones by slice, and all of them."""

    slices: tuple[Slice, ...]
    total: int
    days: int  # that `total` is of
    names: dict[str, str]  # of sources, by the Segment id that a slice calls them by
    apps: dict[str, str]  # names of apps and functions, by their slugs

    def has(self, change: Change) -> bool:
        """Whether a change concerns any of it."""
        return any(row.named(change.what) == change.key for row in self.slices)

    def refusal(self, change: Change) -> str:
        """Why there is nothing of that name to change; "" of a launch and of any event."""
        name = wording.one_line(change.key[:60])
        if change.what == "source" and change.key not in self.names:
            return f"There is no source {name} under the contract."
        if change.what == "app" and change.key not in self.apps:
            return f"There is no app {name} under the contract."
        if change.what == "call_type" and change.key not in CALL_TYPES:
            return f"There is no call type {name}: they are {', '.join(CALL_TYPES)}."
        return ""


@dataclass(frozen=True)
class Outcome:
    """One span as it is projected, and as it would be."""

    period: budget.Period
    calm: Forecast
    changed: Forecast
    unknown_days: int  # past days of the span that the projection had no number for

    @property
    def difference(self) -> float:
        """Calls more, or less, at the median."""
        return self.changed.quantile(0.5) - self.calm.quantile(0.5)


def recent(contract: Contract, sheet: snapshot.Sheet) -> Traffic:
    """Traffic of the last whole days, in two queries."""
    today = sheet.made_at.date()
    first = today - LATELY
    sources = Connection.objects.sources().filter(workspace__contract=contract)
    known = {row.pk: row for row in sources.select_related("app", "function")}
    rows = VolumeDay.objects.filter(
        source__in=known, bucket__gte=start_of(first), bucket__lt=start_of(today)
    )
    slices = tuple(
        Slice(known[pk].app_slug, known[pk].segment_id, call_type, event, calls)
        for pk, call_type, event, calls in rows.values_list(
            "source_id", "call_type", "event"
        ).annotate(Sum("count"))
    )
    counted = [n for day, n in sheet.used_by_day.items() if first <= day < today and n is not None]
    names = {row.segment_id: row.name for row in known.values()}
    systems = ((row.app_slug, row.app or row.function) for row in known.values())
    apps = {slug: system.name for slug, system in systems if system}
    return Traffic(slices, sum(counted), len(counted), names, apps)


def inputs_now(
    workspace: Workspace, contract: Contract, sheet: snapshot.Sheet, now: datetime
) -> budget.Inputs:
    """What the sheet's projection is made from: as the worker kept it, else read now."""
    row = Projection.objects.filter(contract=contract, made_at=sheet.made_at).first()
    if row and row.inputs:
        try:
            return budget.unpacked(row.inputs)
        except ValueError:  # another release of cdpwatch wrote it
            pass
    return snapshot.take(workspace, now).inputs


def outcome(
    inputs: budget.Inputs, span: budget.Period, changes: Sequence[Change], traffic: Traffic
) -> Outcome:
    """Project any span from the inputs of one, and lay the changes over it."""
    calm = replace(inputs, start=span.start, end=span.end).project()
    today = inputs.now.date()
    changed = apply(calm, changes, traffic.slices, traffic.total, today) if changes else calm
    return Outcome(span, calm, changed, _unknown(inputs, span, today))


def _unknown(inputs: budget.Inputs, span: budget.Period, today: date) -> int:
    known = {inputs.first + n * DAY for n, calls in enumerate(inputs.calls) if calls is not None}
    return sum(span.start + n * DAY not in known for n in range(span.until(today)))


# --- spans ------------------------------------------------------------------------------------
def spans(terms: budget.Terms, period: budget.Period, today: date) -> list[budget.Period]:
    """What a scenario moves at once: the running period, its month, its year; soon the next one."""
    year = year_of(terms, today)
    found = [month_of(today), period, year] if period.days > 31 else [period, year]
    if year.end - today <= SOON and not _ends_by(terms, year.end):
        found.append(year_of(terms, year.end))
    return list(dict.fromkeys(found))


def year_of(terms: budget.Terms, day: date) -> budget.Period:
    """The contract's year, cut where it ends; the calendar's outside it and of an assumed one."""
    if not terms.confirmed or day < terms.starts_on or _ends_by(terms, day):
        return calendar_year(day)
    cycle = Cycle("year", budget.terms_at(terms, day).cycle_day, terms.starts_on)
    year, end = cycle.period(day), budget.end_of(terms)
    return budget.Period(year.start, min(year.end, end) if end else year.end)


def _ends_by(terms: budget.Terms, day: date) -> bool:
    end = budget.end_of(terms)
    return end is not None and end <= day


def calendar_year(day: date) -> budget.Period:
    return budget.Period(date(day.year, 1, 1), date(day.year + 1, 1, 1))


def month_of(day: date) -> budget.Period:
    return Cycle("month", 1, day).period(day)


def outside(change: Change, last: date) -> str:
    """Why its day moves nothing that is shown; a day that has passed counts from today on."""
    if change.since <= last:
        return ""
    day = f"{wording.day(change.since)} {change.since.year}"
    return f"{day} is after {wording.day(last)} {last.year}, the last day that is projected here."
