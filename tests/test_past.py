"""A source's past from its months: the same sums as from its days, with fewer rows."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cdpwatch import snapshot
from cdpwatch.models import Contract, SourceDay, SourceMonth, Workspace
from cdpwatch.snapshot.past import past_of, whole_months
from tests.factories import NOW, TODAY, make_connection, refresh_all_months

DAY = timedelta(days=1)


@pytest.fixture
def yearly(workspace: Workspace) -> Workspace:
    Contract.objects.update(period="year", starts_on=date(2026, 1, 1))
    for name, first in (("whole", date(2025, 1, 1)), ("young", date(2026, 5, 9))):
        source = make_connection(workspace, name)
        days = [first + n * DAY for n in range((TODAY - first).days)]
        SourceDay.objects.bulk_create(
            SourceDay(source=source, day=day, calls=day.toordinal() % 97) for day in days
        )
    refresh_all_months(workspace)
    return workspace


def rows(workspace: Workspace) -> dict[int, tuple[int, int | None]]:
    listed, _ = snapshot.source_rows(workspace, snapshot.take(workspace, NOW))
    return {row.source_id: (row.used, row.before) for row in listed}


def calls(name: str, first: date, end: date) -> int:
    found = SourceDay.objects.filter(source__segment_id=name, day__gte=first, day__lt=end)
    return sum(count or 0 for count in found.values_list("calls", flat=True))


def test_it_sums_a_year_as_its_days_do(yearly: Workspace) -> None:
    pks = dict(yearly.connections.values_list("segment_id", "pk"))
    this, last = date(2026, 1, 1), date(2025, 1, 1)
    before = calls("whole", last, last + (TODAY - this))
    assert rows(yearly) == {
        pks["whole"]: (calls("whole", this, TODAY), before),
        pks["young"]: (calls("young", this, TODAY), None),
    }


def test_it_says_the_same_without_any_month(yearly: Workspace) -> None:
    told = rows(yearly)
    SourceMonth.objects.update(unknown_days=1)  # so that none is taken
    assert rows(yearly) == told


def test_it_reads_days_only_where_no_month_is_whole(yearly: Workspace) -> None:
    spans = ((date(2026, 1, 1), TODAY), (date(2025, 1, 1), date(2025, 11, 18)))
    past = past_of(yearly, spans, TODAY)
    whole, young = (past[yearly.connections.get(segment_id=n).pk] for n in ("whole", "young"))
    assert len(whole.months) == 19  # January to October 2025 and to September 2026
    assert len(whole.days) == 17 + 31 + 17
    assert not young.months
    assert min(young.days) == date(2026, 5, 9)


@pytest.mark.parametrize(
    ("first", "end", "months"),
    [
        (date(2026, 1, 1), date(2026, 3, 1), [1, 2]),
        (date(2026, 1, 2), date(2026, 3, 31), [2]),
        (date(2026, 1, 2), date(2026, 2, 28), []),
        (date(2026, 3, 1), date(2026, 1, 1), []),
    ],
)
def test_it_knows_the_months_that_lie_wholly_in_a_span(
    first: date, end: date, months: list[int]
) -> None:
    assert [month.month for month in whole_months(first, end)] == months
