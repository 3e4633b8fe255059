"""The catalog's list under the filters and the search of its address.

Filters leave rows out. The search only marks what it found: the rest is on the page, hidden, so
that the script can search again with every letter. `static/catalog.js` follows the same rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from cdpwatch.models import Flow
from dashboards.entries import Catalog, Entry
from dashboards.pills import Pill
from dashboards.rows import STATUSES, Row

FILTERS = ("flow", "environment", "status", "naming")
NO_FILTER = dict.fromkeys(FILTERS, "")


@dataclass(frozen=True)
class Wish:
    """What the address asks for."""

    chosen: Mapping[str, str]  # by each of FILTERS, "" for any
    words: tuple[str, ...] = ()  # folded; every one must be found
    q: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> Wish:
        q = query.get("q", "").strip()
        chosen = {name: query.get(name, "") for name in FILTERS}
        return cls(chosen, tuple(q.casefold().split()), q)

    def finds(self, text: str) -> bool:
        folded = text.casefold()
        return all(word in folded for word in self.words)

    def address(self, **other: str) -> str:
        """The query string of this wish with other filters; "" where nothing is asked for."""
        query = {**self.chosen, "q": self.q, **other}
        return urlencode({name: value for name, value in query.items() if value})


@dataclass(frozen=True)
class ListedRow:
    row: Row
    found: bool


@dataclass(frozen=True)
class ListedEntry:
    """A system that the filters leave, with those of its connections that they leave."""

    entry: Entry
    rows: tuple[ListedRow, ...]
    by_itself: bool  # its own text holds every word, whatever its connections are called

    @property
    def found(self) -> bool:
        return self.by_itself or any(row.found for row in self.rows)


@dataclass(frozen=True)
class Listing:
    entries: tuple[ListedEntry, ...]
    unmatched: tuple[ListedRow, ...]

    @property
    def systems(self) -> int:
        return sum(entry.found for entry in self.entries)

    @property
    def strangers(self) -> int:
        """Connections without an app that were found."""
        return sum(row.found for row in self.unmatched)

    @property
    def connections(self) -> list[Row]:
        """Every connection that was found, in the order of the page."""
        listed = [row for entry in self.entries for row in entry.rows]
        return [item.row for item in (*listed, *self.unmatched) if item.found]


def listing(catalog: Catalog, wish: Wish) -> Listing:
    """What the page shows under `wish`."""
    return Listing(
        tuple(_listed(entry, wish) for entry in catalog.entries if leaves(entry, wish.chosen)),
        tuple(
            ListedRow(row, wish.finds(row.text))
            for row in catalog.unmatched.rows
            if _leaves_stranger(row, wish.chosen)
        ),
    )


def leaves(entry: Entry, chosen: Mapping[str, str]) -> bool:
    """Whether a system stays in the list under the filters."""
    return (
        chosen["flow"] in ("", entry.flow)
        and (not chosen["environment"] or chosen["environment"] in entry.environments)
        and chosen["status"] in ("", entry.status)
        and (not chosen["naming"] or bool(entry.advice))
    )


def _listed(entry: Entry, wish: Wish) -> ListedEntry:
    rows = tuple(
        ListedRow(row, wish.finds(f"{entry.text} {row.text}"))
        for row in entry.rows
        if _leaves_row(row, wish.chosen)
    )
    return ListedEntry(entry, rows, wish.finds(entry.text))


def _leaves_row(row: Row, chosen: Mapping[str, str]) -> bool:
    """Environment and name are a connection's own; flow and status are its system's."""
    environment = chosen["environment"] in ("", row.environment)
    return environment and (not chosen["naming"] or bool(row.advice))


def _leaves_stranger(row: Row, chosen: Mapping[str, str]) -> bool:
    of_its_own = chosen["flow"] in ("", row.flow) and chosen["status"] in ("", row.status)
    return of_its_own and _leaves_row(row, chosen)


def pills(catalog: Catalog, wish: Wish) -> list[Pill]:
    """Every filter that can be clicked, with what it alone would leave.

    Systems and connections of no system are counted as the page lists them, one each. Names to
    look at are connections, wherever they are listed.
    """
    entries, chosen = catalog.entries, wish.chosen
    offered: list[tuple[str, str, str]] = [
        *(("flow", flow.value, flow.label) for flow in Flow),
        *(("environment", name, name) for name in _environments(entries)),
        *(("status", key, word) for key, word in STATUSES.items()),
        ("naming", "advice", "Names to look at"),
    ]
    return [
        Pill(
            text,
            f"?{wish.address(**{name: '' if chosen[name] == value else value})}",
            catalog.names_to_look_at
            if name == "naming"
            else _left(catalog, {**NO_FILTER, name: value}),
            chosen[name] == value,
        )
        for name, value, text in offered
    ]


def _left(catalog: Catalog, chosen: Mapping[str, str]) -> int:
    """How many systems and connections of no system stay in the list."""
    systems = sum(leaves(entry, chosen) for entry in catalog.entries)
    return systems + sum(_leaves_stranger(row, chosen) for row in catalog.unmatched.rows)


def _environments(entries: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(name for entry in entries for name in entry.environments))
