"""The record of the projection: errors and coverage by day, over periods that are over."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from cdpwatch.budget.periods import Period
from cdpwatch.budget.record import Compared, Said, overall, scores

OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1))
NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))


def said(span: Period, day: int, middle: float, spread: float = 10) -> Said:
    as_of = span.start + timedelta(days=day - 1)
    ends = [middle + n * spread for n in (-2, -1, 0, 1, 2)]
    return Said(1, as_of, span, *ends)


def compared(span: Period, came: int, *rows: Said) -> Compared:
    return Compared(span, came, rows)


def test_it_scores_each_day_over_all_periods():
    past = [
        compared(OCTOBER, 100, said(OCTOBER, 1, 90), said(OCTOBER, 2, 100)),
        compared(NOVEMBER, 200, said(NOVEMBER, 1, 260)),
    ]
    first, second = scores(past)
    assert (first.days, first.count, first.error) == ("1", 2, 20.0)  # of 10% and 30%
    assert (first.within80, first.within95) == (50.0, 50.0)
    assert (second.days, second.count, second.error, second.within80) == ("2", 1, 0.0, 100.0)


def test_it_holds_a_range_to_both_its_ends():
    low, high = (replace(said(OCTOBER, 1, 100), as_of=OCTOBER.start) for _ in range(2))
    for came, within80, within95 in [(90, 100, 100), (89, 0, 100), (80, 0, 100), (79, 0, 0)]:
        [score] = scores([compared(OCTOBER, came, low)])
        assert (score.within80, score.within95) == (within80, within95)
    for came, within80, within95 in [(110, 100, 100), (111, 0, 100), (121, 0, 0)]:
        [score] = scores([compared(OCTOBER, came, high)])
        assert (score.within80, score.within95) == (within80, within95)


def test_it_tells_a_long_period_by_the_week():
    past = [compared(YEAR, 100, said(YEAR, 7, 100), said(YEAR, 8, 100), said(YEAR, 14, 100))]
    assert [(score.days, score.count) for score in scores(past)] == [("1–7", 1), ("8–14", 2)]


def test_it_has_no_error_where_nothing_came():
    whole = overall([compared(OCTOBER, 0, said(OCTOBER, 1, 0))])
    assert whole is not None and whole.error is None and whole.within80 == 100.0


def test_it_says_nothing_of_nothing():
    assert scores([]) == [] and overall([]) is None
    assert overall([compared(OCTOBER, 5)]) is None
