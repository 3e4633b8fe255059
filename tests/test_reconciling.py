"""Gaps: made of days that both sides know, with named causes, and judged by the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cdpwatch.readings import Direction
from cdpwatch.reconciling import (
    EVERY,
    SIDES,
    Days,
    Gap,
    GapState,
    OtherSide,
    Pair,
    Place,
    Rows,
    Sent,
    Share,
    Side,
    VendorDay,
    compare,
    counted_by,
    last_settled,
    moved,
    own_pairs,
    received_of,
    silent,
    steps,
    vendor_pairs,
)
from cdpwatch.reconciling.compare import BOUNDLESS
from tests.factories import NOW, TODAY

DAY = timedelta(days=1)
FIRST, LAST = TODAY - 8 * DAY, TODAY - 2 * DAY
WEEK = [FIRST + n * DAY for n in range(7)]
ALL_TYPES = ("track", "identify")


def each(calls: int, days: list[date] = WEEK) -> Days:
    return dict.fromkeys(days, calls)


def make_pair(base: Days, other: Days, **fields: Any) -> Pair:
    filled = {"expected": (-0.03, 0.01), **fields}
    return Pair("a/b", "Amplitude", SIDES["delivered"], SIDES["handled"], base, other, **filled)


def make_place(pk: int, direction: Direction = Direction.SOURCE, **fields: Any) -> Place:
    base = Place(pk, f"Prod - {pk}", direction, "", f"Prod - {pk}", production=True)
    return replace(base, **fields)


def make_rows(*places: Place, **fields: Any) -> Rows:
    empty: dict[str, Any] = {
        "workspace": {},
        "billed": {},
        "live": {},
        "live_days": frozenset(WEEK),
        "ingest": {},
        "sent": {},
        "warehouse": {},
        "synced": {},
        "loaded_to": {},
        "loads_every": {},
        "read": {},
        "vendors": (),
        "counters": {},
    }
    return Rows(now=NOW, places={place.pk: place for place in places}, **{**empty, **fields})


def live(**calls: int) -> Mapping[tuple[str, str], Days]:
    return {(call_type, EVERY): each(n) for call_type, n in calls.items()}


def make_counter(key: str = "amplitude", **fields: Any) -> OtherSide:
    types = frozenset({"track"})
    base = OtherSide(key, "Amplitude: events", key, "track calls", types, (-0.03, 0.01), DAY)
    return replace(base, **fields)


def told(count: int, day: date, **fields: Any) -> VendorDay:
    base = VendorDay("amplitude", "received", day, "day", EVERY, EVERY, "", count, "exact", "event")
    return replace(base, **fields)


def pair_at(rows: Rows, key: str) -> Pair:
    return next(pair for pair in (*own_pairs(rows), *vendor_pairs(rows)) if pair.key == key)


# --- one gap ------------------------------------------------------------------------------------
def test_it_compares_only_days_that_both_sides_know() -> None:
    gap = compare(make_pair(each(100), each(90, WEEK[:5])), FIRST, LAST)
    assert (gap.days, gap.of, gap.base, gap.other, gap.calls) == (5, 7, 500, 450, -50)
    assert gap.percent == -10


def test_it_makes_no_gap_of_a_hole() -> None:
    gap = compare(make_pair(each(100), {}), FIRST, LAST)
    assert (gap.state, gap.calls, gap.percent) == (GapState.UNKNOWN, 0, None)


def test_it_takes_known_causes_off_the_gap() -> None:
    causes = (Share("identify calls", each(-150)),)
    gap = compare(make_pair(each(1_000), each(845), causes=causes), FIRST, LAST)
    assert (gap.calls, gap.causes, gap.rest) == (-1_085, (("identify calls", -1_050),), -35)
    assert gap.state == GapState.EXPLAINED
    assert gap.rest_percent == pytest.approx(-100 * 35 / 5_950)


@pytest.mark.parametrize(
    ("other", "state"),
    [
        (1_000, GapState.AGREES),
        (970, GapState.AGREES),
        (960, GapState.DIFFERS),
        (1_010, GapState.AGREES),
        (1_020, GapState.DIFFERS),
    ],
)
def test_it_expects_what_is_usual_for_the_pair(other: int, state: GapState) -> None:
    assert compare(make_pair(each(1_000), each(other)), FIRST, LAST).state == state


def test_it_takes_no_two_errors_that_cancel_out_for_agreement() -> None:
    causes = (Share("identify calls", each(-150)),)
    gap = compare(make_pair(each(1_000), each(1_000), causes=causes), FIRST, LAST)
    assert (gap.calls, gap.rest, gap.state) == (0, 1_050, GapState.DIFFERS)


def test_it_allows_for_what_may_have_been_counted_twice() -> None:
    pair = make_pair(each(1_000), each(1_030))
    assert compare(pair, FIRST, LAST).state == GapState.DIFFERS
    maybe = replace(pair, possible=(Share("retried", each(25)),))
    assert compare(maybe, FIRST, LAST).state == GapState.POSSIBLE


def test_it_calls_three_calls_a_day_no_difference() -> None:
    assert compare(make_pair(each(10), each(7)), FIRST, LAST).state == GapState.AGREES
    assert compare(make_pair(each(10), each(6)), FIRST, LAST).state == GapState.DIFFERS


# --- which days are final -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("hours", "final"), [(23, False), (24, True)], ids=["a day after its end", "from then on"]
)
def test_it_waits_until_a_day_is_final(hours: int, final: bool) -> None:
    side, end = Side("Billed", "receipt", 24 * timedelta(hours=1)), datetime(2026, 11, 18)
    now = end.replace(tzinfo=NOW.tzinfo) + timedelta(hours=hours)
    assert (side.last_final(now) >= date(2026, 11, 17)) is final


def test_it_ends_with_the_last_day_that_is_final_for_all_of_segments_counts() -> None:
    assert last_settled(NOW) == date(2026, 11, 16)
    assert last_settled(NOW.replace(hour=0, minute=0)) == date(2026, 11, 16)


# --- which counts are compared ------------------------------------------------------------------
def test_it_checks_the_bill_against_the_sum_of_its_sources() -> None:
    billed = {1: each(600), 2: each(300, WEEK[:6])}
    rows = make_rows(make_place(1), make_place(2), workspace=each(1_000), billed=billed)
    gap = compare(pair_at(rows, "workspace/sources"), FIRST, LAST)
    assert (gap.base, gap.other, gap.state) == (7_000, 6_000, GapState.EXPLAINED)
    more = replace(rows, billed={1: each(1_100)})
    assert compare(pair_at(more, "workspace/sources"), FIRST, LAST).state == GapState.DIFFERS


def test_it_takes_no_live_row_for_no_call_where_live_volume_was_read() -> None:
    rows = make_rows(make_place(1), billed={1: each(0)}, live_days=frozenset(WEEK[:4]))
    assert pair_at(rows, "source/1/live").other_days == each(0, WEEK[:4])


def test_it_explains_received_calls_that_were_filtered_before_they_were_live() -> None:
    ingest = {1: {"received": each(1_050), "filtered": each(50)}}
    rows = make_rows(make_place(1), live={1: live(track=1_000)}, ingest=ingest)
    gap = compare(pair_at(rows, "source/1/received"), FIRST, LAST)
    assert (gap.calls, gap.state) == (350, GapState.POSSIBLE)
    assert [calls for _, calls in gap.possible] == [350]


def test_it_leaves_days_out_that_no_sync_has_fetched_yet() -> None:
    end = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - 5 * DAY
    rows = make_rows(
        make_place(1), live={1: live(track=10)}, warehouse={1: each(10)}, loaded_to={1: end}
    )
    assert max(pair_at(rows, "source/1/warehouse").other_days) == end.date() - DAY


def destination(pk: int, source: int, **fields: Any) -> Place:
    named = {"system": "amplitude", "title": "Amplitude", "fed_by": (source,)}
    return make_place(pk, Direction.DESTINATION, **{**named, **fields})


def amplitude(*vendors: VendorDay, **fields: Any) -> Rows:
    """Two sources, each with its destination; 80 track and 20 identify calls a day in each."""
    split = {"track": {day: Sent(78, 1, 1, 2) for day in WEEK}, "identify": {}}
    split["identify"] = {day: Sent(20, 0, 0, 0) for day in WEEK}
    return make_rows(
        make_place(1),
        make_place(2),
        destination(11, 1),
        destination(12, 2),
        live={1: live(track=80, identify=20), 2: live(track=80, identify=20)},
        sent={11: split, 12: split},
        vendors=vendors,
        counters={"amplitude": make_counter()},
        **fields,
    )


def test_it_takes_the_destinations_of_one_system_together() -> None:
    gap = compare(pair_at(amplitude(), "destination/amplitude/handled"), FIRST, LAST)
    assert (gap.base, gap.other, gap.state) == (1_400, 1_400, GapState.AGREES)


def test_it_keeps_what_is_not_production_apart() -> None:
    rows = amplitude()
    rows = replace(rows, places={**rows.places, 12: destination(12, 2, production=False)})
    assert compare(pair_at(rows, "destination/amplitude/handled"), FIRST, LAST).base == 700
    other = pair_at(rows, "destination/amplitude/other/handled")
    assert other.subject == "Amplitude, not production"


def test_it_names_the_calls_that_a_vendor_does_not_count() -> None:
    rows = amplitude(*(told(155, day) for day in WEEK))
    gap = compare(pair_at(rows, "destination/amplitude/amplitude"), FIRST, LAST)
    assert (gap.base, gap.other) == (7 * 196, 7 * 155)
    assert gap.causes == (("identify calls, which it does not count", -7 * 40),)
    assert gap.possible == ()  # the sure cause leaves nothing unusual to be explained
    assert (gap.rest, gap.state) == (-7, GapState.EXPLAINED)
    assert "the event's own time" in gap.pair.notes[0]


def test_it_leaves_a_silent_destination_out_instead_of_taking_it_for_zero() -> None:
    rows = amplitude()
    silent = replace(rows, sent={11: rows.sent[11]})
    assert compare(pair_at(silent, "destination/amplitude/handled"), FIRST, LAST).base == 700


def test_it_compares_events_where_the_vendor_tells_them_apart() -> None:
    sent = [
        told(30, day, counter="mail", kind="emitted", call_type="track", event="Sent")
        for day in WEEK
    ]
    kinds = {**live(track=50), ("track", "Sent"): each(30), ("track", "Opened"): each(20)}
    rows = make_rows(
        make_place(1, system="mail", title="Mail"),
        live={1: kinds},
        vendors=tuple(sent),
        counters={"mail": make_counter("mail")},
    )
    gap = compare(pair_at(rows, "source/mail/mail"), FIRST, LAST)
    assert (gap.base, gap.other, gap.rest) == (350, 210, 0)
    assert gap.causes == (("“Opened” events, which it has no number of by day", -140),)


def test_it_names_the_largest_parts_that_a_vendor_does_not_count_and_sums_the_others() -> None:
    kinds = {("track", "Sent"): each(30)} | {("track", f"E{n}"): each(n) for n in range(1, 7)}
    sent = told(30, LAST, counter="mail", kind="emitted", call_type="track", event="Sent")
    rows = make_rows(
        make_place(1, system="mail", title="Mail"),
        live={1: {**live(track=60, group=9), **kinds}},  # 9 track calls of events not listed
        vendors=(sent,),
        counters={"mail": make_counter("mail")},
    )
    gap = compare(pair_at(rows, "source/mail/mail"), LAST, LAST)
    assert [calls for _, calls in gap.causes] == [-9, -6, -5, -4, -15]
    assert gap.causes[0][0] == "group calls, which it does not count"
    assert gap.causes[-1][0] == "of other kinds, which it does not count"
    assert gap.rest == 0


@pytest.mark.parametrize(
    ("exactness", "count", "state"),
    [
        ("lower_bound", 50, GapState.WITHIN),
        ("lower_bound", 200, GapState.OUTSIDE),
        ("upper_bound", 500, GapState.WITHIN),
        ("upper_bound", 100, GapState.OUTSIDE),
    ],
)
def test_it_judges_a_bound_on_the_side_that_it_bounds(
    exactness: str, count: int, state: GapState
) -> None:
    bounds = (told(count, day, exactness=exactness, call_type="track") for day in WEEK)
    pair = pair_at(amplitude(*bounds), "destination/amplitude/amplitude/track")
    assert pair.base_days == each(156)  # the calls that it bounds, and no others
    assert compare(pair, FIRST, LAST).state == state


def test_it_says_between_which_ends_a_bound_must_lie() -> None:
    row = told(50, LAST, exactness="lower_bound", call_type="track", event="people changed")
    pair = pair_at(amplitude(row), "destination/amplitude/amplitude/track")
    many = replace(pair, base_days=each(5_000))
    gap = compare(many, LAST, LAST)
    assert (gap.least, gap.most) == (1, 5_053)
    assert pair.other.title == "Amplitude: people changed"
    upper = replace(many, expected=(-0.01, BOUNDLESS))
    assert (compare(upper, LAST, LAST).least, compare(upper, LAST, LAST).most) == (4_947, None)


def test_it_takes_no_zero_of_a_bound_for_a_sign_of_life() -> None:
    pair = make_pair(each(5_000), each(400) | {LAST: 0}, expected=(-1.0, 0.0), band=True)
    gap = compare(pair, FIRST, LAST)
    assert (gap.silent, gap.state) == (1, GapState.OUTSIDE)
    few = replace(pair, base_days=each(999))
    assert compare(few, FIRST, LAST).state == GapState.WITHIN


def test_it_leaves_a_day_out_that_the_counter_did_not_read_to_its_end() -> None:
    rows = amplitude(*(told(155, day) for day in WEEK))
    noon = datetime(LAST.year, LAST.month, LAST.day, 12, tzinfo=NOW.tzinfo)
    stopped = replace(rows, read={"amplitude": noon})
    # A counter's day settles a day after its end: the two days before it stopped are not final.
    assert max(pair_at(rows, "destination/amplitude/amplitude").other_days) == LAST
    known = pair_at(stopped, "destination/amplitude/amplitude").other_days
    assert max(known) == LAST - 2 * DAY


def test_it_compares_rows_of_syncs_and_partitions_by_the_day_of_the_load() -> None:
    part = told(1_000, LAST, counter="bigquery", clock="load", dims="source=app")
    rows = make_rows(
        make_place(1, slug="app"),
        live={1: live(track=700, identify=300)},
        synced={1: each(1_980)},
        vendors=(part, replace(part, dims="source=other")),
    )
    syncs = compare(pair_at(rows, "source/1/syncs"), FIRST, LAST)
    assert (syncs.calls, syncs.rest, syncs.state) == (6_860, 6_860, GapState.POSSIBLE)
    # Segment does not say that a track call is two rows: a possible cause, no sure one.
    assert syncs.causes == ()
    assert ("track calls, each of which may be a row of two tables", 4_900) in syncs.possible
    assert [calls for reason, calls in syncs.possible if "load lag" in reason] == [-42, 42]
    assert pair_at(rows, "source/1/partitions").other_days == {LAST: 1_000}


def loads(rows_a_day: Days, every: timedelta = timedelta(hours=1)) -> Gap:
    """1,000 live calls a day and the rows that were loaded on each day, over a week."""
    parts = (
        told(n, day, counter="bigquery", clock="load", dims="source=app")
        for day, n in rows_a_day.items()
    )
    rows = make_rows(
        make_place(1, slug="app"),
        live={1: live(track=1_000)},
        loads_every={1: every},
        vendors=tuple(parts),
    )
    return compare(pair_at(rows, "source/1/partitions"), FIRST, LAST)


def test_it_lets_load_lag_explain_only_the_edges_of_some_days() -> None:
    """4% lost on each day is within an hour's part of every day, and no lag."""
    assert loads(each(960)).state == GapState.DIFFERS
    late = loads(each(1_000) | {LAST: 880}, every=timedelta(hours=3))
    assert (late.state, late.possible[0][1]) == (GapState.POSSIBLE, -125)
    assert loads(each(1_000) | {LAST: 860}).state == GapState.DIFFERS


