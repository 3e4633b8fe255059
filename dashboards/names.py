"""The event names of a source as its page lists them: searched and sorted by the address.

What the page does not list is in the row "Other names", so that the rows add up to all calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from cdpwatch import snapshot
from cdpwatch.days import DAY
from cdpwatch.readings import OTHER
from cdpwatch.snapshot import NamedCalls

WINDOW = timedelta(days=30)  # whose calls are counted, up to now
NEW = timedelta(days=7)
MOST_NAMES = 100  # with a row of their own; the search finds the others, and the CSV has them all
# The columns by which the table sorts: what each asks of a name, and whether the most comes first.
COLUMNS: dict[str, tuple[str, Callable[[NamedCalls], Any], bool]] = {
    "event": ("Event", lambda name: name.event.casefold(), False),
    "type": ("Call type", lambda name: name.call_type, False),
    "calls": ("Calls", lambda name: name.calls, True),
    "first": ("First seen", lambda name: name.first_seen or date.min, True),
    "last": ("Last seen", lambda name: name.last_seen or date.min, True),
}


@dataclass(frozen=True)
class Wish:
    """What the address asks for; "-first" sorts by the first day the other way round."""

    q: str = ""
    sort: str = "calls"

    @classmethod
    def of(cls, query: QueryDict) -> Wish:
        sort = query.get("sort", "")
        return cls(query.get("q", "").strip(), sort if sort.lstrip("-") in COLUMNS else "calls")

    def finds(self, name: NamedCalls) -> bool:
        text = f"{name.event} {name.call_type}".casefold()
        return all(word in text for word in self.q.casefold().split())

    def sorted(self, names: Sequence[NamedCalls]) -> list[NamedCalls]:
        _, of, falling = COLUMNS[self.sort.removeprefix("-")]
        return sorted(names, key=of, reverse=falling != self.sort.startswith("-"))


@dataclass(frozen=True)
class NameRow:
    name: NamedCalls
    percent: float  # of the source's calls in the window
    new: bool


@dataclass(frozen=True)
class Column:
    """A head of the table; `sorted` is as aria-sort says it, "" where it is not sorted by this."""

    key: str
    title: str
    url: str
    sorted: str


@dataclass(frozen=True)
class Names:
    """What _names.html shows."""

    rows: list[NameRow]
    others: int  # calls that no row lists
    others_percent: float
    hidden: int  # names that no row lists
    total: int
    known: int  # names, listed or not
    wish: Wish
    columns: list[Column]


def of(source: int, wish: Wish, today: date) -> Names:
    """The names of one source, its primary key, with their calls of the last 30 days."""
    found = snapshot.names_of([source], today - WINDOW, today)
    names = [name for name in found if name.event != OTHER]
    total = sum(name.calls for name in found)
    shown = wish.sorted([name for name in names if wish.finds(name)])[:MOST_NAMES]
    others = total - sum(name.calls for name in shown)
    # Before a source's first day nobody listened: its oldest names are not new.
    oldest = min((name.first_seen for name in names if name.first_seen), default=today)
    since = max(today - NEW, oldest) + DAY
    return Names(
        rows=[NameRow(name, _percent(name.calls, total), is_new(name, since)) for name in shown],
        others=others,
        others_percent=_percent(others, total),
        hidden=len(names) - len(shown),
        total=total,
        known=len(names),
        wish=wish,
        columns=[_column(key, wish) for key in COLUMNS],
    )


def is_new(name: NamedCalls, since: date) -> bool:
    return name.first_seen is not None and name.first_seen >= since


def _percent(calls: int, total: int) -> float:
    return 100 * calls / total if total else 0.0


def _column(key: str, wish: Wish) -> Column:
    """Its link sorts by it, and the other way round where the table is sorted by it already."""
    title, _, falling = COLUMNS[key]
    query = {"q": wish.q, "sort": f"-{key}" if wish.sort == key else key}
    url = f"?{urlencode({name: value for name, value in query.items() if value})}#names"
    if wish.sort.removeprefix("-") != key:
        return Column(key, title, url, "")
    down = falling != wish.sort.startswith("-")
    return Column(key, title, url, "descending" if down else "ascending")
