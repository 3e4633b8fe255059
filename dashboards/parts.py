"""Parts of what is used, as the budget page's tables show them: in calls, in money, against before.

Changes compare whole days with the same days of the previous period; the running day has no match.
Pure: a sheet in, rows out. Every table adds up to its total.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache

from cdpwatch import budget, snapshot, wording
from cdpwatch.budget.money import apportioned
from cdpwatch.budget.shares import OTHERS, REST, Part, Shares, folded, priced, shares
from cdpwatch.budget.subbudgets import Split
from cdpwatch.days import DAY
from cdpwatch.readings import OTHER

LISTED = 12  # event names with a row of their own
MOVED = 5  # sources that are told as movers
UNSEEN, UNBILLED = "Billed, not seen in live volume", "Seen live, billed less or not yet"
OTHER_SOURCES = "Other and deleted sources"


@dataclass(frozen=True)
class Row:
    """One part; `settled` are its calls of whole days."""

    part: Part
    settled: int

    @property
    def change(self) -> int | None:
        return None if self.part.before is None else self.settled - self.part.before

    @property
    def growth(self) -> float | None:
        """The change in percent of what was before."""
        return 100 * (self.change or 0) / self.part.before if self.part.before else None

    @property
    def percent(self) -> float | None:
        return None if self.part.share is None else 100 * self.part.share


@dataclass(frozen=True)
class Table:
    """Rows that add up to `total`."""

    rows: tuple[Row, ...]
    total: Row


@lru_cache(maxsize=2)
def by_call_type(sheet: snapshot.Sheet) -> Table:
    return _table(sheet, lambda kind: kind.call_type)


@lru_cache(maxsize=2)
def by_event(sheet: snapshot.Sheet) -> Table:
    return _table(sheet, _event)


def _event(kind: snapshot.Kind) -> str:
    if kind.event == OTHER:
        return f"{kind.call_type}: other names"
    return kind.event or f"{kind.call_type}, no name"


def _table(sheet: snapshot.Sheet, named: Callable[[snapshot.Kind], str]) -> Table:
    used = _sums(sheet, named, lambda kind: kind.used)
    settled = _sums(sheet, named, lambda kind: kind.settled)
    known = all(kind.before is not None for kind in sheet.kinds)
    before = _sums(sheet, named, lambda kind: kind.before or 0) if known else None
    total = sheet.standing.used
    found = shares(
        used,
        total,
        labels={},
        rest=_rest_of_live(sheet, total - sum(used.values())),
        before=before if sheet.kinds else None,
        total_before=used_before(sheet),
    )
    rate = budget.rate_of(sheet.terms, sheet.period)
    return _rows(priced(folded(found, LISTED), rate, sheet.standing.allowance), settled, sheet)


def _sums(
    sheet: snapshot.Sheet,
    named: Callable[[snapshot.Kind], str],
    calls: Callable[[snapshot.Kind], int],
) -> Counter[str]:
    total: Counter[str] = Counter()
    for kind in sheet.kinds:
        total[named(kind)] += calls(kind)
    return total


def _rows(table: Shares, settled: Mapping[str, int], sheet: snapshot.Sheet) -> Table:
    whole = used_settled(sheet)
    shown = {part.key for part in table.parts}
    sums = {
        **settled,
        OTHERS: sum(n for key, n in settled.items() if key not in shown),
        REST: whole - sum(settled.values()),
    }
    rows = tuple(Row(part, sums.get(part.key, 0)) for part in table.parts)
    return Table(rows, Row(table.total, whole))


def used_settled(sheet: snapshot.Sheet) -> int:
    """Calls of the period's whole days."""
    return sheet.standing.used - (sheet.used_by_day.get(sheet.made_at.date()) or 0)


@lru_cache(maxsize=2)
def calls_by_day(sheet: snapshot.Sheet) -> dict[date, float | None]:
    """Billed calls by day, a joint sum shared over its days; None where nobody knows."""
    return snapshot.shared(sheet.days)


@lru_cache(maxsize=2)
def used_before(sheet: snapshot.Sheet) -> int | None:
    """Billed calls of the same days of the previous period; None where one is not known."""
    passed = min((sheet.made_at.date() - sheet.period.start).days, sheet.previous.days)
    calls = calls_by_day(sheet)
    found = [calls.get(sheet.previous.start + n * DAY) for n in range(passed)]
    known = [n for n in found if n is not None]
    return round(sum(known)) if passed and len(known) == len(found) else None


def costs(sheet: snapshot.Sheet, parts: Sequence[int]) -> list[Decimal] | None:
    """What parts of the used calls cost at the contract's rate; None: no price was entered."""
    rate, state = budget.rate_of(sheet.terms, sheet.period), sheet.standing
    whole = budget.cost_of(rate, state.allowance, state.used)
    return None if whole is None else apportioned(rate, whole, parts)


def change_of(rows: Iterable[snapshot.SourceRow]) -> int | None:
    """Calls that some sources made more than on the same days before; None: not all are known."""
    changes = [None if row.before is None else row.settled - row.before for row in rows]
    return None if None in changes else sum(change or 0 for change in changes)


def less(whole: int | None, part: int | None) -> int | None:
    return None if whole is None or part is None else whole - part


def rest_of_sources(sheet: snapshot.Sheet) -> str:
    """What the row is that no listed source explains."""
    return _with_beside(sheet, OTHER_SOURCES)


def _rest_of_live(sheet: snapshot.Sheet, rest: int) -> str:
    return _with_beside(sheet, UNSEEN) if rest >= 0 else UNBILLED


def _with_beside(sheet: snapshot.Sheet, label: str) -> str:
    """The label, behind the workspaces whose calls it holds too."""
    if not sheet.beside:
        return label
    names = " and ".join(map(wording.one_line, sheet.beside))
    return f"{names}; {label[0].lower()}{label[1:]}"


def split_rows(sheet: snapshot.Sheet) -> Split | None:
    """The sub-budgets; what none of them was promised is the allowance of "Unassigned"."""
    found, allowance = sheet.split, sheet.standing.allowance
    if found is None or allowance is None:
        return found
    *rows, loose = found.rows
    free = allowance - sum(row.allowance or 0 for row in rows)
    return replace(found, rows=(*rows, replace(loose, allowance=free)))


@lru_cache(maxsize=2)
def movers(sheet: snapshot.Sheet) -> tuple[snapshot.SourceRow, ...]:
    """Sources that changed by most calls against the same days of the previous period."""
    moved = [row for row in sheet.sources if row.before is not None and row.settled != row.before]
    return tuple(sorted(moved, key=lambda row: -abs(row.settled - (row.before or 0)))[:MOVED])
