"""The burn chart and the sparkline, from values to marks."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from math import inf, nan
from pathlib import Path
from xml.etree import ElementTree

import pytest
from plotly.offline import get_plotlyjs_version

from dashboards.charts import Burn, Mark, burn_figure, burn_svg, sparkline
from dashboards.charts.burn import call_ticks, runs, spread

STATIC = Path(__file__).parents[2] / "dashboards" / "static"
HOSTILE = '"><script>alert(1)</script><a href="//evil">x</a>'
SIZES = [(1120, 300), (360, 260)]


def make_burn(days: int = 30, known: int = 22, **changes: object) -> Burn:
    """A period at 1.5M calls a day, of which `known` days are billed and half a day is live."""
    first = date(2026, 11, 1)
    ahead = range(known + 1, days + 1)
    burn = Burn(
        days=tuple(first + timedelta(days=i) for i in range(days)),
        billed=tuple(1.5e6 * i if i <= known else None for i in range(1, days + 1)),
        summary="29.3M used of 40M",
        live=((known + 0.5, 1.5e6 * (known + 0.5)),),
        band={
            level: [1.5e6 * i + tilt * (i - known) * 1e5 for i in ahead]
            for level, tilt in [(0.025, -2), (0.1, -1), (0.5, 0), (0.9, 1), (0.975, 2)]
        },
        allowance=40e6,
        previous=tuple(1.2e6 * i for i in range(1, 32)),
        previous_label="October",
        marks=(Mark(first + timedelta(days=18), "Leak opens", "bad"),),
    )
    return replace(burn, **changes)  # type: ignore[arg-type]


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter("text")]


def path_of(svg: str, kind: str) -> str:
    found = re.search(rf'<path class="{kind}" d="([^"]*)"', svg)
    return found.group(1) if found else ""


# --- points --------------------------------------------------------------------------------
def test_it_cuts_a_line_where_a_value_is_not_known() -> None:
    points = enumerate([1, None, 3, nan, inf, 6, 7])
    assert runs(points) == [[(0, 1)], [(2, 3)], [(5, 6), (6, 7)]]


def test_it_draws_a_missing_billed_day_as_a_gap() -> None:
    burn = make_burn()
    billed = (*burn.billed[:9], None, *burn.billed[10:])
    assert path_of(burn_svg(burn, width=1120, height=300), "billed").count("M") == 1
    holed = burn_svg(replace(burn, billed=billed), width=1120, height=300)
    assert path_of(holed, "billed").count("M") == 2


def test_it_stands_where_the_last_count_is() -> None:
    assert make_burn().now == (22.5, 33.75e6)
    assert make_burn(live=()).now == (22, 33e6)
    assert make_burn(billed=(None,) * 30, live=()).now == (0, 0)


def test_it_starts_the_band_at_the_last_count_and_ends_it_with_the_period() -> None:
    median = make_burn().quantile(0.5)
    assert median[0] == (22.5, 33.75e6)
    assert median[-1] == (30, 45e6)


def test_it_ignores_the_part_of_the_forecast_that_is_already_over() -> None:
    burn = make_burn(band={0.5: [1e6 * i for i in range(1, 31)]})
    assert [x for x, _ in burn.quantile(0.5)] == [22.5, *range(23, 31)]


def test_it_stretches_the_last_period_to_the_length_of_this_one() -> None:
    (line,) = make_burn().previous_runs
    assert line[-1] == (30, pytest.approx(37.2e6))


@pytest.mark.parametrize("highest", [1, 7, 60, 999, 44_600_000, 519_300_000])
def test_it_puts_a_few_round_numbers_on_the_axis(highest: int) -> None:
    ticks = call_ticks(highest)
    assert 2 <= len(ticks) <= 7
    assert ticks[0] == 0
    assert ticks[-1] <= highest


def test_it_keeps_labels_apart_and_inside() -> None:
    assert spread([50, 51, 49], gap=15, low=0, high=100) == [64, 79, 49]
    assert spread([98, 99], gap=15, low=0, high=100) == [85, 100]


# --- SVG -----------------------------------------------------------------------------------
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_escapes_what_people_typed(width: int, height: int) -> None:
    marks = (Mark(date(2026, 11, 19), HOSTILE, HOSTILE),)
    burn = make_burn(summary=HOSTILE, previous_label=HOSTILE, marks=marks)
    svg = burn_svg(burn, width=width, height=height)
    tags = {node.tag for node in ElementTree.fromstring(svg).iter()}
    assert tags == {"svg", "title", "text", "line", "path", "circle", "g"}
    assert "style=" not in svg


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(
    "changes",
    [
        {"billed": (None,) * 30, "live": (), "band": None, "previous": (), "allowance": None},
        {"billed": (0.0,) * 22 + (None,) * 8, "band": {}, "allowance": None, "previous": ()},
        {"billed": (nan, inf) + (None,) * 28, "live": ((nan, 3.0), (2.0, inf))},
        {"band": {0.5: [nan] * 8, 0.1: [], 0.9: [1.0]}},
        {"previous": (None,) * 31, "marks": ()},
        {"days": 1, "known": 0, "live": ()},
    ],
)
def test_it_draws_little_or_odd_data_without_nan(
    changes: dict[str, object], width: int, height: int
) -> None:
    burn = make_burn(**changes)
    svg = burn_svg(burn, width=width, height=height)
    assert not re.search(r"nan|inf", svg.split("</title>")[1], re.IGNORECASE)
    json.dumps(burn_figure(burn), allow_nan=False)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_labels_each_line_where_it_ends(width: int, height: int) -> None:
    said = " ".join(texts(burn_svg(make_burn(), width=width, height=height)))
    for part in ("Contract 40M", "October 37.2M", "45M 44.2–45.8M", "■ Leak opens", "15 Nov"):
        assert part in said


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_keeps_every_text_inside_the_picture(width: int, height: int) -> None:
    marks = tuple(Mark(date(2026, 11, day), "x" * 200) for day in (2, 15, 16, 29))
    svg = burn_svg(make_burn(marks=marks, previous_label="y" * 99), width=width, height=height)
    for node in ElementTree.fromstring(svg).iter("text"):
        x, long = float(node.attrib["x"]), 6.6 * len(node.text or "")
        left = {"start": x, "middle": x - long / 2, "end": x - long}[node.attrib["text-anchor"]]
        assert left >= -1
        assert left + long <= width + 1


def test_it_labels_a_year_by_months() -> None:
    burn = make_burn(days=365, known=200)
    wide, narrow = (texts(burn_svg(burn, width=w, height=h)) for w, h in SIZES)
    assert {"Dec", "2027", "Feb"} <= set(wide)
    assert {"Nov", "Feb", "May", "Aug"} <= set(narrow)
    assert "Dec" not in narrow


# --- plotly --------------------------------------------------------------------------------
def test_it_leaves_plotly_no_tags_to_bring_to_life() -> None:
    marks = (Mark(date(2026, 11, 19), HOSTILE),)
    figure = json.dumps(burn_figure(make_burn(previous_label=HOSTILE, marks=marks)))
    assert "<" not in figure
    assert ">" not in figure


def test_it_makes_a_small_figure_that_says_the_numbers() -> None:
    figure = json.dumps(burn_figure(make_burn()), ensure_ascii=False, allow_nan=False)
    assert len(figure) < 20_000
    assert "33\u2009000\u2009000 billed to Sun 22 Nov 24:00 UTC" in figure
    assert "45M by Mon 30 Nov 24:00 UTC, 80%: 44.2–45.8M" in figure


def test_it_ships_the_plotly_js_that_plotly_py_writes_for() -> None:
    version = get_plotlyjs_version()
    script = (STATIC / "plotly" / "plotly-basic.min.js").read_text(encoding="utf-8")
    assert f"plotly.js (basic - minified) v{version}" in script[:200]
    assert f"plotly.js {version}" in (STATIC / "plotly" / "plotly.css").read_text()[:200]


# --- sparkline -----------------------------------------------------------------------------
def test_it_leaves_a_gap_in_a_sparkline_for_an_unknown_day() -> None:
    assert sparkline([1, 2, 3, 4, 5]).count("M") == 1
    assert sparkline([1, 2, None, 4, 5]).count("M") == 2


def test_it_measures_a_sparkline_from_zero() -> None:
    assert "M2.0,26.0L60.0,14.0L118.0,2.0" in sparkline([0, 50, 100])


@pytest.mark.parametrize("values", [[], [None], [7], [0, 0, 0], [nan, inf, 3], [None, 7, None]])
def test_it_draws_any_days_as_a_sparkline(values: list[float | None]) -> None:
    svg = sparkline(values, state=HOSTILE)
    assert [node.tag for node in ElementTree.fromstring(svg).iter()] == ["svg", "path"]
    assert not re.search(r"nan|inf", svg)
