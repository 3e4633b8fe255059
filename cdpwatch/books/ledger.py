"""One period of a contract, read for its tables: what it used, by source and by call type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Q, Sum

from cdpwatch import budget, contracts, snapshot
from cdpwatch.budget.shares import Shares, shares
from cdpwatch.days import start_of
from cdpwatch.models import Connection, Contract, SourceDay, VolumeDay
from cdpwatch.models.catalog import ConnectionQuerySet
from cdpwatch.readings import DayCount

UNBILLED_BY_SOURCE = "Billed to no source that is listed"
NOT_LIVE = "Billed, not seen in live volume"
NOT_BILLED = "Seen in live volume, not billed"


@dataclass(frozen=True)
class Ledger:
    """A period with what its tables are made of."""

    contract: Contract
    terms: budget.Terms
    span: budget.Period
    before: budget.Period
    days: Mapping[date, DayCount]  # billed, from the period before on

    @property
    def joint(self) -> set[date]:
        return {day for day, n in snapshot.shared(self.days).items() if n is not None} - {
            day for day, count in self.days.items() if count.calls is not None
        }

    def billed(self, span: budget.Period) -> int:
        calls = snapshot.shared(self.days)
        return round(sum(n or 0 for day, n in calls.items() if span.holds(day)))


def ledger_of(contract: Contract, day: date) -> Ledger:
    """The period of `day`, read for its close."""
    terms = contracts.terms_of(contract)
    span = budget.period_at(terms, day)
    before = budget.period_before(terms, span)
    days = snapshot.contract_days(contract, before.start)
    return Ledger(contract, terms, span, before, days)


def source_table(read: Ledger) -> Shares:
    """Billed calls by source, its Segment id, against the period before."""
    found = _source_days(read)
    now, then = (_in(found, span) for span in (read.span, read.before))
    return shares(
        now,
        read.billed(read.span),
        labels=dict(sources_under(read.contract).values_list("segment_id", "name")),
        rest=UNBILLED_BY_SOURCE,
        before=then,
        total_before=read.billed(read.before),
    )


def call_type_table(read: Ledger) -> Shares:
    """Live calls by type, of what was billed."""
    found = live_calls(read, ("call_type",), Q())
    now, total = {key: calls for (key,), calls in found[read.span].items()}, read.billed(read.span)
    return shares(
        now,
        total,
        labels={},
        rest=NOT_LIVE if total >= sum(now.values()) else NOT_BILLED,
        before={key: calls for (key,), calls in found[read.before].items()},
        total_before=read.billed(read.before),
    )


def sources_under(contract: Contract) -> ConnectionQuerySet:
    return Connection.objects.sources().filter(workspace__contract=contract)


def _source_days(read: Ledger) -> dict[str, dict[date, DayCount]]:
    found: dict[str, dict[date, DayCount]] = defaultdict(dict)
    rows = SourceDay.objects.filter(
        source__workspace__contract=read.contract,
        day__gte=read.before.start,
        day__lt=read.span.end + timedelta(days=31),  # a joint sum stands on its last day
    )
    fields = ("source__segment_id", "day", "calls", "reason", "joint_since", "joint_calls")
    for source, day, *rest in rows.values_list(*fields):
        found[source][day] = DayCount(day, *rest)
    return found


def _in(found: Mapping[str, Mapping[date, DayCount]], span: budget.Period) -> dict[str, int]:
    return {
        source: round(sum(n or 0 for day, n in snapshot.shared(days).items() if span.holds(day)))
        for source, days in found.items()
    }


def live_calls(
    read: Ledger, fields: Sequence[str], only: Q
) -> dict[budget.Period, dict[tuple[str, ...], int]]:
    """Live calls of the period and the one before, by some fields of VolumeDay.

    Of a running period those of the days that are billed.
    """
    last = snapshot.billed_to(read.days, read.span.end)
    ends = read.span.start if last is None else min(last + timedelta(days=1), read.span.end)
    rows = VolumeDay.objects.filter(only, source__in=sources_under(read.contract))
    return {
        span: {
            tuple(key): calls
            for *key, calls in rows.filter(
                bucket__gte=start_of(span.start), bucket__lt=start_of(min(span.end, ends))
            )
            .values_list(*fields)
            .annotate(Sum("count"))
        }
        for span in (read.span, read.before)
    }
