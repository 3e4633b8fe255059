"""Bars: a day that is not known is no zero, and no text of theirs is markup."""

from datetime import date

from dashboards.charts import bars_svg

DAYS = [date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 3)]


def test_it_draws_a_hole_apart_from_a_zero():
    svg = bars_svg(DAYS, [0, None, 10], "Calls", width=300, height=100)
    assert svg.count('class="bar-of-day"') == 2
    assert svg.count('class="hole"') == 1
    assert "Mon 2 Nov: not known" in svg
    assert "Sun 1 Nov: 0" in svg


def test_it_makes_the_largest_day_the_tallest():
    svg = bars_svg(DAYS, [5, 10, 1], "Calls", width=300, height=100)
    heights = [float(part.split('"')[0]) for part in svg.split('height="')[1:]]
    assert max(heights) == heights[1]
    assert heights[0] > heights[2]


def test_it_escapes_the_summary():
    svg = bars_svg(DAYS, [1, 2, 3], "<script>alert(1)</script>", width=300, height=100)
    assert "<script>" not in svg


def test_it_draws_nothing_from_nothing():
    assert "rect" not in bars_svg([], [], "Calls", width=300, height=100)
