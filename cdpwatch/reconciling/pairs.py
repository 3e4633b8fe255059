"""Which counts are compared with which, what is usual between them, and what is known to differ.

Expected gaps are shares, other less base; those of a vendor are its counter's own tolerance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from operator import attrgetter

from cdpwatch.days import DAY
from cdpwatch.readings import Direction

from .compare import FIRST, LAST, Days, Pair, Share
from .places import (
    Group,
    added,
    groups,
    live_of,
    live_total,
    loaded_of,
    partitions_of,
    received_of,
    sent_total,
)
from .rows import EVERY, Place, Rows
from .sides import SIDES, Side

NEAR = (-0.01, 0.01)
EXPECTED = {
    "live": NEAR,  # volume counts after validation, the bill before
    "received": NEAR,
    "handled": NEAR,  # a retry may end in the next day
    "warehouse": (-0.01, 0.005),
    "syncs": (-0.01, 0.01),
    "partitions": (-0.01, 0.01),
    "sources": (0.0, 0.0),  # beyond deleted sources, which the workspace's bill alone holds
}
DELETED = "of deleted sources, or of others that Segment does not list"
FAILED = "failed on ingest; Segment does not say whether these are billed"
FILTERED = "filtered at the source; Segment does not say whether these are billed"
LAG = "load lag: the newest sync began {:%d %b %H:%M} UTC, days after it are left out"
OFTEN = timedelta(hours=1)  # Segment loads a warehouse 24 times a day at most
LATER = "load lag: calls of the last day, loaded after its midnight"
EARLIER = "load lag: calls of the day before, loaded on the first day"
TWICE = "track calls, each of which may be a row of two tables"  # Segment does not say
USERS = "identify calls, each of which may be a row of the table of users too"
KEPT_OUT = "filtered at the source: received, and not live"


def own_pairs(rows: Rows) -> Iterator[Pair]:
    """Every comparison of Segment's own counts and the warehouse, the workspace's bill first."""
    yield _workspace(rows)
    for place in rows.places.values():
        if place.direction == Direction.SOURCE:
            yield from _of_source(rows, place)
    for group in groups(rows.places.values(), Direction.DESTINATION):
        yield _of_destination(rows, group)
    for group in groups(rows.places.values(), Direction.WAREHOUSE):
        yield _of_warehouse(rows, group)


def final(days: Days, side: Side, now: datetime) -> Days:
    """The days of one side whose number changes no more."""
    last = side.last_final(now)
    return {day: calls for day, calls in days.items() if day <= last}


def _pair(
    rows: Rows,
    name: tuple[str, str],  # what it is about, as a key and as a title
    sides: tuple[str, str],
    days: tuple[Days, Days],
    causes: tuple[Share, ...] = (),
    possible: tuple[Share, ...] = (),
    connection: int | None = None,
    notes: tuple[str, ...] = (),
) -> Pair:
    base, other = (SIDES[side] for side in sides)
    return Pair(
        key=f"{name[0]}/{sides[1]}",
        subject=name[1],
        base=base,
        other=other,
        base_days=final(days[0], base, rows.now),
        other_days=final(days[1], other, rows.now),
        expected=EXPECTED[sides[1]],
        causes=causes,
        possible=possible,
        notes=notes,
        connection=connection,
    )


def _workspace(rows: Rows) -> Pair:
    """The bill against its parts: a source without a row on a day was not billed on it."""
    parts: Counter[date] = Counter()
    for days in rows.billed.values():
        parts.update(days)
    sides = ("workspace", "sources")
    unlisted = {day: min(parts[day] - calls, 0) for day, calls in rows.workspace.items()}
    causes = (Share(DELETED, unlisted),)
    return _pair(rows, ("workspace", "Workspace"), sides, (rows.workspace, parts), causes)


def _of_source(rows: Rows, source: Place) -> Iterator[Pair]:
    name, live = (f"source/{source.pk}", source.name), live_total(rows, [source.pk])
    ingest = rows.ingest.get(source.pk, {})
    refused = (
        Share(FAILED, _less(ingest.get("failed", {}))),
        Share(FILTERED, _less(ingest.get("filtered", {}))),
    )
    billed = rows.billed.get(source.pk, {})
    yield _pair(rows, name, ("billed", "live"), (billed, live), (), refused, source.pk)
    if received := received_of(rows, source.pk):
        days = (live, received)
        kept_out = (Share(KEPT_OUT, ingest.get("filtered", {})),)
        yield _pair(rows, name, ("live", "received"), days, (), kept_out, source.pk)
    if rows.warehouse.get(source.pk):
        days = (live, loaded_of(rows, source.pk))
        notes = _lag(rows, source.pk)
        yield _pair(rows, name, ("live", "warehouse"), days, connection=source.pk, notes=notes)
    yield from _of_loads(rows, source, name, live)


def _lag(rows: Rows, source: int) -> tuple[str, ...]:
    loaded_to = rows.loaded_to.get(source)
    return (LAG.format(loaded_to),) if loaded_to else ()


def _of_loads(rows: Rows, source: Place, name: tuple[str, str], live: Days) -> Iterator[Pair]:
    """Rows by the day of their load: what a sync brings after midnight counts a day later.

    At most what comes in between two syncs is so late, and of days in a row each hands on what it
    got: only the first and the last of them can differ by it.
    """
    tracks = live_of(rows, [source.pk], lambda kind, event: (kind, event) == ("track", EVERY))
    users = live_of(rows, [source.pk], lambda kind, event: (kind, event) == ("identify", EVERY))
    part = min(rows.loads_every.get(source.pk, OFTEN) / DAY, 1.0)
    late = {day: round(calls * part) for day, calls in live.items()}
    lag = (Share(LATER, _less(late), LAST), Share(EARLIER, late, FIRST))
    if synced := rows.synced.get(source.pk):
        sides, days = ("live", "syncs"), (live, synced)
        possible = (*lag, Share(TWICE, tracks), Share(USERS, users))
        yield _pair(rows, name, sides, days, (), possible, source.pk)
    if parts := partitions_of(rows, source):
        yield _pair(rows, name, ("live", "partitions"), (live, parts), (), lag, source.pk)


def _less(days: Days) -> Days:
    return {day: -calls for day, calls in days.items()}


def _of_destination(rows: Rows, group: Group) -> Pair:
    """What its sources received against what became of it."""
    counted = [place for place in group.places if rows.sent.get(place.pk)]
    sent = live_total(rows, {pk for place in counted for pk in place.fed_by})
    days = (sent, sent_total(rows, counted, attrgetter("handled")))
    return _pair(rows, (group.key, group.title), ("sent", "handled"), days)


def _of_warehouse(rows: Rows, group: Group) -> Pair:
    counted = {pk for pk in group.sources if rows.warehouse.get(pk)}
    days = (live_total(rows, counted), added(loaded_of(rows, pk) for pk in counted))
    return _pair(rows, (group.key, group.title), ("sent", "warehouse"), days)
