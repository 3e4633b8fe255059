"""The projection engine: what it says, what it refuses to say, and that bad input never leaks."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdpwatch.forecast import LEVELS, PATH_LEVELS, Event, Forecast, period, project
from cdpwatch.forecast.seasons import last_year

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
JANUARY = date(2026, 1, 1)


def at(day: date, hour: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def counts(start: date, days: int, calls: Callable[[date], float]) -> dict[date, float | None]:
    return {d: calls(d) for d in (start + timedelta(days=i) for i in range(days))}


def business(day: date) -> float:
    """A B2B day: 1.6M calls on weekdays, 0.5M at the weekend."""
    return 1_600_000 if day.weekday() < 5 else 500_000


def month_total(calls: Callable[[date], float]) -> float:
    return sum(calls(MARCH + timedelta(days=i)) for i in range(31))


def noisy(seed: int) -> Callable[[date], float]:
    noise = np.random.default_rng(seed).normal(1, 0.08, size=800)
    return lambda day: float(business(day) * noise[(day - date(2025, 1, 1)).days])


def test_it_knows_weekdays_from_weekends() -> None:
    # Cut after five weekdays, where the run rate is 22% too high.
    start, end = date(2026, 6, 1), date(2026, 7, 1)
    truth = sum(business(start + timedelta(days=i)) for i in range(30))
    history = counts(date(2026, 3, 1), 97, business)

    forecast = period(history, start, end, at(date(2026, 6, 6)))

    assert business(start) * 30 / truth > 1.2
    assert forecast.quantile(0.5) == pytest.approx(truth, rel=0.01)
    assert forecast.learning == ""


def test_it_learns_weekdays_from_three_weeks() -> None:
    history = counts(date(2026, 2, 13), 21, business)

    forecast = period(history, MARCH, APRIL, at(date(2026, 3, 6)))

    assert forecast.quantile(0.5) == pytest.approx(month_total(business), rel=0.01)


def test_it_takes_a_hole_for_unknown_not_for_zero() -> None:
    history = counts(JANUARY, 72, business)
    whole = period(history, MARCH, APRIL, at(date(2026, 3, 14)))
    history[date(2026, 3, 3)] = None
    del history[date(2026, 3, 10)]

    holes = period(history, MARCH, APRIL, at(date(2026, 3, 14)))

    assert holes.quantile(0.5) == pytest.approx(whole.quantile(0.5), rel=0.02)
    assert holes.settled == whole.settled - 2 * 1_600_000


def test_it_is_less_sure_of_a_settled_part_with_holes() -> None:
    history = counts(date(2025, 9, 1), 212, noisy(3))
    now = at(date(2026, 3, 30))
    whole = period(history, MARCH, APRIL, now)
    holes = period({d: v for d, v in history.items() if not 8 <= d.day < 22}, MARCH, APRIL, now)

    assert width(holes) > 2 * width(whole)


def width(forecast: Forecast) -> float:
    return forecast.quantile(0.9) - forecast.quantile(0.1)


@pytest.mark.parametrize("bad", [-5.0, math.nan, math.inf, -math.inf])
def test_it_takes_an_impossible_count_for_a_hole(bad: float) -> None:
    history = counts(JANUARY, 72, business)
    hole, broken = {**history, date(2026, 3, 4): None}, {**history, date(2026, 3, 4): bad}
    now = at(date(2026, 3, 14))

    assert period(broken, MARCH, APRIL, now, bad) == period(hole, MARCH, APRIL, now)


def test_it_takes_the_known_total_for_the_settled_days() -> None:
    history = counts(JANUARY, 72, business)
    for day in (3, 4, 5, 10):
        history[date(2026, 3, day)] = None

    forecast = period(history, MARCH, APRIL, at(date(2026, 3, 14)), known_total=17_000_000)

    assert forecast.settled == pytest.approx(17_000_000)
    assert all(line[12] == pytest.approx(17_000_000) for line in forecast.path.values())
    assert forecast.path[0.5][0] == 500_000


def test_it_shares_a_joint_total_among_holes_by_their_weekdays() -> None:
    history = counts(JANUARY, 59, business)  # nothing measured in March
    now = at(date(2026, 3, 9))

    forecast = period(history, MARCH, APRIL, now, known_total=2 * 9_000_000 + 1_000_000)

    sunday, monday = np.diff((0, *forecast.path[0.5]))[:2]
    assert monday / sunday == pytest.approx(1_600_000 / 500_000)


@pytest.mark.parametrize("total", [0.0, 9_000_000.0, 30_000_000.0])
def test_it_scales_the_days_to_a_known_total_that_leaves_no_room_for_holes(total: float) -> None:
    history = counts(JANUARY, 72, business)
    holes = {**history, date(2026, 3, 4): None}

    for days in (history, holes):
        forecast = period(days, MARCH, APRIL, at(date(2026, 3, 14)), known_total=total)

        assert forecast.settled == pytest.approx(total)
        assert forecast.path[0.5][12] == pytest.approx(total)


def test_it_adds_the_running_day_and_only_the_rest_of_it() -> None:
    history = counts(JANUARY, 64, business)
    history[date(2026, 3, 6)] = 9e9  # today and later: not to be looked at
    noon = at(date(2026, 3, 6), 12)

    forecast = period(history, MARCH, APRIL, noon, 1_000_000)

    assert forecast.settled == 500_000 + 4 * 1_600_000 + 1_000_000
    assert forecast.path[0.5][5] == pytest.approx(forecast.settled + 800_000, rel=0.02)


def test_it_spreads_the_running_day_by_its_hours() -> None:
    history = counts(JANUARY, 64, business)
    shares = [0.0] * 8 + [1.0] * 4 + [0.0] * 12
    noon = at(date(2026, 3, 6), 12)

    forecast = period(history, MARCH, APRIL, noon, 1_700_000, hour_shares=shares)

    assert forecast.path[0.025][5] == forecast.path[0.975][5] == forecast.settled


@pytest.mark.parametrize("shares", [[1.0] * 23, [0.0] * 24, [-1.0] + [1.0] * 23])
def test_it_refuses_hours_that_are_not_a_day(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="24 parts"):
        period({}, MARCH, APRIL, at(MARCH), hour_shares=shares)


def test_it_refuses_an_empty_period_and_a_naive_clock() -> None:
    for end, now in ((MARCH, at(MARCH)), (APRIL, datetime(2026, 3, 1))):
        with pytest.raises(ValueError, match="start < end"):
            period({}, MARCH, end, now)


def test_it_reads_the_clock_in_utc() -> None:
    history = counts(JANUARY, 75, business)
    east = datetime.fromisoformat("2026-03-14T03:00:00+05:00")  # still the 13th in UTC

    assert period(history, MARCH, APRIL, east).settled == 500_000 * 3 + 1_600_000 * 9


def test_it_says_that_it_is_learning() -> None:
    forecast = period(counts(MARCH, 5, business), MARCH, APRIL, at(date(2026, 3, 6)))

    assert forecast.learning == "learning: 5 of 7 days"
    assert forecast.quantile(0.9) > 1.5 * forecast.quantile(0.5)


def test_it_says_nothing_confident_from_nothing() -> None:
    forecast = period({}, MARCH, APRIL, at(date(2026, 3, 6)))

    assert forecast.learning == "learning: 0 of 7 days"
    assert set(forecast.totals) == {0.0}


def test_it_guesses_from_the_running_day_alone() -> None:
    forecast = period({}, MARCH, APRIL, at(MARCH, 12), 100)

    assert forecast.quantile(0.5) == pytest.approx(31 * 200)


def test_it_projects_silence_from_silence() -> None:
    forecast = period(counts(JANUARY, 70, lambda d: 0), MARCH, APRIL, at(date(2026, 3, 12)))

    assert set(forecast.totals) == {0.0}
    assert forecast.chance_over(1) == 0


def test_it_follows_a_source_that_starts_mid_period() -> None:
    history = counts(date(2026, 3, 8), 14, lambda d: 1000)
    nothing_before = {**counts(MARCH, 7, lambda d: 0), **history}

    forecast = period(nothing_before, MARCH, APRIL, at(date(2026, 3, 22)))

    assert forecast.quantile(0.5) == pytest.approx(24_000, rel=0.1)


def test_it_follows_a_level_break() -> None:
    history = counts(date(2025, 6, 1), 283, lambda d: business(d) * (2 if d >= MARCH else 1))

    forecast = period(history, MARCH, APRIL, at(date(2026, 3, 11)))

    assert forecast.quantile(0.5) == pytest.approx(2 * month_total(business), rel=0.05)


def test_it_projects_a_year() -> None:
    calls = noisy(11)
    year = date(2025, 7, 1), date(2026, 7, 1)
    history = counts(date(2025, 1, 1), 424, calls)
    truth = sum(calls(d) for d in counts(year[0], 365, calls))

    forecast = period(history, *year, at(date(2026, 3, 1)))

    assert len(forecast.days) == 365
    assert forecast.quantile(0.5) == pytest.approx(truth, rel=0.02)
    assert forecast.quantile(0.025) < truth < forecast.quantile(0.975)


def test_it_knows_a_finished_period_exactly() -> None:
    forecast = period(counts(MARCH, 50, business), MARCH, APRIL, at(date(2026, 4, 15)))

    assert set(forecast.totals) == {month_total(business)}
    assert forecast.chance_over(month_total(business)) == 0
    assert forecast.chance_over(month_total(business) - 1) == 1


def test_it_forgets_what_is_older_than_three_years() -> None:
    recent = counts(date(2023, 3, 8), 1100, lambda d: 1000 + d.day)
    older = counts(date(2022, 3, 8), 365, lambda d: 9_000_000)
    now = at(date(2026, 3, 12))

    assert period({**older, **recent}, MARCH, APRIL, now) == period(recent, MARCH, APRIL, now)


def test_it_never_lets_a_path_fall_on_a_silent_day() -> None:
    history = counts(JANUARY, 66, lambda d: business(d) if d.weekday() < 5 else 0)

    forecast = period(history, MARCH, APRIL, at(date(2026, 3, 8)))

    assert all(list(line) == sorted(line) for line in forecast.path.values())


def test_it_is_calibrated_on_plain_noise() -> None:
    inside = [truth_within(noisy(seed), cut) for seed in range(12) for cut in (3, 7, 14, 21)]

    assert 0.6 <= sum(inside) / len(inside) <= 0.97


def truth_within(calls: Callable[[date], float], cut: int) -> bool:
    history = counts(date(2025, 3, 1), 365 + cut, calls)
    forecast = period(history, MARCH, APRIL, at(MARCH + timedelta(days=cut)))
    return forecast.quantile(0.1) <= month_total(calls) <= forecast.quantile(0.9)


@pytest.fixture
def noisy_month() -> Forecast:
    history = counts(date(2025, 6, 1), 283, noisy(5))
    return period(history, MARCH, APRIL, at(date(2026, 3, 11)))


def test_it_lowers_the_chance_of_over_as_the_allowance_grows(noisy_month: Forecast) -> None:
    chances = [noisy_month.chance_over(a) for a in np.linspace(0, 80_000_000, 400)]

    assert chances == sorted(chances, reverse=True)
    assert (chances[0], chances[-1]) == (1, 0)
    assert noisy_month.chance_over(noisy_month.quantile(0.8)) == pytest.approx(0.2)


def test_it_is_certain_of_what_is_already_crossed() -> None:
    wide = Forecast((0.1, 0.5, 0.9), (100, 150, 300), (MARCH,), {0.5: (150,)}, 90, "test")

    assert [wide.chance_over(v) for v in (60, 90, 95, 100, 450)] == pytest.approx(
        [1, 1, 0.95, 0.9, 0]
    )


def test_it_names_the_day_on_which_the_median_crosses() -> None:
    forecast = period(counts(JANUARY, 69, lambda d: 100), MARCH, APRIL, at(date(2026, 3, 11)))

    assert forecast.crosses_on(1_950) == date(2026, 3, 20)
    assert forecast.crosses_on(450) == date(2026, 3, 5)
    assert forecast.crosses_on(3_500) is None


def test_it_draws_a_path_that_starts_known_and_ends_in_the_totals(noisy_month: Forecast) -> None:
    lines = [noisy_month.path[level] for level in PATH_LEVELS]

    assert noisy_month.days == tuple(MARCH + timedelta(days=i) for i in range(31))
    assert {line[9] for line in lines} == {lines[0][9]}
    assert [line[-1] for line in lines] == [noisy_month.quantile(level) for level in PATH_LEVELS]
    assert all(list(line) == sorted(line) for line in lines)
    assert width_at(lines, 12) < width_at(lines, 20) < width_at(lines, 30)


def width_at(lines: list[tuple[float, ...]], day: int) -> float:
    return lines[-1][day] - lines[0][day]


def test_it_says_the_same_whatever_the_order_of_the_history() -> None:
    history = counts(JANUARY, 70, noisy(2))
    backwards = dict(reversed(history.items()))
    now = at(date(2026, 3, 12))

    assert period(history, MARCH, APRIL, now) == period(backwards, MARCH, APRIL, now)


def test_it_scales_with_the_traffic() -> None:
    small = period(counts(JANUARY, 70, noisy(4)), MARCH, APRIL, at(date(2026, 3, 12)))
    large = period(
        counts(JANUARY, 70, lambda d: 1000 * noisy(4)(d)), MARCH, APRIL, at(date(2026, 3, 12))
    )

    assert large.totals == pytest.approx([1000 * v for v in small.totals])


def test_it_answers_the_scorer_as_it_answers_the_product() -> None:
    history = counts(JANUARY, 70, noisy(6))
    dates = np.array(list(history), dtype="datetime64[D]")
    values = np.array(list(history.values()), dtype=float)

    quantiles = project(dates, values, dates[-1], np.datetime64("2026-03"), LEVELS)

    expected = period(history, MARCH, APRIL, at(date(2026, 3, 12)))
    assert tuple(quantiles) == expected.totals


def test_it_takes_hours_as_days_and_a_running_day() -> None:
    hours = np.arange("2026-01-01T00", "2026-03-06T12", dtype="datetime64[h]")
    values = np.full(len(hours), 100.0)
    values[-12:] = 500.0

    quantiles = project(hours, values, hours[-1], np.datetime64("2026-03"), LEVELS)

    assert quantiles[8] == pytest.approx(30.5 * 2400 + 12 * 500, rel=0.001)


def quiet_on(off: set[date]) -> Callable[[date], float]:
    return lambda day: business(day) * (0.2 if day in off else 1)


def test_it_learns_what_a_holiday_does() -> None:
    off = {date(2025, m, 14) for m in range(4, 13)} | {date(2026, 3, d) for d in (17, 18, 19)}
    history = counts(date(2025, 3, 1), 375, quiet_on(off))
    now = at(date(2026, 3, 11))

    without, knowing = (period(history, MARCH, APRIL, now, holidays=h) for h in ((), off))

    truth = month_total(quiet_on(off))
    assert without.quantile(0.5) > 1.08 * truth
    assert knowing.quantile(0.5) == pytest.approx(truth, rel=0.03)
    assert knowing.path[0.5][16] - knowing.path[0.5][15] < 700_000  # a Tuesday, a holiday


def test_it_makes_nothing_of_holidays_that_it_never_saw() -> None:
    history = counts(JANUARY, 69, business)
    now = at(date(2026, 3, 11))

    assert period(history, MARCH, APRIL, now, holidays=[date(2026, 3, 17)]) == period(
        history, MARCH, APRIL, now
    )


def test_it_knows_the_end_of_a_month() -> None:
    def payday(day: date) -> float:
        return business(day) * (2 if (day + timedelta(days=3)).month != day.month else 1)

    forecast = period(counts(date(2025, 3, 1), 385, payday), MARCH, APRIL, at(date(2026, 3, 21)))

    assert forecast.quantile(0.5) == pytest.approx(month_total(payday), rel=0.03)
    assert forecast.path[0.5][30] - forecast.path[0.5][29] > 2_400_000


def test_it_remembers_how_the_calls_changed_a_year_ago() -> None:
    calls = np.where(np.arange(800) % 364 < 28, 50.0, 100.0)

    december, spring, young = last_year(calls, np.array([728, 784, 300]), 16, 0.0)

    assert december == pytest.approx(np.log(0.5))
    assert (spring, young) == (0, 0)


def test_it_takes_a_change_over_more_than_a_year_for_growth() -> None:
    assert not last_year(np.geomspace(1, 9, 900), np.array([800]), 365, 0.0).any()


def test_it_switches_a_source_off_from_a_day_on() -> None:
    history = counts(JANUARY, 69, business)
    off = Event(date(2026, 3, 21), scale=0)

    forecast = period(history, MARCH, APRIL, at(date(2026, 3, 11)), events=[off])

    until_then = sum(business(date(2026, 3, d)) for d in range(1, 21))
    assert forecast.quantile(0.5) == pytest.approx(until_then, rel=0.01)
    assert all(line[19] == pytest.approx(line[30]) for line in forecast.path.values())


def test_it_adds_a_launch_until_it_ends() -> None:
    history = counts(JANUARY, 69, business)
    now = at(date(2026, 3, 11))
    launch = Event(date(2026, 3, 15), scale=1.5, add=100_000, end=date(2026, 3, 18))

    plain, more = (period(history, MARCH, APRIL, now, events=e) for e in ((), (launch,)))

    extra = sum(0.5 * business(date(2026, 3, d)) + 100_000 for d in (15, 16, 17))
    assert more.quantile(0.5) - plain.quantile(0.5) == pytest.approx(extra, rel=0.03)


def test_it_takes_an_event_that_is_on_for_known() -> None:
    launch = Event(date(2026, 3, 8), scale=2)
    history = counts(date(2025, 9, 1), 191, lambda d: business(d) * (2 if launch.on(d) else 1))

    forecast = period(history, MARCH, APRIL, at(date(2026, 3, 11)), events=[launch])

    truth = sum(business(d) * (2 if launch.on(d) else 1) for d in counts(MARCH, 31, business))
    assert forecast.quantile(0.5) == pytest.approx(truth, rel=0.01)
    assert forecast.settled == 500_000 + 5 * 1_600_000 + 500_000 + 2 * (500_000 + 2 * 1_600_000)


@pytest.mark.parametrize(
    "plan",
    [{"scale": -1}, {"scale": math.nan}, {"add": math.inf}, {"end": MARCH}],
)
def test_it_refuses_an_event_that_cannot_be(plan: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="an event needs"):
        Event(MARCH, **plan)


def test_it_learns_from_the_other_sources_how_wrong_it_may_be() -> None:
    history = counts(date(2026, 2, 16), 23, noisy(8))
    now = at(date(2026, 3, 11))

    calm, wild = (period(history, MARCH, APRIL, now, peers=p) for p in ([0.01] * 3, [0.6] * 3))

    assert calm.quantile(0.5) == wild.quantile(0.5)
    assert width(wild) > 1.5 * width(calm)


def test_it_trusts_its_own_long_past_more_than_the_other_sources() -> None:
    history = counts(date(2025, 3, 1), 375, noisy(8))
    now = at(date(2026, 3, 21))

    alone, among = (period(history, MARCH, APRIL, now, peers=p) for p in ((), [0.6] * 3))

    assert alone.spread == among.spread
    assert width(among) < 1.5 * width(alone)


def test_it_is_not_poisoned_by_one_absurd_count() -> None:
    history = counts(date(2025, 6, 1), 283, noisy(9))
    glitch = {**history, date(2026, 2, 20): 5e12}
    now = at(date(2026, 3, 11))

    clean, broken = (period(h, MARCH, APRIL, now).quantile(0.5) for h in (history, glitch))

    assert broken == pytest.approx(clean, rel=0.1)


days_of_calls = st.lists(
    st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.integers(0, 10**12).map(float),
    max_size=120,
)


@settings(deadline=None, max_examples=150, derandomize=True, database=None)
@given(
    days_of_calls,
    st.integers(-20, 90),
    st.integers(1, 366),
    st.integers(0, 130),
    st.none() | st.floats(),
    st.none() | st.floats(),
    st.lists(
        st.builds(
            Event,
            st.integers(-9, 99).map(lambda i: JANUARY + timedelta(days=i)),
            st.floats(0, 1e3),
            st.floats(-1e9, 1e9),
        ),
        max_size=2,
    ),
)
def test_it_never_says_nan_nor_less_than_nothing(
    calls: list[float | None],
    offset: int,
    length: int,
    cut: int,
    running: float | None,
    total: float | None,
    events: list[Event],
) -> None:
    start = JANUARY + timedelta(days=offset)
    history = {JANUARY + timedelta(days=i): v for i, v in enumerate(calls)}
    now = at(JANUARY + timedelta(days=cut), 9)

    forecast = period(
        history,
        start,
        start + timedelta(days=length),
        now,
        running,
        holidays=[start, JANUARY + timedelta(days=3)],
        events=events,
        known_total=total,
    )

    everything = [*forecast.totals, *(v for line in forecast.path.values() for v in line)]
    assert all(math.isfinite(v) and v >= 0 for v in everything)
    assert list(forecast.totals) == sorted(forecast.totals)
    assert all(list(line) == sorted(line) for line in forecast.path.values())
    assert 0 <= forecast.chance_over(1000) <= 1
