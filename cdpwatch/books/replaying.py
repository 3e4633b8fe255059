"""Makes what would have been projected on each day of the past, from the readings known then.

A fresh installation has read a year of days and has projected none of them: so its record need
not wait for a year. A replayed day is told at its first moment, by the whole days before it; its
leaks, live calls and hours are not, for nobody kept them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from django.db.models import Min

from cdpwatch import budget, contracts, snapshot
from cdpwatch.days import DAY, start_of
from cdpwatch.forecast.periods import LEARNING_DAYS, MEMORY, METHOD
from cdpwatch.models import Contract, Reading, Replay
from cdpwatch.snapshot.free_days import free_days
from cdpwatch.snapshot.planned import planned

AT_ONCE = 30  # days that are written together
KEY = ("contract", "as_of")
VALUES = ("period_start", "period_end", "since", "method", "quantiles", "made_at")


class _Day(NamedTuple):
    """A day to be replayed, and what its row must say to hold."""

    as_of: date
    span: budget.Period
    since: date
    method: str = METHOD


def replay(contract: Contract, now: datetime, go_on: Callable[[], bool] = lambda: True) -> int:
    """Replay the days that have no row that holds, newest first, while `go_on`; the days before
    that of `now`. Days replayed."""
    todo, done = _missing(contract, now.date()), 0
    while go_on() and (days := list(islice(todo, AT_ONCE))):
        rows = [_replayed(contract, day, now) for day in days]
        Replay.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=KEY, update_fields=VALUES
        )
        done += len(rows)
    return done


def _missing(contract: Contract, today: date) -> Iterator[_Day]:
    whole = Reading.objects.filter(workspace__contract=contract, source=None)
    oldest = whole.aggregate(day=Min("day"))["day"]
    if oldest is None:
        return
    rows = Replay.objects.filter(contract=contract)
    fields = ("as_of", "period_start", "period_end", "since", "method")
    held = {
        _Day(day, budget.Period(start, end), since, method)
        for day, start, end, since, method in rows.values_list(*fields)
    }
    terms, day = contracts.terms_of(contract), today - DAY  # of today more may be read yet
    while day >= oldest + timedelta(days=LEARNING_DAYS):
        wanted = _Day(day, budget.period_at(terms, day), max(oldest, day - MEMORY))
        if wanted not in held:
            yield wanted
        day -= DAY


def _replayed(contract: Contract, day: _Day, now: datetime) -> Replay:
    """The row of one day; without quantiles where too little was known for a projection."""
    made = _inputs(contract, day).project()
    totals = () if made.learning else zip(made.levels, made.totals, strict=True)
    return Replay(
        contract=contract,
        as_of=day.as_of,
        period_start=day.span.start,
        period_end=day.span.end,
        since=day.since,
        method=made.method,
        quantiles={str(level): round(total) for level, total in totals},
        made_at=now,
    )


def _inputs(contract: Contract, day: _Day) -> budget.Inputs:
    at = start_of(day.as_of)
    known = snapshot.shared(snapshot.contract_days_known(contract, at, day.since))
    first, series = budget.series({d: n for d, n in known.items() if d < day.as_of})
    countries = contract.workspaces.values_list("country", flat=True)
    return budget.Inputs(
        start=day.span.start,
        end=day.span.end,
        now=at,
        first=first,
        calls=series,
        running=None,
        hour_shares=snapshot.EVEN_HOURS,
        holidays=free_days(countries, day.since, day.span.end),
        events=planned(contract, day.as_of, at),
    )
