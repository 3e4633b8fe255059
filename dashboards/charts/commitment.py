"""Months against a commitment: a bar a month, the allowance as a line over each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from cdpwatch import wording

from .burn import call_ticks, spread

LEFT, BOTTOM, TOP = 40, 22, 18  # px around the plot
LINE = 16  # px of a line of text
HEADROOM = 1.05


@dataclass(frozen=True)
class MonthBar:
    """One month; `used` is None where it is not known. `tip` tells it in a sentence."""

    label: str
    used: int | None
    allowance: int
    tip: str


def commitment_svg(
    bars: Sequence[MonthBar],
    line: tuple[float, str] | None,
    summary: str,
    *,
    width: int,
    height: int,
    right: int,
) -> str:
    """SVG of `bars` with `summary` as its title; `line` is one more level, and its label.

    `right` px are kept beside the plot for the labels of the two lines.
    """
    tops = [bar.allowance for bar in bars] + [bar.used for bar in bars if bar.used is not None]
    plot = _Plot(max([1.0, *tops, line[0] if line else 0.0]) * HEADROOM, width - right, height)
    parts = [*_grid(plot), *_bars(plot, bars), *_lines(plot, bars, line)]
    return (
        f'<svg class="bars" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{escape(summary)}</title>{''.join(parts)}</svg>"
    )


@dataclass(frozen=True)
class _Plot:
    top: float  # calls at the upper edge
    right: float  # px of its right edge
    height: int

    @property
    def foot(self) -> int:
        return self.height - BOTTOM

    def y(self, calls: float) -> float:
        return self.foot - calls / self.top * (self.foot - TOP)

    def x(self, index: int, count: int) -> float:
        return LEFT + index * (self.right - LEFT) / max(1, count)


def _grid(plot: _Plot) -> Iterator[str]:
    for calls in call_ticks(plot.top):
        y = plot.y(calls)
        yield f'<line class="rule" x1="{LEFT}" x2="{plot.right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield (
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{wording.short(calls)}</text>'
        )


def _bars(plot: _Plot, bars: Sequence[MonthBar]) -> Iterator[str]:
    for index, bar in enumerate(bars):
        start, end = plot.x(index, len(bars)), plot.x(index + 1, len(bars))
        middle, wide = (start + end) / 2, (end - start) * 0.64
        y = plot.foot - 2 if bar.used is None else plot.y(bar.used)
        kind = "hole" if bar.used is None else "bar-of-day"
        yield (
            f'<rect class="{kind}" x="{middle - wide / 2:.1f}" y="{y:.1f}" width="{wide:.1f}" '
            f'height="{plot.foot - y:.1f}"><title>{escape(bar.tip)}</title></rect>'
        )
        yield (
            f'<text x="{middle:.1f}" y="{plot.height - 6}" text-anchor="middle">'
            f"{escape(bar.label)}</text>"
        )
        if bar.used is not None and bar.used > bar.allowance:
            place = f'x="{middle:.1f}" y="{y - 4:.1f}" text-anchor="middle"'
            yield f'<text class="strong" {place}>■</text>'


def _lines(plot: _Plot, bars: Sequence[MonthBar], line: tuple[float, str] | None) -> Iterator[str]:
    """The allowance of each month, the further level across all, and what both are called."""
    for index, bar in enumerate(bars):
        start, end, y = (
            plot.x(index, len(bars)),
            plot.x(index + 1, len(bars)),
            plot.y(bar.allowance),
        )
        yield f'<line class="contract" x1="{start:.1f}" x2="{end:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    labels = [(plot.y(bars[-1].allowance), "strong", "Allowance")] if bars else []
    if line:
        y = plot.y(line[0])
        yield f'<path class="projected" d="M{LEFT} {y:.1f}H{plot.right}"/>'
        labels.append((y, "", line[1]))
    places = spread([y for y, _, _ in labels], LINE, TOP, plot.foot)
    for place, (_, kind, text) in zip(places, labels, strict=True):
        style = f' class="{kind}"' if kind else ""
        yield f'<text{style} x="{plot.right + 6}" y="{place + 4:.1f}">{escape(text)}</text>'
