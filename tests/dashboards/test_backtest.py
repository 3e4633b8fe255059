"""The back-test page: what was said against what came, its file, and one projection made again."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from cdpwatch import books, watch
from cdpwatch.budget.periods import Period
from cdpwatch.budget.record import Compared, Said, Score
from cdpwatch.days import month_before, start_of
from cdpwatch.models import Projection, Replay, Workspace
from dashboards import track
from dashboards.charts.plot import Line, Plot, plot_svg, ticks
from tests.dashboards.conftest import text
from tests.factories import bill

PAGE, FILE = reverse("budget-backtest"), reverse("budget-backtest-file")
TODAY = datetime.now(UTC).date()
MONTH = TODAY.replace(day=1)
LAST = month_before(MONTH)  # the first day of the month that is over
CAME = (MONTH - LAST).days * 1_000
QUANTILES = {"0.025": 0.8, "0.1": 0.9, "0.5": 1.0, "0.9": 1.1, "0.975": 1.2}


def said(workspace: Workspace, day: int, factor: float, start: date = LAST) -> Projection:
    """A kept projection of the `day`-th day of last month: `factor` times what came."""
    return workspace.contract.projections.create(
        as_of=start + timedelta(days=day - 1),
        made_at=start_of(start) + timedelta(days=day - 0.5),
        period_start=start,
        period_end=month_before(start + timedelta(days=70)),
        used=0,
        quantiles={level: round(CAME * part * factor) for level, part in QUANTILES.items()},
        verdict="on_track",
        method="test 1",
    )


def replayed(workspace: Workspace, day: int, factor: float) -> Replay:
    return workspace.contract.replays.create(
        as_of=LAST + timedelta(days=day - 1),
        period_start=LAST,
        period_end=MONTH,
        since=LAST,
        method="test 1",
        quantiles={level: round(CAME * part * factor) for level, part in QUANTILES.items()},
        made_at=datetime.now(UTC),
    )


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def billed(workspace: Workspace) -> Workspace:
    bill(workspace, TODAY, 1_000, days=100)
    return workspace


# --- the page ---------------------------------------------------------------------------------
def test_it_says_how_far_off_it_was_and_how_often_the_ranges_held(
    billed: Workspace, viewer: Client
) -> None:
    said(billed, 14, 1.05)
    said(billed, 15, 1.3)
    page = words(text(viewer, PAGE))
    assert "Halfway through a month, every second projection was within 30.0% of what came." in page
    assert "2 projections of 1 finished month" in page
    assert "Day 14 1 5.0% 100.0% 100.0%" in page
    assert "Day 15 1 30.0% 0.0% 0.0%" in page
    assert "Replayed Nobody was told" not in page
    assert page.count("Recompute") == 2


def test_it_shows_the_replay_until_there_is_something_kept_and_says_so(
    billed: Workspace, viewer: Client
) -> None:
    replayed(billed, 15, 1.1)
    page = words(text(viewer, PAGE))
    assert "would have been within 10.0%" in page and "Nobody was told these numbers" in page
    assert "Recompute" not in page
    said(billed, 15, 1.3)
    assert "was within 30.0%" in words(text(viewer, PAGE))
    assert "would have been within 10.0%" in words(text(viewer, PAGE, record="replayed"))


def test_it_never_mixes_what_was_said_with_what_is_replayed(
    billed: Workspace, viewer: Client
) -> None:
    said(billed, 15, 1.0)
    replayed(billed, 15, 2.0)
    for record in ("said", "replayed"):
        assert "1 projection of 1 finished month" in words(text(viewer, PAGE, record=record))


def test_it_is_learning_while_no_month_with_projections_is_over(
    billed: Workspace, viewer: Client
) -> None:
    said(billed, 1, 1.0, MONTH)
    page = words(text(viewer, PAGE, record="said"))
    assert "Learning: no finished month has projections that were kept." in page
    assert "has 1 projection so far" in page and "The running month" in page
    assert "No finished period is replayed yet." in words(text(viewer, PAGE))


def test_it_leaves_a_month_out_that_has_days_nobody_knows(
    workspace: Workspace, viewer: Client
) -> None:
    bill(workspace, TODAY, 1_000, days=(TODAY - LAST).days - 2)
    said(workspace, 15, 1.0)
    page = words(text(viewer, PAGE, record="said"))
    assert "2 of its days are not known" in page and "Nothing to compare yet" in page


def test_it_shows_the_period_that_was_asked_for(billed: Workspace, viewer: Client) -> None:
    before = month_before(LAST)
    said(billed, 15, 1.0)
    said(billed, 15, 1.0, before)
    assert f"Every projection of {LAST:%B}" in text(viewer, PAGE)
    assert f"Every projection of {before:%B}" in text(viewer, PAGE, period=before.isoformat())


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"record": "dreamt"}, "A record is either said or replayed."),
        ({"period": "2001-01-01"}, "No finished period of this record begins on that day."),
        ({"period": "<b>"}, "No finished period of this record begins on that day."),
    ],
)
def test_it_refuses_what_is_not_there_in_a_sentence(
    billed: Workspace, viewer: Client, query: dict[str, str], why: str
) -> None:
    said(billed, 15, 1.0)
    reply = viewer.get(PAGE, query)
    assert reply.status_code == 400 and why in reply.content.decode()


def test_it_asks_as_often_for_a_long_record(
    billed: Workspace, viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for day in range(1, 29):
        said(billed, day, 1.0)
    with django_assert_max_num_queries(22):
        viewer.get(PAGE)


# --- the file ---------------------------------------------------------------------------------
def test_the_file_has_a_row_for_each_projection_of_one_record(
    billed: Workspace, viewer: Client
) -> None:
    said(billed, 15, 1.05)
    replayed(billed, 15, 1.5)
    for record, error in [("said", "5.0"), ("replayed", "50.0")]:
        reply = viewer.get(FILE, {"record": record})
        [row] = csv.DictReader(io.StringIO(reply.content.decode()))
        assert (row["record"], row["came"], row["error_percent"]) == (record, str(CAME), error)
        assert f"backtest-{record}" in reply["Content-Disposition"]
    assert viewer.get(FILE, {"record": "x"}).status_code == 400


# --- one made again ---------------------------------------------------------------------------
def test_it_makes_a_projection_again_and_shows_both(billed: Workspace, viewer: Client) -> None:
    watch.evaluate(billed, datetime.now(UTC))
    row = Projection.objects.get()
    address = reverse("budget-backtest-one", args=[row.pk])
    page = words(text(viewer, address))
    assert "Made again from its stored inputs, it is the same. ✓ The same" in page
    Projection.objects.update(quantiles={**row.quantiles, "0.5": 7})
    page = words(text(viewer, address))
    assert "■ Differs" in page and "50% 7" in page
    Projection.objects.update(inputs="")
    assert "Its inputs were not kept" in words(text(viewer, address))


def test_it_knows_no_projection_of_another_contract(billed: Workspace, viewer: Client) -> None:
    row = said(billed, 1, 1.0)
    contract = billed.contract
    contract.pk = None
    contract.save()
    Projection.objects.update(contract=contract)
    assert viewer.get(reverse("budget-backtest-one", args=[row.pk])).status_code == 404


# --- pictures ---------------------------------------------------------------------------------
def test_the_plot_keeps_a_gap_and_escapes_every_text() -> None:
    line = Line("billed", (1.0, None, 3.0), "<b>")
    svg = plot_svg(
        Plot(("1", "2", "3"), (line,), "<script>", spelled=str, levels=(("contract", 2.0, "&"),)),
        width=400,
        height=200,
    )
    [drawn] = re.findall(r'class="billed" d="([^"]+)"', svg)
    assert drawn.count("M") == 2
    assert "<b>" not in svg and "<script>" not in svg and "&amp;" in svg


@pytest.mark.parametrize("values", [(), (None,), (0.0,), (5e9, 5e9)])
def test_the_plot_draws_whatever_there_is(values: tuple[float | None, ...]) -> None:
    plot = Plot(("1",) * len(values), (Line("billed", values, "x"),), "", spelled=str)
    svg = plot_svg(plot, width=400, height=200)
    assert "nan" not in svg and "inf" not in svg


def test_it_labels_round_values_only() -> None:
    assert ticks(0, 104) == [0, 20, 40, 60, 80, 100]
    assert ticks(21e6, 43e6) == [25e6, 30e6, 35e6, 40e6]


def test_it_has_no_sentence_of_an_error_where_nothing_came() -> None:
    span = Period(LAST, MONTH)
    one = Compared(span, 0, (Said(1, span.start, span, 0, 0, 0, 0, 0),))
    told = books.Record(books.SAID, (one,), (), {})
    assert track.headline(told, [Score(1, 1, 1, None, 100, 100)]).startswith("Nothing came")
