"""The burn chart as SVG, drawn on the server: it needs no script and never moves.

Colours and type come from app.css by class. A narrow chart is drawn for its own width instead
of being shrunk, so that its text stays readable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

from cdpwatch import wording

from .burn import Burn, Mark, Point, call_ticks, spread
from .path import path

_NARROW = 600
_CHARACTER = 6.6  # px, mean width at 12 px
LINE = 15  # px
_HEADROOM = 1.06
MARK_TEXTS = 3  # beyond these a mark keeps its line and its tooltip


@dataclass(frozen=True)
class Frame:
    """Where the plot lies in the picture, in pixels."""

    burn: Burn
    width: int
    height: int

    @cached_property
    def narrow(self) -> bool:
        return self.width < _NARROW

    @cached_property
    def left(self) -> float:
        return 36 if self.narrow else 44

    @cached_property
    def right(self) -> float:
        return self.width - (80 if self.narrow else 140)

    @cached_property
    def top(self) -> float:
        return 8.0 + LINE * min(MARK_TEXTS, len(self.burn.marks))

    @cached_property
    def bottom(self) -> float:
        return self.height - 26

    def x(self, day: float) -> float:
        return self.left + day / max(1, len(self.burn.days)) * (self.right - self.left)

    def y(self, calls: float) -> float:
        share = calls / (self.burn.highest * _HEADROOM)
        return self.bottom - share * (self.bottom - self.top)

    def path(self, lines: Sequence[Sequence[Point]]) -> str:
        return path([[(self.x(x), self.y(y)) for x, y in line] for line in lines])


def burn_svg(burn: Burn, *, width: int, height: int) -> str:
    """The chart as an <svg> of `width` by `height` px; every text of it is escaped."""
    frame = Frame(burn, width, height)
    parts = [*_grid(frame), *_lines(frame), *_marks(frame), *_labels(frame)]
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img"><title>{escape(burn.summary)}</title>'
        f"{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{escape(kind)}">'
        f"{escape(text)}</text>"
    )


def _rule(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _grid(frame: Frame) -> Iterator[str]:
    for calls in call_ticks(frame.burn.highest):
        y = frame.y(calls)
        yield _rule("rule", frame.left, y, frame.right, y)
        yield _text(frame.left - 8, y + 4, wording.short(calls), "end")
    ticks = frame.burn.day_ticks
    # A year's twelve labels do not fit a phone: every third stays.
    for day, text in ticks[:: 3 if frame.narrow and len(ticks) > 6 else 1]:
        yield _text(frame.x(day), frame.height - 6, text, "middle")


def _lines(frame: Frame) -> Iterator[str]:
    burn = frame.burn
    drawn = [
        ("previous", burn.previous_runs),
        ("band", [burn.between(0.025, 0.975)]),
        ("band", [burn.between(0.1, 0.9)]),
        ("projected", [burn.quantile(0.5)]),
        ("billed", burn.billed_runs),
        ("live", [burn.live_points]),
    ]
    for kind, lines in drawn:
        if any(lines):
            yield f'<path class="{kind}" d="{frame.path(lines)}"/>'
    if burn.allowance is not None:
        y = frame.y(burn.allowance)
        yield _rule("contract", frame.left, y, frame.right, y)
    x, y = burn.now
    yield f'<circle class="now" cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="4"/>'


def _marks(frame: Frame) -> Iterator[str]:
    for i, mark in enumerate(frame.burn.marks):
        if mark.day in frame.burn.days:
            yield from _mark(frame, mark, row=i)


def _mark(frame: Frame, mark: Mark, row: int) -> Iterator[str]:
    x = frame.x(frame.burn.days.index(mark.day) + 0.5)
    rightwards = x < (frame.left + frame.right) / 2
    room = (frame.width - x if rightwards else x) - 8
    text = _cut(mark.label, int(room / _CHARACTER))
    yield f'<g data-state="{escape(mark.state)}"><title>{escape(mark.label)}</title>'
    yield _rule("mark", x, 4, x, frame.bottom)
    if row < MARK_TEXTS:
        side, anchor = (6, "start") if rightwards else (-6, "end")
        yield _text(x + side, LINE * (row + 1) - 1, text, anchor, "mark")
    yield "</g>"


def _labels(frame: Frame) -> Iterator[str]:
    """What each line is, at its right end; on a narrow chart in two lines each."""
    burn, found = frame.burn, list(right_labels(frame.burn))
    if burn.allowance is not None and frame.narrow:
        text = f"Contract {wording.short(burn.allowance)}"
        yield _text(frame.left + 4, frame.y(burn.allowance) - 5, text, kind="strong")
        found = [label for label in found if label[1] != "Contract"]
    gap = 2 * LINE if frame.narrow else LINE
    wanted = [frame.y(calls) + 4 for calls, *_ in found]
    places = spread(wanted, gap, frame.top + 4, frame.bottom - gap + LINE)
    room = int((frame.width - frame.right - 8) / _CHARACTER)
    for y, (_, first, second, kind) in zip(places, found, strict=True):
        lines = (first, second) if frame.narrow else (f"{first} {second}",)
        for i, line in enumerate(lines):
            yield _text(frame.right + 8, y + i * LINE, _cut(line, room), kind=kind)


def right_labels(burn: Burn) -> Iterator[tuple[float, str, str, str]]:
    """(calls where it belongs, first line, second line, class) of each label at the right edge."""
    end, span = burn.end_label
    if end:
        yield burn.quantile(0.5)[-1][1], end, span, "strong"
    if burn.allowance is not None:
        yield burn.allowance, "Contract", wording.short(burn.allowance), "strong"
    if burn.previous_runs:
        last = burn.previous_runs[-1][-1][1]
        yield last, burn.previous_label, wording.short(last), ""


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(0, room - 1)]}…"
