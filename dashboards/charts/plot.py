"""A plot over the days of a period as SVG: bands, lines and levels, drawn on the server.

Its values need not begin at zero: what is to be seen is how far two lines lie apart, and the axis
says where it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import count

from .burn import runs, spread
from .path import path
from .svg import LINE

_BOTTOM, _TOP = 26, 10  # px around the plot
_NARROW = 600
_WEEK = 7
Values = Sequence[float | None]


@dataclass(frozen=True)
class Line:
    """One line; `kind` is its class in app.css, `label` stands at its right end."""

    kind: str
    values: Values
    label: str


@dataclass(frozen=True)
class Plot:
    """Values of the days of a period; all of `xs` long, None where there is none."""

    xs: tuple[str, ...]  # what each day is called
    lines: tuple[Line, ...]
    summary: str  # the plot in a sentence, for those who do not see it
    spelled: Callable[[float], str]  # a value as text
    bands: tuple[tuple[Values, Values], ...] = ()  # the outermost first
    levels: tuple[tuple[str, float, str], ...] = ()  # class, value, label: across all days
    zero: bool = False  # whether the axis begins at zero whatever the values
    top: float | None = None  # where it ends; by the values if not given

    @property
    def reach(self) -> tuple[float, float]:
        """(low, high) of the axis, a little wider than the values."""
        series = [*(line.values for line in self.lines), *(v for band in self.bands for v in band)]
        known = [v for values in series for v in values if v is not None]
        known += [value for _, value, _ in self.levels]
        low, high = min(known, default=0.0), max(known, default=1.0)
        room = (high - low or abs(high) or 1.0) * 0.06
        low = 0.0 if self.zero else max(0.0, low - room)
        return low, self.top or max(high + room, low + 1e-9)


@dataclass(frozen=True)
class _Frame:
    plot: Plot
    width: int
    height: int

    @property
    def left(self) -> float:
        return 36 if self.width < _NARROW else 44

    @property
    def right(self) -> float:
        return self.width - (84 if self.width < _NARROW else 140)

    def x(self, index: float) -> float:
        return self.left + (index + 0.5) / max(1, len(self.plot.xs)) * (self.right - self.left)

    def y(self, value: float) -> float:
        low, high = self.plot.reach
        return self.height - _BOTTOM - (value - low) / (high - low) * (self.height - _BOTTOM - _TOP)

    def run(self, values: Values) -> list[list[tuple[float, float]]]:
        return [[(self.x(x), self.y(y)) for x, y in run] for run in runs(enumerate(values))]


def plot_svg(plot: Plot, *, width: int, height: int) -> str:
    """The plot as an <svg> of `width` by `height` px; every text of it is escaped."""
    frame = _Frame(plot, width, height)
    parts = [*_grid(frame), *_bands(frame), *_lines(frame), *_labels(frame)]
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img"><title>{escape(plot.summary)}</title>'
        f"{''.join(parts)}</svg>"
    )


def ticks(low: float, high: float) -> list[float]:
    """Round values within [low, high], at most six."""
    steps = (figure * 10.0**power for power in count(-3) for figure in (1, 2, 5))
    step = next(step for step in steps if (high - low) <= 6 * step)
    first = -(-low // step)
    return [n * step for n in range(int(first), int(high // step) + 1)]


def _rule(kind: str, frame: _Frame, y: float) -> str:
    ends = f'x1="{frame.left:.1f}" x2="{frame.right:.1f}" y1="{y:.1f}" y2="{y:.1f}"'
    return f'<line class="{escape(kind)}" {ends}/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{escape(kind)}"'
    return f"<text {place}>{escape(text)}</text>"


def _grid(frame: _Frame) -> Iterator[str]:
    for value in ticks(*frame.plot.reach):
        yield _rule("rule", frame, frame.y(value))
        yield _text(frame.left - 8, frame.y(value) + 4, frame.plot.spelled(value), "end")
    step = _WEEK if len(frame.plot.xs) > _WEEK else 1
    for index in range(0, len(frame.plot.xs), step):
        yield _text(frame.x(index), frame.height - 6, frame.plot.xs[index], "middle")


def _bands(frame: _Frame) -> Iterator[str]:
    for lows, highs in frame.plot.bands:
        pairs = zip(frame.run(lows), frame.run(highs), strict=True)
        outlines = [low + high[::-1] for low, high in pairs]
        yield f'<path class="band" d="{path(outlines)}"/>'


def _lines(frame: _Frame) -> Iterator[str]:
    for kind, value, _ in frame.plot.levels:
        yield _rule(kind, frame, frame.y(value))
    for line in frame.plot.lines:
        yield f'<path class="{escape(line.kind)}" d="{path(frame.run(line.values))}"/>'


def _labels(frame: _Frame) -> Iterator[str]:
    found = [(value, label, "strong") for _, value, label in frame.plot.levels]
    for line in frame.plot.lines:
        known = [value for value in line.values if value is not None]
        found += [(known[-1], line.label, "")] if known else []
    found = [(value, label, kind) for value, label, kind in found if label]
    wanted = [frame.y(value) + 4 for value, *_ in found]
    places = spread(wanted, LINE, _TOP, frame.height - _BOTTOM)
    for y, (_, label, kind) in zip(places, found, strict=True):
        yield _text(frame.right + 8, y, label, "start", kind)
