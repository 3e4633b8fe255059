"""What the budget page costs with 1,000 sources and three years of days, on one web worker.

Measured as `pages` measures the overview. A period of a month and one of a year, which has a
table row for each of its days; 12 sources beside 1,000, for both must ask the database as often.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import httpx

from cdpwatch import counting, watch
from cdpwatch.models import Contract, SourceDay, Workspace
from tests.bench import site
from tests.bench.figure import Figure, p50, p95
from tests.bench.pages import bare_view, milliseconds, queries_of

THREE_YEARS = 1_095  # days
PAGE = "/budget/"


def figures() -> Iterator[Figure | str]:
    asked = {}
    for sources, kinds in ((12, ("month",)), (1_000, ("month", "year"))):
        workspace = _filled(sources)
        for kind in kinds:
            _evaluated(workspace, kind)
            name, cookie = f"budget, {sources:,} sources, a {kind}", site.session()
            asked[sources, kind] = queries_of(cookie, PAGE)
            yield from _measured(name, cookie)
            yield Figure(f"{name}: queries", asked[sources, kind], "", asked[12, "month"])


def _filled(sources: int) -> Workspace:
    """A workspace with its three years summed by month, as polls leave it."""
    workspace = site.fill(sources, THREE_YEARS)
    counting.refresh_months(workspace, set(SourceDay.objects.dates("day", "month")))
    return workspace


def _evaluated(workspace: Workspace, kind: str) -> None:
    """Keep the sheet of a contract by month or by year, old enough for all of its days."""
    began = date(datetime.now(UTC).year - 3, 1, 1)
    Contract.objects.filter(workspace=workspace).update(
        period=kind, starts_on=began, price="100000", overage_price="5000"
    )
    watch.evaluate(workspace, datetime.now(UTC))


def _measured(name: str, cookie: dict[str, str]) -> Iterator[Figure]:
    with site.worker() as url, site.yardstick() as bare:
        pages = httpx.Client(base_url=url, cookies=cookie, trust_env=False)
        with pages, httpx.Client(base_url=bare, trust_env=False) as floor:
            page, ok = milliseconds(pages, floor, PAGE)
            html = pages.get(PAGE).content
    yield Figure(f"{name}: p50", p50(page), "ms", yardstick=bare_view(p50(ok)))
    yield Figure(f"{name}: p95", p95(page), "ms", 40.0, yardstick=bare_view(p95(ok)))
    yield Figure(f"{name}: html, before gzip", len(html) / 1_000, "kB")
