"""Leaks: what is found in which situation, and what it is said to cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from cdpwatch.detectors import leak
from cdpwatch.readings import TrafficSlice
from tests.factories import EVEN, NOW, TODAY, at, make_situation, make_slice

DOCS = make_slice(call_type="track", event="[GitBook] site_view")
IN_APP = make_slice(call_type="track", event="Signed up")
YESTERDAY = TODAY - timedelta(days=1)


def fingerprints(*traffic: TrafficSlice) -> list[str]:
    return [finding.fingerprint for finding in leak.find(make_situation(traffic=traffic))]


@pytest.mark.parametrize(
    ("traffic", "found"),
    [
        ((), []),
        ((IN_APP,), []),
        ((make_slice(),), ["leak:1:in-app-pages:page"]),
        ((DOCS,), ["leak:1:gitbook-integration:track"]),
        # One leak, whatever the pages are called.
        ((make_slice(), make_slice(event="Pricing")), ["leak:1:in-app-pages:page"]),
        # Another source or call type is another leak.
        (
            (make_slice(), make_slice(source_id=2), make_slice(call_type="screen")),
            [
                "leak:1:in-app-pages:page",
                "leak:2:in-app-pages:page",
                "leak:1:in-app-pages:screen",
            ],
        ),
        # Stray calls, and what has stopped, are none.
        ((make_slice(recent=leak.FLOOR - 1),), []),
        ((make_slice(recent=0),), []),
        # Many small names make one leak together.
        (
            tuple(make_slice(event=f"Page {n}", recent=1) for n in range(leak.FLOOR)),
            ["leak:1:in-app-pages:page"],
        ),
    ],
)
def test_it_finds_one_leak_per_source_rule_and_call_type(
    traffic: tuple[TrafficSlice, ...], found: list[str]
) -> None:
    assert fingerprints(*traffic) == found


def test_it_puts_the_largest_leak_first() -> None:
    large = make_slice(source_id=2, by_day={TODAY: 9_000})
    assert fingerprints(make_slice(), large)[0] == "leak:2:in-app-pages:page"


def test_it_prices_a_leak_so_far_and_to_the_end_of_the_period() -> None:
    [found] = leak.leaks(make_situation(traffic=(make_slice(),)))
    assert (found.since, found.so_far) == (NOW - timedelta(hours=6), 6_000)
    assert found.per_day == pytest.approx(24_000)
    assert found.to_end == round(24_000 * 12.4961805)


def test_it_leaves_an_earlier_leak_that_was_stopped_out_of_the_price() -> None:
    early = make_slice(
        event="Old", recent=0, total=70_000, by_day={date(2026, 11, 3): 70_000}, first_seen=at(3, 9)
    )
    [found] = leak.leaks(make_situation(traffic=(early, make_slice())))
    assert (found.since, found.so_far) == (NOW - timedelta(hours=6), 6_000)
    assert found.in_period == 76_000


def test_it_counts_names_that_came_and_went_while_the_leak_went_on() -> None:
    first = make_slice(event="A", recent=0, by_day={YESTERDAY: 900}, first_seen=at(17, 14, 20))
    [found] = leak.leaks(make_situation(traffic=(first, make_slice())))
    assert (found.since, found.so_far) == (at(17, 14, 20), 6_900)


@pytest.mark.parametrize(
    ("since", "shares", "rate"),
    [
        (at(17, 12, 0), EVEN, 1_000),
        (at(18, 6, 0), EVEN, 4_000),
        # Half of a day's calls come between 6 and 12.
        (at(18, 6, 0), (1 / 36,) * 6 + (1 / 12,) * 6 + (1 / 36,) * 12, 2_000),
        (at(18, 11, 40), EVEN, 72_000),  # part of an hour
        (at(18, 6, 0), (0.0,) * 24, 0.0),
        (at(18, 12, 0), EVEN, 0.0),  # began just now
    ],
)
def test_it_weighs_the_hours_that_passed_by_their_usual_share(
    since: datetime, shares: tuple[float, ...], rate: float
) -> None:
    assert leak.daily_rate(1_000, since, at(18, 12), shares) == pytest.approx(rate)


def test_it_tells_what_since_when_how_much_and_by_which_rule() -> None:
    pages = (make_slice(event="Pricing", total=10), make_slice(event="Home", total=90))
    [finding] = leak.find(make_situation(traffic=pages))
    assert (finding.kind, finding.severity) == ("leak", "critical")
    assert finding.title == "Prod - Application: page calls that must not be tracked"
    assert finding.consequence.startswith("12k calls so far. If it is left, November ends at 36M")
    facts = dict(finding.facts)
    assert facts["Names"] == "Home, Pricing"
    assert facts["Since"] == "Wed 18 Nov 06:05 UTC"
    assert facts["Burnt so far"] == "12\u2009000 calls, 0.03% of the contract"
    assert facts["Rule"].startswith("#2 Page and screen calls on an in-app source")
    assert finding.data["so_far"] == 12_000


def test_it_names_the_event_where_the_rule_is_about_events() -> None:
    [finding] = leak.find(make_situation(traffic=(DOCS,)))
    assert "track “[GitBook] site_view”" in finding.title
    assert "Names" not in dict(finding.facts)


def test_it_says_what_the_period_would_cost_without_the_leak() -> None:
    situation = make_situation(traffic=(make_slice(total=1_000_000),))
    state = replace(situation.standing, total=43_000_000.0, days_left=10.0)
    [finding] = leak.find(replace(situation, standing=state))
    assert "November ends at 43M of 40M instead of 41.8M." in finding.consequence


@pytest.mark.parametrize(
    ("recent", "last_hour", "hours", "goes_on"),
    [
        (50, 700, 6, True),
        (0, 700, 6, False),  # dense, and silent now: it has stopped
        (0, 20, 6, True),  # sparse: the hour decides
        (0, leak.FLOOR - 1, 6, False),
        (leak.FLOOR, 0, 0, True),  # began this very minute
    ],
)
def test_it_judges_a_dense_leak_by_minutes_and_a_sparse_one_by_the_hour(
    recent: int, last_hour: int, hours: int, goes_on: bool
) -> None:
    since = NOW - timedelta(hours=hours)
    piece = make_slice(recent=recent, last_hour=last_hour, first_seen=since)
    assert leak.goes_on([piece], NOW) is goes_on
