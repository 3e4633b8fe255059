"""What if: recent traffic by its slices, and a span with and without a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db.models import Sum

from cdpwatch import budget, snapshot
from cdpwatch.budget.scenario import Change, Slice, apply
from cdpwatch.days import DAY, start_of
from cdpwatch.forecast import Forecast
from cdpwatch.models import Connection, Contract, Projection, VolumeDay, Workspace

LATELY = 28 * DAY  # whole weeks, so that no weekday weighs more


@dataclass(frozen=True)
class Traffic:
    """Calls of the last weeks: live ones by slice, and all of them."""

    slices: tuple[Slice, ...]
    total: int
    days: int  # that `total` is of
    names: dict[str, str]  # of sources, by the Segment id that a slice calls them by


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
    return Traffic(slices, sum(counted), len(counted), names)


def inputs_now(workspace: Workspace, contract: Contract, now: datetime) -> budget.Inputs:
    """What the running period's projection is made from: as the worker kept it, else read now."""
    rows = Projection.objects.filter(contract=contract, as_of=now.date())
    row = rows.order_by("-made_at").first()
    if row and row.inputs and now - row.made_at <= snapshot.FRESH:
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


def calendar_year(day: date) -> budget.Period:
    return budget.Period(date(day.year, 1, 1), date(day.year + 1, 1, 1))
