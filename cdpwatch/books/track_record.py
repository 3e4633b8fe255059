"""Holds what was projected for periods that are over against what was billed in the end.

What was said (Projection) and what would have been said (Replay) are two records, never one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import F

from cdpwatch import budget, snapshot
from cdpwatch.budget.record import Compared, Said
from cdpwatch.days import DAY
from cdpwatch.forecast.periods import METHOD
from cdpwatch.models import Contract, Projection, Replay

SAID, REPLAYED = "said", "replayed"
FIELDS = ("pk", "as_of", "period_start", "period_end", "quantiles")
ENDS = ("0.025", "0.1", "0.5", "0.9", "0.975")  # levels: both ranges around the median


@dataclass(frozen=True)
class Record:
    """Projections of one kind, by period."""

    kind: str  # SAID or REPLAYED
    compared: tuple[Compared, ...]  # periods that are over, oldest first
    open: tuple[Said, ...]  # of the running period
    unknown: Mapping[budget.Period, int]  # left out: over, with so many days that nobody knows


def record_of(contract: Contract, kind: str, today: date) -> Record:
    """The record of `kind`. What was said while cdpwatch was learning is in none."""
    by_span: dict[budget.Period, list[Said]] = defaultdict(list)
    for said in ROWS[kind](contract):
        by_span[said.span].append(said)
    over = sorted((span for span in by_span if span.end <= today), key=lambda span: span.start)
    days = snapshot.contract_days(contract, over[0].start) if over else {}
    calls, compared, unknown = snapshot.shared(days), [], {}
    for span in over:
        known = [n for n in (calls.get(day) for day in _days(span)) if n is not None]
        if len(known) < span.days:
            unknown[span] = span.days - len(known)
        else:
            compared.append(Compared(span, round(sum(known)), tuple(by_span[span])))
    running = (said for span, rows in by_span.items() if span.end > today for said in rows)
    return Record(kind, tuple(compared), tuple(running), unknown)


def _days(span: budget.Period) -> list[date]:
    return [span.start + n * DAY for n in range(span.days)]


def _said(contract: Contract) -> list[Said]:
    """Rows made on their own day: `evaluate --as-of` makes others, which nobody was told."""
    rows = Projection.objects.filter(contract=contract, made_at__date=F("as_of")).exclude(
        verdict=budget.Verdict.LEARNING
    )
    return _read(rows.order_by("as_of").values_list(*FIELDS))


def _replayed(contract: Contract) -> list[Said]:
    return _read(Replay.objects.filter(contract=contract).order_by("as_of").values_list(*FIELDS))


def _read(rows: Iterable[tuple[int, date, date, date, Mapping[str, float]]]) -> list[Said]:
    """Rows with both ranges; one without them (an old release's) says nothing to be compared."""
    return [
        Said(pk, as_of, budget.Period(start, end), *(quantiles[level] for level in ENDS))
        for pk, as_of, start, end, quantiles in rows
        if all(level in quantiles for level in ENDS)
    ]


ROWS: dict[str, Callable[[Contract], list[Said]]] = {SAID: _said, REPLAYED: _replayed}


# --- made again -------------------------------------------------------------------------------
SAME, DIFFERS, OLDER, NO_INPUTS = "same", "differs", "older method", "no inputs"
STATES = (SAME, DIFFERS, OLDER, NO_INPUTS)


@dataclass(frozen=True)
class Again:
    """A stored projection beside the one that its stored inputs make now."""

    state: str  # SAME, DIFFERS, OLDER or NO_INPUTS
    stored: Mapping[str, float]  # calls by level
    again: Mapping[str, float]  # the same; empty with NO_INPUTS
    inputs: budget.Inputs | None = None


def made_again(row: Projection) -> Again:
    """Project again from the inputs that the row keeps.

    A row of a method that this release no longer has may come out differently: OLDER says so.
    """
    try:
        inputs = budget.unpacked(row.inputs)
    except ValueError:
        return Again(NO_INPUTS, row.quantiles, {})
    made = inputs.project()
    again = {
        str(level): round(total) for level, total in zip(made.levels, made.totals, strict=True)
    }
    state = SAME if again == row.quantiles else DIFFERS
    if state == DIFFERS and row.method != METHOD:
        state = OLDER
    return Again(state, row.quantiles, again, inputs)


# --- as a file --------------------------------------------------------------------------------
def record_rows(told: Record) -> Iterator[dict[str, object]]:
    """One row per projection of a period that is over, in order of days."""
    for one in told.compared:
        for said in one.said:
            off = said.off(one.came)
            yield {
                "record": told.kind,
                "period_start": one.span.start.isoformat(),
                "period_end": one.span.end.isoformat(),
                "as_of": said.as_of.isoformat(),
                "day": said.day,
                "low95": said.low95,
                "low80": said.low80,
                "median": said.middle,
                "high80": said.high80,
                "high95": said.high95,
                "came": one.came,
                "error_percent": None if off is None else round(off, 3),
                "within80": said.within80(one.came),
                "within95": said.within95(one.came),
            }