def test_it_takes_days_beside_an_unknown_day_for_edges() -> None:
    middle = WEEK[3]
    known = {day: 1_000 for day in WEEK if day != middle} | {WEEK[2]: 900}
    gap = loads(known)
    assert dict(gap.possible) and [calls for _, calls in gap.possible] == [-84, 84]


def test_it_shows_possible_causes_only_where_an_unusual_rest_is_left() -> None:
    pair = make_pair(each(1_000), each(1_000), possible=(Share("retried", each(25)),))
    assert compare(pair, FIRST, LAST).possible == ()


def test_it_says_what_is_usual_in_percent() -> None:
    gap = compare(make_pair(each(10_000), each(10_000)), FIRST, LAST)
    assert gap.usual == pytest.approx((-3.03, 1.03))
    assert compare(make_pair(each(0), each(0)), FIRST, LAST).usual is None


@pytest.mark.parametrize(
    ("registered", "state", "rest"),
    [(205, GapState.EXPLAINED, 0), (120, GapState.POSSIBLE, -210)],
    ids=["both sides agree", "they do not"],
)
def test_it_takes_calls_that_are_counted_on_other_days_for_sure_only_where_both_agree(
    registered: int, state: GapState, rest: int
) -> None:
    kinds = {("track", EVERY): each(80), ("track", "Came"): each(50), ("track", "Signed"): each(30)}
    fields = {"counter": "live", "kind": "emitted", "grain": "run", "call_type": "track"}
    came = (told(50, day, event="Came", **fields) for day in WEEK)
    signed = told(registered, LAST, event="Signed", **(fields | {"exactness": "approx"}))
    rows = make_rows(
        make_place(1, system="live"),
        live={1: kinds},
        vendors=(*came, signed),
        counters={"live": make_counter("live")},
    )
    gap = compare(pair_at(rows, "source/live/live"), FIRST, LAST)
    assert (gap.calls, gap.state, gap.rest) == (-210, state, rest)
    reason, calls = (*gap.causes, *gap.possible)[0]
    assert calls == -210
    assert reason == f"“Signed” events, which it counts on other days: {registered} there, 210 here"


