"""The catalog: the list with its filters in the address, and a page for each system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from cdpwatch import snapshot, wording
from cdpwatch.models import App, Flow, Function, Link
from dashboards.charts import bars_svg
from dashboards.context import the_workspace
from dashboards.entries import STATUSES, Catalog, Entry, read
from dashboards.pills import Pill

# --- the list ---------------------------------------------------------------------------------
FILTERS = ("flow", "environment", "status", "naming")
NO_FILTER = dict.fromkeys(FILTERS, "")


def catalog(request: HttpRequest) -> HttpResponse:
    now = datetime.now(UTC)
    found = read(now)
    chosen = {name: request.GET.get(name, "") for name in FILTERS}
    words = request.GET.get("q", "").strip()
    shown = [entry for entry in found.entries if matches(entry, chosen, words)]
    strangers = found.unmatched.rows
    unmatched = [row for row in strangers if row.advice] if chosen["naming"] else strangers
    return render(
        request,
        "catalog/catalog.html",
        {
            "now": now,
            "entries": shown,
            "total": len(found.entries),
            "unmatched": unmatched,
            "state": found.view.standing,
            "naming": chosen["naming"],
            "q": words,
            "pills": pills(found, chosen, words),
            "filtered": any(chosen.values()) or bool(words),
        },
    )


def matches(entry: Entry, chosen: Mapping[str, str], words: str) -> bool:
    """Whether an entry stays in the list under the filters of the address."""
    text = " ".join([entry.name, entry.description, entry.owner, *_names(entry)]).casefold()
    return (
        chosen["flow"] in ("", entry.flow)
        and (not chosen["environment"] or chosen["environment"] in entry.environments)
        and chosen["status"] in ("", entry.status)
        and (not chosen["naming"] or bool(entry.advice))
        and all(word in text for word in words.casefold().split())
    )


def _names(entry: Entry) -> Iterable[str]:
    return (row.connection.name for row in entry.rows)


def pills(found: Catalog, chosen: Mapping[str, str], words: str) -> list[Pill]:
    entries = found.entries
    offered: list[tuple[str, str, str]] = [
        *(("flow", flow.value, flow.label) for flow in Flow),
        *(("environment", name, name) for name in _environments(entries)),
        *(("status", key, word) for key, word in STATUSES.items()),
        ("naming", "advice", "Names to look at"),
    ]
    return [
        Pill(
            text,
            _address({**chosen, name: "" if chosen[name] == value else value}, words),
            found.names_to_look_at
            if name == "naming"
            else sum(matches(entry, {**NO_FILTER, name: value}, "") for entry in entries),
            chosen[name] == value,
        )
        for name, value, text in offered
    ]


def _environments(entries: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(name for entry in entries for name in entry.environments))


def _address(chosen: Mapping[str, str], words: str) -> str:
    query = {name: value for name, value in {**chosen, "q": words}.items() if value}
    return f"?{urlencode(query)}" if query else "."


# --- one system -------------------------------------------------------------------------------
def app(request: HttpRequest, slug: str) -> HttpResponse:
    get_object_or_404(App, workspace=the_workspace(), slug=slug)
    return _page(request, reverse("catalog-app", args=[slug]), {})


def function(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Function, workspace=the_workspace(), pk=pk)
    return _page(request, reverse("catalog-function", args=[pk]), {"function": row})


def _page(request: HttpRequest, url: str, more: Mapping[str, Any]) -> HttpResponse:
    now = datetime.now(UTC)
    found = read(now)
    entry = next(entry for entry in found.entries if entry.url == url)
    ids = [row.connection.pk for row in entry.rows]
    links = Link.objects.select_related("source", "target")
    return render(
        request,
        "catalog/app.html",
        {
            "now": now,
            "entry": entry,
            "state": found.view.standing,
            "links": links.filter(source__in=ids) | links.filter(target__in=ids),
            "traffic": traffic_rows(found.view, set(ids)),
            "leaks": [leak for leak in found.view.found if leak.source_id in ids],
            "month": month_of(entry, now.date()),
            **more,
        },
    )


@dataclass(frozen=True)
class Month:
    """The last 30 whole days as a picture and as its table."""

    title: str
    wide: SafeString
    narrow: SafeString
    days: tuple[tuple[date, int | None], ...]


def month_of(entry: Entry, today: date) -> Month | None:
    counts = entry.last_30
    if not counts:
        return None
    what = "Calls" if entry.sources else "Deliveries"
    days = [today - n * snapshot.DAY for n in range(len(counts), 0, -1)]
    total = wording.short(sum(count or 0 for count in counts))
    summary = f"{what} of {entry.name} in the last 30 days: {total} in all"
    # bars_svg escapes every text that it draws.
    wide = mark_safe(bars_svg(days, counts, summary, width=1120, height=180))
    narrow = mark_safe(bars_svg(days, counts, summary, width=340, height=160))
    return Month(f"{what} a day, last 30 days", wide, narrow, tuple(zip(days, counts, strict=True)))


@dataclass(frozen=True)
class TrafficRow:
    """Calls of one call type and event in the running period."""

    call_type: str
    event: str
    calls: int
    percent: float


def traffic_rows(view: snapshot.Snapshot, sources: set[int]) -> list[TrafficRow]:
    """The largest events of some sources, at most 25, then one row with the rest."""
    calls: dict[tuple[str, str], int] = defaultdict(int)
    for piece in view.situation.traffic:
        if piece.source_id in sources:
            calls[piece.call_type, piece.event] += piece.total
    total = sum(calls.values())
    ranked = sorted(calls.items(), key=lambda item: -item[1])
    rows = [TrafficRow(kind, name, n, 100 * n / total) for (kind, name), n in ranked[:25] if n]
    rest = sum(n for _, n in ranked[25:])
    if rest:
        rows.append(TrafficRow("", f"{len(ranked) - 25} more", rest, 100 * rest / total))
    return rows
