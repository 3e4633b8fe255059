"""Sparklines: the shape of some days, too small for an axis."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .burn import runs
from .path import path

WIDTH, HEIGHT, MARGIN = 120, 28, 2


def sparkline(values: Sequence[float | None], state: str = "") -> str:
    """SVG of one count per day, from zero up; a day that is not known is a gap, not a zero.

    Decorative (the numbers stand beside it), thus hidden from screen readers.
    """
    known = [value for run in runs(enumerate(values)) for _, value in run]
    top = max([1.0, *known])
    across = (WIDTH - 2 * MARGIN) / max(1, len(values) - 1)
    up = (HEIGHT - 2 * MARGIN) / top
    lines = [
        [(MARGIN + x * across, HEIGHT - MARGIN - y * up) for x, y in run]
        for run in runs(enumerate(values))
    ]
    return (
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        f' data-state="{escape(state)}" aria-hidden="true">'
        f'<path d="{path(lines)}"/></svg>'
    )
