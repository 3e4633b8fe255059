"""The loss ledger: rows of a turn that could not be taken, with reason, count and sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cdpwatch.models import PollRun, RejectedRow
from cdpwatch.readings import Rejection

LONGEST = {"where": 200, "reason": 300, "sample": 300}  # characters, as the table has room for


def record_rejections(run: PollRun, rejections: Iterable[Rejection]) -> int:
    """Write one line for each place and reason, with the first sample met. Rows rejected.

    Recording the same rejections of a run again leaves the same lines.
    """
    counts: Counter[tuple[str, str]] = Counter()
    samples: dict[tuple[str, str], str] = {}
    for rejection in rejections:
        kind = _fitted("where", rejection.where), _fitted("reason", rejection.reason)
        counts[kind] += 1
        samples.setdefault(kind, _fitted("sample", rejection.sample))
    run.rejections.all().delete()
    RejectedRow.objects.bulk_create(
        RejectedRow(run=run, where=where, reason=reason, count=count, sample=samples[where, reason])
        for (where, reason), count in counts.items()
    )
    return counts.total()


def _fitted(field: str, text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[: LONGEST[field]]