def test_it_takes_a_day_that_was_read_and_has_no_calls_for_zero() -> None:
    ingest = {1: {"received": each(9, WEEK[:5])}, 2: {"received": each(5, WEEK[:6])}}
    quiet = {("track", EVERY): each(9, WEEK[:5])}
    rows = make_rows(make_place(1), make_place(2), live={1: quiet}, ingest=ingest)
    assert received_of(rows, 1) == each(9, WEEK[:5]) | {WEEK[5]: 0}  # nobody read the day after
    busy = replace(rows, live={1: live(track=9)})
    assert received_of(busy, 1) == each(9, WEEK[:5])  # a hole: its live calls were received


def test_it_leaves_a_counter_out_that_nobody_knows() -> None:
    assert not list(vendor_pairs(amplitude(told(1, LAST, counter="gone"))))
    assert not list(vendor_pairs(amplitude(told(1, LAST, kind="state"))))


def test_it_compares_nothing_of_a_counter_that_covers_nothing() -> None:
    rows = replace(amplitude(told(1, LAST)), counters={"amplitude": make_counter(what="")})
    assert not list(vendor_pairs(rows))


# --- what a vendor says in several ways ---------------------------------------------------------
@pytest.mark.parametrize(
    ("rows", "calls"),
    [
        ((told(24, LAST), told(1, LAST, grain="hour")), 24),
        ((told(3, LAST, grain="hour"), told(4, LAST, grain="hour")), 7),
        ((told(9, LAST), told(5, LAST, call_type="track"), told(4, LAST, event="A")), 9),
        ((told(9, LAST, call_type="track"), told(4, LAST, call_type="track", event="A")), 9),
        ((told(9, LAST, call_type="track"), told(4, LAST, call_type="identify", event="A")), 13),
        ((told(9, LAST), told(4, LAST, dims="status=ok")), 9),
        ((told(5, LAST, dims="status=ok"), told(4, LAST, dims="status=late")), 9),
        ((told(5, LAST, grain="run"), told(90, LAST, grain="run", exactness="approx")), 5),
        ((told(5, LAST), told(3, LAST, call_type="track", exactness="lower_bound")), 5),
        ((told(5, LAST, grain="week"),), 5),
    ],
)
def test_it_counts_no_call_of_a_vendor_twice(rows: tuple[VendorDay, ...], calls: int) -> None:
    tally = counted_by(rows)["amplitude", "received", ""]
    assert tally.days == {LAST: calls}


