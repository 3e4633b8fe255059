"""The burn chart as a plotly figure: the same lines as the SVG, and texts that follow the pointer.

plotly turns `<a href>` in any text into a live link, so what people typed loses its angle
brackets here. Colours of text and of the contract line come from app.css, in either theme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from cdpwatch import wording

from .burn import Burn, Point, call_ticks, spread
from .svg import LINE, MARK_TEXTS, right_labels

BLUE, GREY = "#0072B2", "#7d8590"
_HEIGHT = 300  # px, as the wide SVG
_BOTTOM, _LEFT, _RIGHT = 26, 44, 140  # px
_FONT = {"size": 12, "family": "system-ui, sans-serif"}
_CLEAR = "rgba(0,0,0,0)"
_GRID = "rgba(125,133,144,.25)"
_HEADROOM = 1.06


def burn_figure(burn: Burn) -> dict[str, Any]:
    """{"data": [...], "layout": {...}} for plotly.js, about 10 kB of plain JSON for a month."""
    # Imported here: it takes 80 ms and 32 MB, and most pages draw no figure.
    from plotly import graph_objects as go

    traces = [go.Scatter(**trace) for trace in _traces(burn)]
    figure: dict[str, Any] = go.Figure(traces, _layout(burn)).to_plotly_json()
    return figure


def _plain(text: str) -> str:
    return text.replace("<", "").replace(">", "")


def _trace(points: Sequence[Point], texts: Sequence[str] = (), **style: object) -> dict[str, Any]:
    return {
        "x": [round(x, 3) for x, _ in points],
        "y": [round(y) for _, y in points],
        "mode": "lines",
        "hoverinfo": "text" if texts else "skip",
        "hovertext": list(texts),
        **style,
    }


def _traces(burn: Burn) -> Iterator[dict[str, Any]]:
    """Back to front: last period, bands, projection, bill, live."""
    for run in burn.previous_runs:
        texts = [f"{_plain(burn.previous_label)}: {wording.short(y)} by this time" for _, y in run]
        yield _trace(run, texts, line={"color": GREY, "width": 1})
    for low, high in ((0.025, 0.975), (0.1, 0.9)):
        outline = burn.between(low, high)
        if outline:
            line = {"width": 0}
            yield _trace(outline, fill="toself", fillcolor="rgba(0,114,178,.16)", line=line)
    ahead = burn.quantile(0.5)
    yield _trace(ahead, _ahead_texts(burn), line={"color": BLUE, "width": 1.5, "dash": "dash"})
    for run in burn.billed_runs:
        texts = [f"{wording.exact(y)} billed to {_end_of(burn, x)}" for x, y in run]
        yield _trace(run, texts, line={"color": BLUE, "width": 2.5})
    live = burn.live_points
    texts = [f"{wording.exact(y)} with live calls" for _, y in live]
    yield _trace(live, texts, line={"color": BLUE, "width": 2.5, "dash": "dot"})
    yield _trace([burn.now], mode="markers", marker={"color": BLUE, "size": 8})


def _ahead_texts(burn: Burn) -> list[str]:
    lows, highs = dict(burn.quantile(0.1)), dict(burn.quantile(0.9))
    texts = []
    for x, mid in burn.quantile(0.5):
        known = x in lows and x in highs
        span = f", 80%: {wording.span_of_calls(lows[x], highs[x])}" if known else ""
        texts.append(f"{wording.short(mid)} by {_end_of(burn, x)}{span}")
    return texts


def _end_of(burn: Burn, x: float) -> str:
    """The end of a day: midnight belongs to the day that it closes."""
    return f"{wording.day(burn.days[0] + timedelta(days=x - 1))} 24:00 UTC"


def _layout(burn: Burn) -> dict[str, Any]:
    top = burn.highest * _HEADROOM
    return {
        "template": "none",
        "height": _HEIGHT,
        "margin": {"l": _LEFT, "r": _RIGHT, "t": _top_margin(burn), "b": _BOTTOM},
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "font": _FONT,
        "hoverlabel": {"font": _FONT},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "x",
        "xaxis": _axis([0, len(burn.days)], burn.day_ticks, showgrid=False),
        "yaxis": _axis([0, top], [(y, wording.short(y)) for y in call_ticks(burn.highest)]),
        "shapes": [*_contract(burn), *_mark_lines(burn)],
        "annotations": [*_labels(burn, top), *_mark_texts(burn)],
    }


def _top_margin(burn: Burn) -> int:
    return 8 + LINE * min(MARK_TEXTS, len(_marks(burn)))


def _axis(reach: list[float], ticks: Sequence[tuple[int, str]], **more: object) -> dict[str, Any]:
    return {
        "range": reach,
        "tickvals": [value for value, _ in ticks],
        "ticktext": [text for _, text in ticks],
        "fixedrange": True,
        "zeroline": False,
        "ticklabelstandoff": 6,
        "gridcolor": _GRID,
        **more,
    }


def _contract(burn: Burn) -> Iterator[dict[str, Any]]:
    if burn.allowance is not None:
        ends = {"x0": 0, "x1": 1, "y0": burn.allowance, "y1": burn.allowance}
        yield {"type": "line", "xref": "paper", **ends, "line": {"width": 1.5, "color": GREY}}


def _mark_lines(burn: Burn) -> Iterator[dict[str, Any]]:
    for x, _ in _marks(burn):
        line = {"width": 1, "dash": "dot", "color": GREY}
        yield {"type": "line", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": line}


def _mark_texts(burn: Burn) -> Iterator[dict[str, Any]]:
    marks = _marks(burn)[:MARK_TEXTS]
    for row, (x, text) in enumerate(marks):
        side = "left" if x < len(burn.days) / 2 else "right"
        place = {"x": x, "y": 1, "yref": "paper", "xanchor": side, "yanchor": "bottom"}
        shift = LINE * (len(marks) - 1 - row)
        yield {"text": _plain(text), "showarrow": False, "yshift": shift, **place}


def _marks(burn: Burn) -> list[tuple[float, str]]:
    return [(burn.days.index(m.day) + 0.5, m.label) for m in burn.marks if m.day in burn.days]


def _labels(burn: Burn, top: float) -> Iterator[dict[str, Any]]:
    labels = list(right_labels(burn))
    line = LINE / (_HEIGHT - _top_margin(burn) - _BOTTOM) * top  # a line of text, in calls
    places = spread([calls for calls, *_ in labels], line, 0, top)
    for y, (_, first, second, kind) in zip(places, labels, strict=True):
        font = {"weight": 600 if kind == "strong" else 400}
        place = {"x": 1, "xref": "paper", "xanchor": "left", "xshift": 6, "y": y}
        yield {"text": _plain(f"{first} {second}"), "font": font, "showarrow": False, **place}
