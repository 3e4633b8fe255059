"""What-ifs: laid over a projection, carried by a link; and the inputs of a projection."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdpwatch import budget
from cdpwatch.books import whatif
from cdpwatch.budget.money import Rate
from cdpwatch.budget.outlay import outlay, whole_periods
from cdpwatch.budget.scenario import (
    LAUNCH,
    SLICES,
    BadScenario,
    Change,
    Slice,
    apply,
    from_query,
    read,
    to_query,
)
from cdpwatch.forecast import Forecast
from tests.factories import EVEN, NOVEMBER, NOW, TERMS, TODAY, make_forecast

CALM = make_forecast(36e6, settled=36e6 * 17 / 30)
AHEAD = 36e6 * 13 / 30  # of the median, from the 18th on
TRAFFIC = [
    Slice("application", "web", "track", "Opened", 50),
    Slice("application", "web", "page", "", 10),
    Slice("backend", "api", "track", "Opened", 20),
]
NAMES = st.text(min_size=1, max_size=40)
CHANGES = st.builds(
    Change,
    what=st.sampled_from([*SLICES, LAUNCH]),
    key=NAMES,
    amount=st.floats(0, 1000),
    since=st.dates(),
)


@given(changes=st.lists(CHANGES, max_size=20))
def test_it_goes_into_a_link_and_comes_back(changes: list[Change]) -> None:
    assert from_query(to_query(changes)) == tuple(changes)


def test_its_link_can_be_read() -> None:
    change = Change("event", "Signed up", 0.5, date(2026, 12, 1))
    assert to_query([change]) == "c=event:Signed+up:0.5:2026-12-01"


@pytest.mark.parametrize(
    "query",
    [
        "c=event:x:0.5",
        "c=event:x:nan:2026-12-01",
        "c=event:x:-1:2026-12-01",
        "c=event:x:1e9:2026-12-01",
        "c=event::1:2026-12-01",
        "c=planet:x:1:2026-12-01",
        "c=event:x:1:2026-13-01",
        "&".join(["c=event:x:1:2026-12-01"] * 21),
        f"c=event:{'x' * 301}:1:2026-12-01",
    ],
)
def test_it_refuses_a_link_that_says_nothing_sensible(query: str) -> None:
    with pytest.raises(BadScenario):
        from_query(query)


def test_it_reads_what_can_be_and_says_why_the_rest_is_left_out() -> None:
    good = "c=event:x:0.5:2026-12-01"
    changes, refused = read(f"{good}&c=planet\u202e:x:1:2026-12-01&c=x&{good}")
    assert len(changes) == 2
    assert refused == [
        "“planet :x:1:2026-12-01” is left out. Nothing is called planet  here.",
        "“x” is left out. A change is written what:name:amount:day.",
    ]
    changes, (said,) = read("&".join([good] * 50))
    assert (len(changes), said) == (20, "A scenario has at most 20 changes: 30 changes left out.")


def laid(*changes: Change, total: int = 100) -> float:
    return apply(CALM, changes, TRAFFIC, total, TODAY).quantile(0.5) - 36e6


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        (Change("app", "application", 0, TODAY), 0.6),
        (Change("source", "api", 0, TODAY), 0.2),
        (Change("event", "Opened", 0.5, TODAY), 0.35),
        (Change("call_type", "page", 0, TODAY), 0.1),
        (Change("app", "application", 2, TODAY), -0.6),
        (Change("app", "nobody", 0, TODAY), 0.0),
    ],
)
def test_it_scales_what_is_to_come_by_the_share_of_the_slice(change: Change, gone: float) -> None:
    assert laid(change) == pytest.approx(-gone * AHEAD)


def test_it_changes_nothing_before_its_day() -> None:
    later = Change("app", "application", 0, date(2026, 11, 25))
    bent = apply(CALM, [later], TRAFFIC, 100, TODAY)
    assert bent.path[0.5][:24] == pytest.approx(CALM.path[0.5][:24])
    assert laid(later) == pytest.approx(-0.6 * 36e6 * 6 / 30)


def test_it_keeps_what_is_counted_whatever_is_switched_off() -> None:
    off = [Change("app", name, 0, NOVEMBER) for name in ("application", "backend")]
    bent = apply(CALM, off, TRAFFIC, 80, TODAY)
    assert bent.totals == pytest.approx([CALM.settled] * len(bent.totals))
    assert bent.path[0.5][-1] == pytest.approx(CALM.settled)


def test_it_keeps_what_the_running_day_has_counted() -> None:
    noon = make_forecast(36e6, settled=36e6 * 17.5 / 30)
    off = [Change("app", name, 0, TODAY) for name in ("application", "backend")]
    bent = apply(noon, off, TRAFFIC, 80, TODAY)
    assert bent.path[0.5][-1] == bent.path[0.5][17] == pytest.approx(noon.settled)


def test_it_takes_nothing_away_twice() -> None:
    both = laid(Change("app", "application", 0, TODAY), Change("event", "Opened", 0, TODAY))
    assert both == pytest.approx(-0.8 * AHEAD)


def test_it_adds_a_launch_from_its_day_to_every_level() -> None:
    launch = Change(LAUNCH, "New app", 100_000, date(2026, 11, 29))
    bent = apply(CALM, [launch], TRAFFIC, 100, TODAY)
    assert [b - a for a, b in zip(CALM.totals, bent.totals, strict=True)] == pytest.approx(
        [200_000] * len(CALM.totals)
    )


def test_it_can_switch_off_no_more_than_all_of_it() -> None:
    assert laid(Change("call_type", "track", 0, TODAY), total=10) >= -AHEAD - 1


@given(changes=st.lists(CHANGES, max_size=5), total=st.integers(0, 1000))
def test_it_stays_in_order_whatever_is_asked(changes: list[Change], total: int) -> None:
    bent = apply(CALM, changes, TRAFFIC, total, TODAY)
    assert list(bent.path[0.5]) == sorted(bent.path[0.5])
    assert min(bent.totals) >= min(CALM.settled, min(CALM.totals)) - 1e-3


# --- money ------------------------------------------------------------------------------------
RATE = Rate("USD", Decimal(4_000), Decimal(100), 1_000_000)
PRICED = replace(TERMS, rate=RATE)
MONTH = budget.Period(NOVEMBER, date(2026, 12, 1))


def test_it_judges_each_period_of_a_span_by_itself() -> None:
    """Two months of 50M and 30M: 10M over 40M, though both together stay under 80M."""
    span = budget.Period(NOVEMBER, date(2027, 1, 1))
    days = tuple(NOVEMBER + timedelta(days=n) for n in range(61))
    steps = [50e6 / 30] * 30 + [30e6 / 31] * 31
    path = {level: tuple(accumulate(steps)) for level in (0.1, 0.5, 0.9)}
    both = Forecast((0.1, 0.9), (80e6, 80e6), days, path, 0.0, "test")
    told = outlay(PRICED, span, both, 0, MONTH)
    assert (told.periods, told.over, told.overage) == (2, 10_000_000, Decimal(1_000))
    assert (told.worth, told.cost) == (Decimal(8_000), Decimal(9_000))
    assert outlay(PRICED, span, both, 4_000_000, MONTH).over == 6_000_000


def test_it_tells_no_money_without_a_price_nor_of_cut_periods() -> None:
    told = outlay(TERMS, MONTH, CALM, 0, MONTH)
    assert (told.periods, told.overage, told.worth, told.cost) == (1, None, None, None)
    assert outlay(PRICED, budget.Period(TODAY, date(2026, 12, 1)), CALM, 0, MONTH).periods == 0
    before = budget.Period(date(2025, 1, 1), date(2026, 1, 1))
    assert list(whole_periods(PRICED, before)) == []  # the contract began later


def test_it_adds_a_leak_to_a_year_to_come_from_its_first_day_on() -> None:
    days = tuple(date(2027, 1, 1) + timedelta(days=n) for n in range(10))
    path = {0.5: (0.0,) * 10}
    ahead = Forecast((0.1, 0.9), (0.0, 0.0), days, path, 0.0, "test")
    assert budget.with_extra(ahead, {}, 5.0, NOW).path[0.5][-1] == pytest.approx(50)


# --- spans ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("terms", "today", "ends"),
    [
        (TERMS, date(2026, 11, 18), ["2026-12-01", "2027-11-01"]),
        (TERMS, date(2027, 9, 1), ["2027-10-01", "2027-11-01", "2028-11-01"]),
        (
            replace(TERMS, ends_on=date(2027, 11, 1)),
            date(2027, 9, 1),
            ["2027-10-01", "2027-11-01"],
        ),
        (replace(TERMS, confirmed=False), date(2026, 6, 18), ["2026-07-01", "2027-01-01"]),
        (replace(TERMS, kind="year"), date(2026, 11, 18), ["2026-12-01", "2027-11-01"]),
    ],
)
def test_it_moves_the_month_and_the_contracts_year(
    terms: budget.Terms, today: date, ends: list[str]
) -> None:
    spans = whatif.spans(terms, budget.period_at(terms, today), today)
    assert [span.end.isoformat() for span in spans] == ends


# --- inputs -----------------------------------------------------------------------------------
def make_inputs(**fields: object) -> budget.Inputs:
    days = {TODAY - timedelta(days=n): 1_000_000.5 + 1000 * n for n in range(1, 90)}
    first, calls = budget.series({**days, date(2026, 10, 3): None})
    end = date(2026, 12, 1)
    values = {"running": 400_000.0, "hour_shares": EVEN, **fields}
    return budget.Inputs(NOVEMBER, end, NOW, first, calls, **values)  # type: ignore[arg-type]


def test_it_projects_the_same_again_from_what_was_kept() -> None:
    leaks = budget.Extra({date(2026, 11, 17): 90_000}, 200_000.25)
    inputs = make_inputs(leaks=leaks, holidays=(date(2026, 11, 26),))
    text = budget.packed(inputs)
    assert budget.unpacked(text) == inputs
    assert budget.unpacked(text).project() == inputs.project()
    assert inputs.project().quantile(0.5) > make_inputs().project().quantile(0.5)


def test_it_keeps_a_hole_in_the_days_a_hole() -> None:
    days = {NOVEMBER: 1.0, NOVEMBER + timedelta(days=2): 3.0}
    assert budget.series(days) == (NOVEMBER, (1.0, None, 3.0))


def test_it_keeps_a_projections_inputs_small() -> None:
    assert len(budget.packed(make_inputs())) < 4_000


def test_it_projects_from_nothing_too() -> None:
    first, calls = budget.series({})
    empty = budget.Inputs(NOVEMBER, date(2026, 12, 1), NOW, first, calls, None, EVEN)
    assert budget.unpacked(budget.packed(empty)).project().learning


@pytest.mark.parametrize("text", ["", "abc", "0000"])
def test_it_refuses_what_are_no_inputs(text: str) -> None:
    with pytest.raises(ValueError, match="no inputs|bad base85"):
        budget.unpacked(text)
