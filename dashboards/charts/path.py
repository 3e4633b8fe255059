"""The path language of SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def path(lines: Iterable[Sequence[tuple[float, float]]]) -> str:
    """The `d` of some lines in pixels. A line of one point becomes a dot (round line caps)."""
    return "".join(_line(line) for line in lines)


def _line(points: Sequence[tuple[float, float]]) -> str:
    steps = "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f"M{steps}" if len(points) > 1 else f"M{steps}h0"
