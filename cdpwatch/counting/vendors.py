"""What the other sides counted: absolute numbers, keyed by all that tells two of them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cdpwatch.counters import Counter, CountRow
from cdpwatch.models import VendorCount, Workspace
from cdpwatch.readings import Window

from .rows import upsert

KEY = (
    *("workspace_id", "app", "counter", "bucket", "grain"),
    *("kind", "call_type", "event", "dims"),
)
COLUMNS = (*KEY, "count", "exactness", "clock")
LONGEST_DIMS = 300  # characters


def record_counts(
    workspace: Workspace,
    counter: Counter,
    window: Window,
    rows: Sequence[CountRow],
    *,
    complete: bool = True,
) -> int:
    """Store what `counter` counted in `window`. Returns the rows given.

    What was stored of the window before and is not among `rows` goes, for the vendor no longer
    says so; unless `rows` are not `complete`, for a row that could not be read may be one of it.
    """
    stored = [_stored(workspace, counter, row) for row in rows]
    if complete:
        _drop_vanished(workspace, counter, window, {row[: len(KEY)] for row in stored})
    return upsert(VendorCount, KEY, COLUMNS, stored)


def _drop_vanished(
    workspace: Workspace, counter: Counter, window: Window, given: set[tuple[object, ...]]
) -> None:
    kept = VendorCount.objects.filter(
        workspace=workspace,
        counter=counter.key,
        bucket__gte=window.start,
        bucket__lt=window.end,
    )
    gone = [pk for pk, *key in kept.values_list("pk", *KEY) if tuple(key) not in given]
    VendorCount.objects.filter(pk__in=gone).delete()


def _stored(workspace: Workspace, counter: Counter, row: CountRow) -> tuple[object, ...]:
    return (
        *(workspace.pk, counter.app, counter.key, row.bucket, row.grain),
        *(str(row.kind), row.call_type, row.event, _told(row.dims)),
        *(row.count, str(row.exactness), str(row.clock)),
    )


def _told(dims: Mapping[str, str]) -> str:
    """`region=eu, status=ok`: in the order of the keys, so that the same is always spelt alike."""
    return ", ".join(f"{key}={dims[key]}" for key in sorted(dims))[:LONGEST_DIMS]