def test_it_trusts_a_count_as_little_as_its_least_exact_row() -> None:
    rows = (told(1, LAST, exactness="approx"), told(1, LAST))
    assert counted_by(rows)["amplitude", "received", ""].exactness == "approx"


def test_it_compares_nothing_by_day_that_is_about_other_days() -> None:
    """People register for a webinar on the days before it."""
    assert not counted_by([told(90, LAST, grain="run", exactness="approx")])


# --- a gap that moves ---------------------------------------------------------------------------
def history(*shares: float, calls: int = 100_000, settled: int = 2) -> Pair:
    """A pair whose other side had these shares of `calls`, the newest last."""
    days = [TODAY - (settled + n) * DAY for n in range(len(shares))][::-1]
    other = {day: round(calls * share) for day, share in zip(days, shares, strict=True)}
    return make_pair(dict.fromkeys(days, calls), other)


STEADY = (0.96, 0.961, 0.959, 0.96) * 7


@pytest.mark.parametrize(
    ("pair", "found"),
    [
        (history(*STEADY, 0.96), False),  # a large gap that stays
        (history(*STEADY, 0.93), True),
        (history(*STEADY, 0.99), True),
        (history(*STEADY, 0.952), False),  # within what restatements do
        (history(*STEADY[:13], 0.93), False),  # too little history
        (history(*STEADY[:14], 0.93), True),
        (history(*STEADY, 0.93, calls=1_000), False),  # chance alone moves so few calls
        (history(*STEADY, 0.2, calls=100), False),  # too few calls to matter
        (history(*STEADY, 0.93, settled=9), False),  # stale: another alert tells it
        (history(*(0.9, 1.0) * 14, 0.8), False),  # a gap that always jumps
        (history(*STEADY[:14], *(0.93,) * 10), True),  # goes on
        (history(*STEADY[:8], *(0.93,) * 21), False),  # has become the usual one
    ],
)
def test_it_finds_a_gap_that_left_its_usual_band(pair: Pair, found: bool) -> None:
    assert bool(moved([pair], NOW)) is found


