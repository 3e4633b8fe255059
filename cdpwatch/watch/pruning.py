"""Drops what is past its keeping and folds the long tail, in steps that hold nobody up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

from django.db.models import Min, Model

from cdpwatch import retention
from cdpwatch.counting.folding import FOLDABLE, Foldable, fold
from cdpwatch.days import month_before, next_month
from cdpwatch.health import PRUNED
from cdpwatch.models import Heartbeat

from .lasting import running, stopping

AT_ONCE = 1_000  # rows of one transaction
REST = 0.02  # seconds between two of them, so that everybody else's come in between
LONGEST = timedelta(minutes=4)  # of a turn: the rest is done tomorrow
SETTLED = timedelta(days=31)  # live volume is read again, and leaks are looked for, so far back


def prune(now: datetime, *, sleep: Callable[[float], object] = time.sleep) -> int:
    """One turn of the daily job. Rows dropped or folded.

    Each step is whole by itself, so a turn may end at any of them, and the next one goes on.
    """
    clock, done = running(now), 0
    for rows in _steps(now):
        done += rows
        if stopping() or clock() > now + LONGEST:
            break
        sleep(REST)
    Heartbeat.objects.update_or_create(name=PRUNED, defaults={"at": clock()})
    return done


def _steps(now: datetime) -> Iterator[int]:
    for table in retention.RETENTION:
        yield from _drop(table, now)
    for foldable in FOLDABLE:
        for month in _settled_months(foldable, now.date()):
            yield from fold(foldable, month)


def _drop(table: type[Model], now: datetime) -> Iterator[int]:
    rows = retention.expired(table, now)
    while keys := list(rows.values_list("pk", flat=True)[:AT_ONCE]):
        table._default_manager.filter(pk__in=keys).delete()
        yield len(keys)


def _settled_months(foldable: Foldable, today: date) -> Iterator[date]:
    """Months that are over for so long that nothing of them is read again, newest first."""
    oldest = foldable.table._default_manager.aggregate(first=Min(foldable.when))["first"]
    if isinstance(oldest, datetime):
        oldest = oldest.date()
    month = month_before(today - SETTLED)
    while oldest and next_month(month) > oldest:
        yield month
        month = month_before(month)
