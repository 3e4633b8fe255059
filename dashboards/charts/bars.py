"""Bars: one count a day over some weeks, with an axis; a day that is not known stays empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from html import escape

from cdpwatch import wording

from .burn import call_ticks

LEFT, BOTTOM, TOP = 40, 22, 8  # px around the plot
HEADROOM = 1.05
WEEK = 7


def bars_svg(
    days: Sequence[date],
    counts: Sequence[int | None],
    summary: str,
    *,
    width: int,
    height: int,
) -> str:
    """SVG of `counts` a day, `summary` as its title. Unknown days carry a dash at the foot."""
    top = max([1, *(count for count in counts if count is not None)]) * HEADROOM
    parts = [*_grid(top, width, height), *_bars(days, counts, top, width, height)]
    return (
        f'<svg class="bars" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{escape(summary)}</title>{''.join(parts)}</svg>"
    )


def _grid(top: float, width: int, height: int) -> Iterator[str]:
    for calls in call_ticks(top):
        y = height - BOTTOM - calls / top * (height - BOTTOM - TOP)
        yield f'<line class="rule" x1="{LEFT}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield (
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{wording.short(calls)}</text>'
        )


def _bars(
    days: Sequence[date], counts: Sequence[int | None], top: float, width: int, height: int
) -> Iterator[str]:
    step = (width - LEFT) / max(1, len(days))
    foot = height - BOTTOM
    for index, (day, count) in enumerate(zip(days, counts, strict=True)):
        x = LEFT + index * step
        if count is None:
            tip = f"{wording.day(day)}: not known"
            tall = 2.0
        else:
            tip = f"{wording.day(day)}: {wording.exact(count)}"
            tall = count / top * (foot - TOP)
        kind = "hole" if count is None else "bar-of-day"
        yield (
            f'<rect class="{kind}" x="{x + 1:.1f}" y="{foot - tall:.1f}" '
            f'width="{max(1.0, step - 2):.1f}" height="{tall:.1f}">'
            f"<title>{escape(tip)}</title></rect>"
        )
        if index % WEEK == 0:
            yield f'<text x="{x:.1f}" y="{height - 6}">{day.day} {day:%b}</text>'
