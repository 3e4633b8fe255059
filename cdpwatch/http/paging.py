"""Lists that come in pages: followed to their end within bounds, read anew when they moved.

A list that changes between two of its pages shifts rows: one is seen twice, another never. Two
signs give it away, another `totalEntries` and an id that a second page repeats; so does a cursor
that the server no longer knows. Then the list is read again from its first page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cdpwatch.http.errors import BadPayload
from cdpwatch.http.payload import Fields

MOST_PAGES = 1000
MOST_EMPTY = 3  # pages without a row, one after the other
READS = 3  # of one list, at most


class ListMoved(BadPayload):
    """The list changed while it was read: what was read of it is not whole."""


@dataclass(frozen=True)
class Page:
    rows: list[object]
    next: str  # cursor of the next page, "" on the last
    total: int | None  # rows of the whole list, where the server says


def whole_list(ask: Callable[[str], Fields], key: str, where: str, *, steady: bool) -> list[object]:
    """The rows of all pages; `ask` gives the `data` of the page at a cursor, "" for the first.

    A `steady` list is read again from its start, twice at most, when it moved meanwhile; then
    ListMoved. Raises BadPayload for a cursor that comes back, for more than MOST_PAGES pages and
    for more than MOST_EMPTY empty ones in a row.
    """
    for read in range(1, READS + 1):
        try:
            pages = list(_pages(ask, key, where))
            if steady:
                _check_unmoved(pages, where)
            return [row for page in pages for row in page.rows]
        except ListMoved:
            if read == READS:
                raise
    raise AssertionError("the last read returns or raises")


def _pages(ask: Callable[[str], Fields], key: str, where: str) -> Iterator[Page]:
    seen, cursor, empty = {""}, "", 0
    for _ in range(MOST_PAGES):
        page = _page(ask(cursor), key)
        yield page
        cursor, empty = page.next, 0 if page.rows else empty + 1
        if not cursor:
            return
        if cursor in seen:
            raise BadPayload(f"{where} gave the same page cursor twice.")
        if empty > MOST_EMPTY:
            raise BadPayload(f"{where} gave one empty page after another.")
        seen.add(cursor)
    raise BadPayload(f"{where} has more than {MOST_PAGES} pages.")


def _page(data: Fields, key: str) -> Page:
    pagination = data.part("pagination") if data.has("pagination") else Fields({}, data.where)
    total = pagination.row.get("totalEntries")
    return Page(data.items(key), pagination.text("next", ""), total if type(total) is int else None)


def _check_unmoved(pages: list[Page], where: str) -> None:
    """Raise ListMoved where two pages contradict each other."""
    met: set[str | None] = set()
    for page in pages:
        ids = set(map(_id, page.rows)) - {None}
        if page.total != pages[0].total or ids & met:
            raise ListMoved(f"{where} changed each time while it was read.")
        met |= ids


def _id(row: object) -> str | None:
    found = row.get("id") if isinstance(row, dict) else None
    return found if isinstance(found, str) else None
