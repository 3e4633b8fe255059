"""A page for each thing of the catalog: an app, a function, a single connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from cdpwatch import editing, renames, snapshot, wording
from cdpwatch.models import App, CatalogChange, Function, Link, Role
from dashboards import names, pipeline
from dashboards.access import person
from dashboards.charts import bars_svg
from dashboards.context import the_workspace
from dashboards.entries import Catalog, Entry, connection_entry, read
from dashboards.naming import VERDICTS
from dashboards.rows import url_of

MOST_EVENTS = 25


@require_safe
def app(request: HttpRequest, slug: str) -> HttpResponse:
    row = get_object_or_404(App, workspace=the_workspace(), slug=slug)
    now = datetime.now(UTC)
    found = read(now)
    return _system(request, entry_at(found, url_of(row)), found, now)


@require_safe
def function(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Function, workspace=the_workspace(), pk=pk)
    now = datetime.now(UTC)
    found = read(now)
    return _system(request, entry_at(found, url_of(row)), found, now, function=row)


@require_safe
def connection(request: HttpRequest, pk: int) -> HttpResponse:
    now = datetime.now(UTC)
    found = read(now)
    row = next((row for row in found.rows if row.connection.pk == pk), None)
    if row is None:
        raise Http404("There is no such connection.")
    named = renames.of(row.connection, renames.spellings(the_workspace()))
    return _page(
        request,
        "catalog/connection.html",
        connection_entry(row),
        found,
        now,
        row=row,
        named=named,
        verdict=VERDICTS[named.verdict],
        system=next((entry for entry in found.entries if row in entry.rows), None),
        ahead=found.sheet.ahead.by_source.get(pk) if found.sheet.ahead else None,
        names=names.of(pk, names.Wish.of(request.GET), now.date()) if row.is_source else None,
        **pipeline.of(row.connection, now.date()),
    )


def entry_at(found: Catalog, url: str) -> Entry:
    return next(entry for entry in found.entries if entry.url == url)


def _system(
    request: HttpRequest, entry: Entry, found: Catalog, now: datetime, **more: Any
) -> HttpResponse:
    sources = [row.connection.pk for row in entry.rows]
    traffic = traffic_rows(snapshot.calls_by_event(sources, found.sheet.period.start))
    return _page(request, "catalog/app.html", entry, found, now, traffic=traffic, **more)


def _page(
    request: HttpRequest, template: str, entry: Entry, found: Catalog, now: datetime, **more: Any
) -> HttpResponse:
    ids = {row.connection.pk for row in entry.rows}
    links = links_of(ids)
    context = {
        "now": now,
        "entry": entry,
        "state": found.sheet.standing,
        "links": links,
        "feeds": [link for link in links if link.source_id in ids],
        "fed_by": [link for link in links if link.target_id in ids],
        "leaks": [leak for leak in found.sheet.found if leak.source_id in ids],
        "month": month_of(entry, now.date()),
        **texts(request, entry),
        **more,
    }
    return render(request, template, context)


def links_of(ids: set[int]) -> list[Link]:
    """What feeds some connections, and what they feed."""
    touching = Link.objects.filter(Q(source__in=ids) | Q(target__in=ids))
    return list(
        touching.select_related("source", "target").order_by("source__name", "target__name")
    )


# --- what people wrote ------------------------------------------------------------------------
@dataclass(frozen=True)
class Edit:
    """One line of the history."""

    change: CatalogChange
    undoable: bool


def texts(request: HttpRequest, entry: Entry) -> Mapping[str, object]:
    """The history of the texts, and whether this person may write them."""
    thing, may_edit = entry.thing, person(request).can(Role.EDITOR)
    assert thing is not None  # what matches no app has no page
    edits = [Edit(row, may_edit and editing.may_undo(row, thing)) for row in editing.history(thing)]
    edit_url = reverse("catalog-edit", args=[f"{editing.kind_of(thing)}s", thing.pk])
    return {"edits": edits, "may_edit": may_edit, "edit_url": edit_url}


# --- counts -----------------------------------------------------------------------------------
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


def traffic_rows(calls: Mapping[tuple[str, str], int]) -> list[TrafficRow]:
    """The largest events, then one row with the rest."""
    total = sum(calls.values())
    ranked = sorted(calls.items(), key=lambda item: -item[1])
    shown = ranked[:MOST_EVENTS]
    rows = [TrafficRow(kind, name, n, 100 * n / total) for (kind, name), n in shown if n]
    if rest := sum(n for _, n in ranked[MOST_EVENTS:]):
        more = f"{len(ranked) - MOST_EVENTS} more"
        rows.append(TrafficRow("", more, rest, 100 * rest / total))
    return rows
