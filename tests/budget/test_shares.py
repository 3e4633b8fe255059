"""Parts of a total: they add up, in calls and in money; who moved, and why."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdpwatch.budget import Period, Rate
from cdpwatch.budget.invoices import Line, check
from cdpwatch.budget.reasons import Evidence, reason
from cdpwatch.budget.shares import OTHERS, REST, Part, folded, movers, priced, shares
from cdpwatch.budget.subbudgets import UNASSIGNED, Member, SubBudget, in_two, split

NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
RATE = Rate("USD", Decimal(4000), Decimal(150))
CALLS = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 10**8))


@given(calls=CALLS, before=CALLS, total=st.integers(0, 10**9), most=st.integers(1, 5))
def test_it_adds_up_to_the_total_in_calls_and_money(
    calls: dict[str, int], before: dict[str, int], total: int, most: int
) -> None:
    table = shares(calls, total, labels={}, rest="Rest", before=before, total_before=777)
    table = folded(priced(table, RATE, 40_000_000), most)
    assert sum(part.calls for part in table.parts) == total
    assert sum(part.before or 0 for part in table.parts) == (777 if table.parts else 0)
    if total:
        assert sum(part.share or 0 for part in table.parts) == pytest.approx(1)
        assert sum(part.cost or 0 for part in table.parts) == table.total.cost


def test_it_lists_what_is_gone_and_what_no_part_explains() -> None:
    table = shares(
        {"a": 60, "b": 30},
        100,
        labels={"a": "App"},
        rest="Other",
        before={"a": 50, "c": 9},
        total_before=59,
    )
    assert [(row.label, row.calls, row.change) for row in table.parts] == [
        ("App", 60, 10),
        ("b", 30, 30),
        ("c", 0, -9),
        ("Other", 10, 10),
    ]
    assert (table.parts[-1].key, table.total.change) == (REST, 41)
    assert (table.parts[0].growth, table.parts[1].growth) == (0.2, None)


def test_it_has_no_rest_where_the_parts_are_the_total() -> None:
    table = shares({"a": 60, "b": 40}, 100, labels={}, rest="Other")
    assert [row.key for row in table.parts] == ["a", "b"]
    assert table.parts[0].change is None


def test_it_folds_the_tail_into_one_row_before_the_rest() -> None:
    table = folded(shares({"a": 5, "b": 3, "c": 1}, 10, labels={}, rest="Rest"), 1)
    assert [(row.key, row.label, row.calls) for row in table.parts] == [
        ("a", "a", 5),
        (OTHERS, "2 others", 4),
        (REST, "Rest", 1),
    ]


def test_it_names_who_moved_most_up_or_down() -> None:
    table = shares(
        {"a": 50, "b": 5, "c": 7},
        90,
        labels={},
        rest="Rest",
        before={"a": 40, "b": 60, "c": 7},
        total_before=107,
    )
    assert [part.key for part in movers(table)] == ["b", "a"]
    assert [part.key for part in movers(table, 1)] == ["b"]


# --- why --------------------------------------------------------------------------------------
UP, DOWN = Part("a", "A", 50, 10), Part("a", "A", 10, 50)


@pytest.mark.parametrize(
    ("part", "evidence", "said"),
    [
        (UP, Evidence(first_day=date(2026, 11, 12)), "new since Thu 12 Nov"),
        (UP, Evidence(first_day=date(2026, 1, 1), leaks=("page calls",)), "leak: page calls"),
        (DOWN, Evidence(last_day=date(2026, 11, 9)), "no calls since Mon 9 Nov"),
        (DOWN, Evidence(last_day=date(2026, 11, 30), plans=("Sale",)), "planned: Sale"),
        (UP, Evidence(events=(Part("x", "Opened", 40, 5), Part("y", "Shut", 9, 5))), "Opened +35"),
        (UP, Evidence(events=(Part("x", "Opened", 9, 5),)), ""),
        (DOWN, Evidence(), ""),
    ],
)
def test_it_gives_the_first_reason_that_fits(part: Part, evidence: Evidence, said: str) -> None:
    assert reason(part, evidence, NOVEMBER) == said


# --- sub-budgets ------------------------------------------------------------------------------
GROWTH = SubBudget("Growth", 10, "label", ("team:growth",))
PROD = SubBudget("Prod", 90, "environment", ("Prod",))
WEB = Member(1, "Web", environment="Prod", labels={"team": "growth"})
API = Member(2, "Api", environment="Prod", owner="Ada")
TEST = Member(3, "Test", environment="Staging")


def test_it_has_a_row_for_what_is_unassigned() -> None:
    told = split([PROD], [API, TEST], {2: 50, 3: 20}, 75, allowance=100)
    assert [(row.name, row.used, row.left) for row in told.rows] == [
        ("Prod", 50, 40),
        (UNASSIGNED, 25, None),
    ]
    assert (told.rows[-1].sources, told.remarks) == ((3,), ())


def test_it_counts_a_source_of_two_sub_budgets_once_and_says_so() -> None:
    told = split([GROWTH, PROD], [WEB, API], {1: 30, 2: 50}, 80, allowance=99)
    assert [(row.name, row.used) for row in told.rows] == [
        ("Growth", 30),
        ("Prod", 50),
        (UNASSIGNED, 0),
    ]
    assert told.remarks == (
        "Web is in Growth and in Prod: it counts for Growth.",
        "The sub-budgets come to 100, 1 above the contract.",
    )
    assert in_two([PROD], [WEB]) == []


@given(
    owners=st.lists(st.sampled_from(["", "ada", "bob"]), max_size=20),
    calls=st.lists(st.integers(0, 10**7), min_size=20, max_size=20),
    total=st.integers(0, 10**9),
)
def test_it_splits_a_total_into_rows_that_add_up(
    owners: list[str], calls: list[int], total: int
) -> None:
    members = [Member(n, f"s{n}", owner=owner) for n, owner in enumerate(owners)]
    budgets = [SubBudget("Ada", 5, "owner", ("ada",)), SubBudget("Bob", 5, "owner", ("bob",))]
    told = split(budgets, members, dict(enumerate(calls)), total)
    assert sum(row.used for row in told.rows) == total


# --- invoices ---------------------------------------------------------------------------------
DAY = {date(2026, 11, n): 10 for n in (1, 2, 3)}


def test_it_shows_the_difference_by_day_and_by_source() -> None:
    lines = [Line(12, date(2026, 11, 1), "s1"), Line(10, date(2026, 11, 2), "s2")]
    told = check(40, lines, {**DAY, date(2026, 11, 4): None}, {"s1": 15, "s2": 10}, {"s1": "Web"})
    assert (told.calls, told.unknown_days) == (10, 1)
    assert [(row.label, row.billed, row.ours, row.calls) for row in told.by_day] == [
        ("2026-11-01", 12, 10, 2),
        ("2026-11-02", 10, 10, 0),
        ("not told by day", 18, 10, 8),
    ]
    assert [(row.label, row.calls) for row in told.by_source] == [
        ("Web", -3),
        ("s2", 0),
        ("not told by source", 13),
    ]


def test_it_checks_an_invoice_that_tells_nothing_but_its_total() -> None:
    told = check(25, [], DAY, {}, {})
    assert [(row.label, row.calls) for row in (*told.by_day, *told.by_source)] == [
        ("not told by day", -5),
        ("not told by source", -5),
    ]


@given(
    billed=st.integers(0, 10**6),
    lines=st.lists(
        st.builds(
            Line,
            st.integers(0, 10**5),
            st.none() | st.dates(date(2026, 11, 1), date(2026, 11, 5)),
            st.sampled_from(["", "a", "b"]),
        )
    ),
)
def test_its_differences_add_up(billed: int, lines: list[Line]) -> None:
    told = check(billed, lines, DAY, {"a": 7}, {"a": "Web"})
    for rows in (told.by_day, told.by_source):
        assert sum(row.billed for row in rows) == told.billed
        assert sum(row.ours or 0 for row in rows) == told.ours
        assert all(row.calls is None for row in rows if row.ours is None)
