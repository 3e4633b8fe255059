"""The pictures and rows of the back-test: one period's projections, and scores by day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString, mark_safe

from cdpwatch import books, budget, wording
from cdpwatch.budget.record import Compared, Said, Score
from cdpwatch.forecast.periods import LEARNING_DAYS
from dashboards.charts.plot import Line, Plot, plot_svg

WIDE, NARROW, HEIGHT = 1128, 340, 260  # px


@dataclass(frozen=True)
class Pictures:
    """One plot at the width of a desk and of a phone."""

    wide: SafeString
    narrow: SafeString


def pictures(plot: Plot, wide: int = WIDE) -> Pictures:
    """Every text within was escaped as it was drawn."""
    sizes = (wide, NARROW)
    return Pictures(*(mark_safe(plot_svg(plot, width=w, height=HEIGHT)) for w in sizes))  # noqa: S308


# --- one period -------------------------------------------------------------------------------
@dataclass(frozen=True)
class Row:
    """One projection of a period that is over."""

    said: Said
    came: int

    @property
    def off(self) -> float | None:
        return self.said.off(self.came)

    @property
    def held(self) -> tuple[str, str]:
        """State and word: which of its ranges held what came."""
        if self.said.within80(self.came):
            return "ok", "Within 80%"
        return ("warn", "Within 95%") if self.said.within95(self.came) else ("bad", "Outside")


def rows_of(one: Compared) -> list[Row]:
    return [Row(said, one.came) for said in one.said]


def fan(one: Compared) -> Pictures:
    """How the projections of a period closed in on what came."""
    by_day = {said.day: said for said in one.said}
    days = range(1, one.span.days + 1)

    def line(value: Callable[[Said], float]) -> list[float | None]:
        return [value(by_day[day]) if day in by_day else None for day in days]

    bands = (
        (line(lambda said: said.low95), line(lambda said: said.high95)),
        (line(lambda said: said.low80), line(lambda said: said.high80)),
    )
    came = wording.short(one.came)
    return pictures(
        Plot(
            xs=tuple(str(day) for day in days),
            lines=(Line("projected", line(lambda said: said.middle), "Projected"),),
            summary=f"What was projected for {one.span.name} on each of its days, with the 80% "
            f"and 95% ranges, against the {came} calls that came.",
            spelled=wording.short,
            bands=bands,
            levels=(("contract", one.came, f"Came {came}"),),
        )
    )


# --- all periods ------------------------------------------------------------------------------
def error_plot(scores: Sequence[Score], noun: str) -> Pictures:
    values = [score.error for score in scores]
    return pictures(
        Plot(
            xs=tuple(str(score.first) for score in scores),
            lines=(Line("billed", values, "Median error"),),
            summary=f"Median error of the projection, in percent, by day of the {noun}.",
            spelled=_percent,
            zero=True,
        ),
        WIDE // 2,
    )


def coverage_plot(scores: Sequence[Score], noun: str) -> Pictures:
    return pictures(
        Plot(
            xs=tuple(str(score.first) for score in scores),
            lines=(
                Line("live", [score.within95 for score in scores], "95% range"),
                Line("billed", [score.within80 for score in scores], "80% range"),
            ),
            summary=f"How many of 100 projections held what came, by day of the {noun}: "
            "the 80% and the 95% range.",
            spelled=_percent,
            levels=(("previous", 95, ""), ("previous", 80, "")),
            zero=True,
            top=104,
        ),
        WIDE // 2,
    )


def _percent(value: float) -> str:
    return f"{value:g}%"


# --- the sentence -----------------------------------------------------------------------------
def headline(told: books.Record, scores: Sequence[Score]) -> str:
    """How far off the projections were halfway through; "" while there is nothing to compare."""
    if not told.compared:
        return ""
    noun, half = told.compared[-1].span.noun, max(one.span.days for one in told.compared) / 2
    score = min(scores, key=lambda score: abs((score.first + score.last) / 2 - half))
    if score.error is None:
        return "Nothing came in the finished periods, so there is no error to tell."
    verb = "would have been" if told.kind == books.REPLAYED else "was"
    return (
        f"Halfway through a {noun}, every second projection {verb} within "
        f"{score.error:.1f}% of what came."
    )


def waiting(told: books.Record, period: budget.Period) -> str:
    """Why there is nothing to compare yet, and when there will be."""
    if told.kind == books.REPLAYED:
        return (
            "No finished period is replayed yet. The worker does that by itself once the past is "
            f"read; it takes {LEARNING_DAYS} known days and a {period.noun} that is over."
        )
    kept = wording.plural(len(told.open), "projection")
    return (
        f"Learning: no finished {period.noun} has projections that were kept. "
        f"{period.title} has {kept} so far, and is compared once it is over, on "
        f"{wording.day(period.end)}."
    )