def test_it_says_since_when_and_by_how_many_calls() -> None:
    [trend] = moved([history(*STEADY, 0.93, 0.92, 0.93)], NOW)
    assert (trend.since, trend.calls) == (TODAY - 4 * DAY, -3_000)
    assert trend.usual == pytest.approx(-0.04)


def test_it_judges_the_rest_and_not_the_gap() -> None:
    pair = history(*STEADY, 0.93)
    newest = max(pair.base_days)
    explained = replace(pair, causes=(Share("identify calls", {newest: -3_000}),))
    assert not moved([explained], NOW)


def test_it_has_no_trend_of_a_pair_without_days() -> None:
    assert moved([make_pair({}, {}), make_pair(each(0), each(0))], NOW) == []


def test_it_finds_a_vendor_that_saw_nothing_of_many_calls() -> None:
    seen = each(400) | {LAST - DAY: 0, LAST: 0}
    pair = make_pair(each(5_000), seen, expected=(-1.0, 0.0), band=True)
    assert silent([pair], NOW) == [(pair, LAST - DAY)]
    assert moved([pair], NOW) == []
    assert silent([replace(pair, other_days=each(400))], NOW) == []
    assert silent([replace(pair, band=False)], NOW) == []
    assert silent([pair], NOW + 9 * DAY) == []  # stale: another alert tells it


