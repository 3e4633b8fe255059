"""The contract's arithmetic: periods, verdicts, what a day may cost, the sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from cdpwatch import budget
from cdpwatch.budget import Period, Standing, Terms, Verdict
from tests.factories import NOVEMBER, NOW, TERMS, make_forecast

MONTH = Period(NOVEMBER, date(2026, 12, 1))
YEARLY = Terms(400_000_000, "year", 15, date(2026, 3, 15), confirmed=True)


def standing(total: float = 36e6, used: int = 20_000_000, before: str = "") -> Standing:
    return budget.standing(TERMS, MONTH, used, make_forecast(total), NOW, before)


# --- periods ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("cycle_day", "day", "start", "end"),
    [
        (1, date(2026, 11, 18), date(2026, 11, 1), date(2026, 12, 1)),
        (15, date(2026, 11, 14), date(2026, 10, 15), date(2026, 11, 15)),
        (15, date(2026, 11, 15), date(2026, 11, 15), date(2026, 12, 15)),
        (31, date(2026, 2, 27), date(2026, 1, 31), date(2026, 2, 28)),
        (31, date(2026, 2, 28), date(2026, 2, 28), date(2026, 3, 31)),
        (31, date(2026, 3, 30), date(2026, 2, 28), date(2026, 3, 31)),
        (30, date(2028, 2, 29), date(2028, 2, 29), date(2028, 3, 30)),  # leap year
        (29, date(2026, 12, 31), date(2026, 12, 29), date(2027, 1, 29)),
    ],
)
def test_it_clamps_the_cycle_day_to_short_months(
    cycle_day: int, day: date, start: date, end: date
) -> None:
    terms = replace(TERMS, cycle_day=cycle_day)
    assert budget.period_at(terms, day) == Period(start, end)


@pytest.mark.parametrize("cycle_day", [1, 15, 28, 29, 30, 31])
def test_it_leaves_no_day_without_exactly_one_period(cycle_day: int) -> None:
    terms = replace(TERMS, cycle_day=cycle_day)
    for n in range(800):
        day = date(2027, 1, 1) + timedelta(days=n)
        period = budget.period_at(terms, day)
        assert period.holds(day)
        assert budget.period_before(terms, period).end == period.start


def test_it_starts_a_year_on_the_contracts_month() -> None:
    assert budget.period_at(YEARLY, date(2027, 3, 14)) == Period(
        date(2026, 3, 15), date(2027, 3, 15)
    )
    assert budget.period_at(YEARLY, date(2027, 3, 15)).start == date(2027, 3, 15)


def test_it_names_periods_as_people_do() -> None:
    assert (MONTH.title, MONTH.dated_title, MONTH.noun) == ("November", "November 2026", "month")
    shifted = Period(date(2026, 10, 15), date(2026, 11, 15))
    assert shifted.title == shifted.dated_title == "The period to Sat 14 Nov"
    year = budget.period_at(YEARLY, NOW.date())
    assert (year.title, year.noun) == ("The year to 14 Mar 2027", "year")


def test_it_asks_segment_for_calendar_months_newest_first() -> None:
    asked = budget.usage_periods(date(2027, 1, 31), 3)
    assert asked == [date(2027, 1, 1), date(2026, 12, 1), date(2026, 11, 1)]


# --- the standing -----------------------------------------------------------------------------
def test_it_says_what_a_day_may_still_cost() -> None:
    state = standing(used=20_000_000)
    assert state.days_left == pytest.approx(12.496, abs=0.001)
    assert state.allowed_per_day == pytest.approx(20_000_000 / state.days_left)
    assert state.pace_per_day == pytest.approx(16_000_000 / state.days_left)


def test_it_allows_nothing_more_once_the_allowance_is_used() -> None:
    state = standing(total=45e6, used=41_000_000)
    assert (state.allowed_per_day, state.chance_over, state.verdict) == (0.0, 1.0, Verdict.OVER)


def test_it_never_projects_less_than_what_is_used() -> None:
    state = standing(total=19e6, used=20_000_000)
    assert state.total == state.low80 == state.high95 == 20_000_000


@pytest.mark.parametrize(
    ("chance", "before", "verdict"),
    [
        (0.79, "", Verdict.WATCH),
        (0.80, "", Verdict.OVER),
        (0.51, Verdict.OVER, Verdict.OVER),
        (0.49, Verdict.OVER, Verdict.WATCH),
        (0.51, Verdict.WATCH, Verdict.WATCH),
        (0.20, "", Verdict.WATCH),
        (0.19, "", Verdict.ON_TRACK),
        (0.11, Verdict.WATCH, Verdict.WATCH),
        (0.11, Verdict.ON_TRACK, Verdict.ON_TRACK),
        (0.09, Verdict.OVER, Verdict.ON_TRACK),
    ],
)
def test_it_turns_at_the_higher_line_and_back_at_the_lower(
    chance: float, before: str, verdict: Verdict
) -> None:
    assert budget.verdict(40_000_000, 20_000_000, chance, "", before) == verdict


def test_it_does_not_judge_a_period_that_ended_before_the_contract_began() -> None:
    october = Period(date(2026, 10, 1), NOVEMBER)
    state = budget.standing(TERMS, october, 50_000_000, make_forecast(50e6), NOW)
    assert (state.allowance, state.verdict, state.chance_over) == (None, Verdict.UNJUDGED, None)
    assert state.allowed_per_day is None
    assert budget.headline(state).startswith("October ends at 50M; the contract begins on")


def test_it_learns_before_it_judges_but_sees_what_is_over_already() -> None:
    forecast = make_forecast(45e6, learning="learning: 2 of 7 days")
    young = budget.standing(TERMS, MONTH, 1_000_000, forecast, NOW)
    assert (young.verdict, young.chance_over) == (Verdict.LEARNING, None)
    over = budget.standing(TERMS, MONTH, 41_000_000, forecast, NOW)
    assert over.verdict == Verdict.OVER


def test_it_lasts_to_the_end_of_the_last_day() -> None:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    done = budget.standing(TERMS, MONTH, 20_000_000, make_forecast(20e6), end)
    assert (done.days_left, done.allowed_per_day, done.pace_per_day) == (0.0, None, 0.0)


# --- leaks on top -----------------------------------------------------------------------------
def test_it_adds_a_leak_so_far_and_to_the_end_to_every_level() -> None:
    calm = make_forecast(36e6)
    counted = {date(2026, 11, 17): 100_000, date(2026, 11, 18): 50_000}
    loud = budget.with_extra(calm, counted, 200_000, NOW)
    days_left = (datetime(2026, 12, 1, tzinfo=UTC) - NOW) / timedelta(days=1)
    added = 150_000 + 200_000 * days_left
    assert [b - a for a, b in zip(calm.totals, loud.totals, strict=True)] == pytest.approx(
        [added] * len(calm.totals)
    )
    assert loud.path[0.5][-1] - calm.path[0.5][-1] == pytest.approx(added)
    assert loud.path[0.5][15] == calm.path[0.5][15]  # the 16th: before the leak
    assert loud.path[0.5][16] - calm.path[0.5][16] == pytest.approx(100_000)
    assert loud.settled - calm.settled == 150_000


# --- sentences --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("total", "used", "said"),
    [
        (36e6, 20_000_000, "November ends at 36M, 4M under the contract."),
        (
            45e6,
            20_000_000,
            "November ends at 45M, 5M over the contract; it crosses on Fri 27 Nov.",
        ),
        (
            45e6,
            41_500_000,
            "The contract is used up: 1.5M over, and November ends at 45M.",
        ),
    ],
)
def test_it_says_the_consequence_first(total: float, used: int, said: str) -> None:
    assert budget.headline(standing(total, used)) == said


def test_it_speaks_of_a_year_within_a_sentence() -> None:
    year = budget.period_at(YEARLY, NOW.date())
    state = budget.standing(YEARLY, year, 401_000_000, make_forecast(500e6), NOW)
    assert budget.headline(state) == (
        "The contract is used up: 1M over, and the year to 14 Mar 2027 ends at 500M."
    )


def test_it_says_the_pace() -> None:
    assert budget.pace(standing(45e6)) == (
        "20M of 40M used, 12 days left; at this pace 45M (44.2–45.8M), crossing 40M on Fri 27 Nov."
    )
    assert budget.pace(standing(36e6)).endswith("at this pace 36M (35.2–36.8M).")


def test_it_says_while_learning_what_it_waits_for() -> None:
    forecast = make_forecast(1e6, learning="learning: 2 of 7 days")
    state = budget.standing(TERMS, MONTH, 500_000, forecast, NOW)
    assert budget.headline(state) == (
        "November: 500k used so far, too early to say more (learning: 2 of 7 days)."
    )
    assert budget.pace(state) == "500k of 40M used, 12 days left; learning: 2 of 7 days."


@pytest.mark.parametrize(
    ("billed", "months", "said"),
    [
        (432_000_000, 12, "The last 12 months billed 432M: 40M looks monthly."),
        (39_000_000, 12, "The last 12 months billed 39M: 40M looks yearly."),
        (36_000_000, 1, "The last month billed 36M: 40M looks monthly."),
        (0, 0, "Nothing has been billed yet, so the history cannot tell a month from a year."),
    ],
)
def test_it_says_what_the_history_tells_of_the_contract(
    billed: int, months: int, said: str
) -> None:
    assert budget.evidence(40_000_000, billed, months) == said