# --- a function, followed through ---------------------------------------------------------------
def test_it_follows_a_function_from_the_webhook_to_the_warehouse() -> None:
    function = make_place(1, system="livestorm", title="Livestorm", function=True)
    warehouse = make_place(21, Direction.WAREHOUSE, fed_by=(1,), name="BigQuery")
    webhooks = [told(40, day, counter="livestorm", kind="emitted") for day in WEEK]
    rows = make_rows(
        function,
        destination(11, 1, name="Prod - Amplitude"),
        warehouse,
        live={1: live(track=40)},
        sent={11: {"track": {day: Sent(39, 1, 0, 0) for day in WEEK}}},
        warehouse={1: each(40)},
        vendors=tuple(webhooks),
        counters={"livestorm": make_counter("livestorm")},
    )
    found = [
        (step.where.partition(":")[0], step.calls(FIRST, LAST)) for step in steps(rows, function)
    ]
    assert found == [
        ("In", 280),
        ("Out", 280),
        ("Delivered to Prod - Amplitude", 273),
        ("Loaded into BigQuery", 280),
    ]
    gained = [step.gained(FIRST, LAST) for step in steps(rows, function)]
    assert gained == [None, (0, 280), (-7, 280), (0, 280)]


def test_it_measures_what_went_out_by_the_events_that_the_vendor_counts() -> None:
    """A session is listed on its day alone: on the others nobody attended."""
    function = make_place(1, system="livestorm", function=True)
    kinds = {("track", "Attended"): each(0) | {LAST: 95}, ("track", "Replay"): each(5)}
    fields = {"counter": "livestorm", "kind": "emitted", "grain": "run", "call_type": "track"}
    rows = make_rows(
        function,
        make_place(21, Direction.WAREHOUSE, fed_by=(1,), name="BigQuery"),
        live={1: {("track", EVERY): each(5) | {LAST: 100}, **kinds}},
        vendors=(told(100, LAST, event="Attended", **fields),),
        synced={1: each(10)},
        counters={"livestorm": make_counter("livestorm")},
    )
    entered, out, loaded = steps(rows, function)
    assert (entered.calls(FIRST, LAST), out.calls(FIRST, LAST)) == (100, 130)
    assert out.gained(FIRST, LAST) == (-5, 100)
    assert (loaded.calls(FIRST, LAST), loaded.gained(FIRST, LAST)) == (70, None)
    assert loaded.note.startswith("Rows, not calls")


def test_it_says_why_a_station_has_no_number() -> None:
    function = make_place(1, system="livestorm", function=True)
    places = (function, destination(11, 1), make_place(21, Direction.WAREHOUSE, fed_by=(1,)))
    found = steps(make_rows(*places), function)
    assert [step.calls(FIRST, LAST) for step in found] == [None, 0, None, None]
    assert [bool(step.missing) for step in found] == [True, False, True, True]
    asked = steps(make_rows(*places, counters={"l": make_counter("livestorm")}), function)
    assert asked[0].missing.startswith("Nothing was read from it yet")
