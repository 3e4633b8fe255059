"""The reconcile and coverage pages: settled days, side by side, and nothing made of a hole."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from cdpwatch.models import (
    Connection,
    DeliveryDay,
    Function,
    IngestDay,
    Link,
    PollerState,
    SourceDay,
    VendorCount,
    VolumeDay,
    Workspace,
)
from cdpwatch.readings import Direction
from dashboards.views.reconcile import SPANS, days_of
from tests.dashboards.conftest import text
from tests.factories import NOW, bill, make_connection

RECONCILE, COVERAGE = reverse("reconcile"), reverse("reconcile-coverage")
DAY = timedelta(days=1)


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def row_of(html: str, title: str, section: str = "") -> str:
    """The words of the first table row whose text begins with `title`."""
    rows = re.findall(r"<tr>.*?</tr>", html.partition(f'id="{section}"')[2] or html, re.DOTALL)
    return next(found for row in rows if (found := words(row)).startswith(title))


def fill(workspace: Workspace, live: int = 100) -> Connection:
    """A source and its Amplitude, with 30 days of every count."""
    today = datetime.now(UTC).date()
    prod = workspace.environments.get(name="Prod")
    fields = {"environment": prod, "app": workspace.apps.get(slug="backend")}
    source = make_connection(workspace, "src1", name="Prod - Backend", **fields)
    fields["app"] = workspace.apps.get(slug="amplitude")
    target = make_connection(
        workspace, "dst1", name="Prod - Amplitude", direction=Direction.DESTINATION, **fields
    )
    Link.objects.create(source=source, target=target)
    bill(source, today, 100, days=30)
    bill(workspace, today, 120, days=30)
    for n in range(1, 31):
        day, bucket = today - n * DAY, datetime.now(UTC).replace(hour=0, minute=0, second=0)
        bucket = bucket.replace(microsecond=0) - n * DAY
        VolumeDay.objects.create(
            source=source, bucket=bucket, call_type="track", event="Sent", count=live
        )
        DeliveryDay.objects.create(
            destination=target,
            day=day,
            call_type="track",
            **{"delivered": live - 7, "failed": 2, "filtered": 5, "retried": 1},
        )
        VendorCount.objects.create(
            workspace=workspace,
            app="amplitude",
            counter="amplitude",
            bucket=bucket,
            grain="day",
            kind="received",
            count=live - 8,
            exactness="exact",
            clock="event",
        )
    return source


# --- which days ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("span", "days"),
    [
        ("7", (date(2026, 11, 10), date(2026, 11, 16))),
        ("28", (date(2026, 10, 20), date(2026, 11, 16))),
        ("month", (date(2026, 11, 1), date(2026, 11, 16))),
        ("before", (date(2026, 10, 1), date(2026, 10, 31))),
    ],
)
def test_it_takes_settled_days_only(span: str, days: tuple[date, date]) -> None:
    assert days_of(span, NOW) == days


def test_it_says_that_no_day_of_a_young_month_is_settled() -> None:
    first, last = days_of("month", datetime(2026, 12, 2, 9, tzinfo=UTC))
    assert first > last


@pytest.mark.parametrize("span", [*SPANS, "nonsense", ""])
def test_it_opens_for_every_span(workspace: Workspace, viewer: Client, span: str) -> None:
    fill(workspace)
    assert "<h1>Reconcile</h1>" in text(viewer, RECONCILE, span=span)


# --- reconcile ----------------------------------------------------------------------------------
def test_it_says_what_will_be_here_before_anything_was_read(
    workspace: Workspace, viewer: Client
) -> None:
    assert "Nothing to compare yet" in text(viewer, RECONCILE)


def test_it_shows_every_side_of_a_source(workspace: Workspace, viewer: Client) -> None:
    fill(workspace)
    page = text(viewer, RECONCILE)
    assert row_of(page, "Prod - Backend") == "Prod - Backend 700 700 – – – ✓ Agrees"
    assert row_of(page, "Other and deleted") == "Other and deleted sources 140"
    assert row_of(page, "Workspace, as billed") == "Workspace, as billed 840 ✓ Explained"
    assert "No vendor&#x27;s number" in page


def test_it_shows_what_became_of_the_calls_for_a_destination(
    workspace: Workspace, viewer: Client
) -> None:
    fill(workspace)
    page = text(viewer, RECONCILE)
    # Amplitude's own days are final a day later than Segment's.
    expected = "Amplitude 700 651 14 35 7 552 6 of 7 days ✓ Agrees"
    assert row_of(page, "Amplitude", "destinations") == expected


def test_it_puts_what_differs_first_and_says_by_how_much(
    workspace: Workspace, viewer: Client
) -> None:
    fill(workspace, live=90)
    page = text(viewer, RECONCILE)
    assert "1 differs by more than usual" in words(page)
    first = row_of(page, "Prod - Backend", "gaps")
    assert first.startswith("Prod - Backend Billed → Live 700 630 -70 −10.0%")
    assert first.endswith("-70 −10.0% ▲ Differs")


def test_it_never_shows_a_hole_as_zero(workspace: Workspace, viewer: Client) -> None:
    source = fill(workspace)
    today = datetime.now(UTC).date()
    SourceDay.objects.filter(day__gte=today - 4 * DAY).update(calls=None, reason="Lost.")
    IngestDay.objects.create(
        source=source, day=today - 40 * DAY, call_type="track", outcome="received", calls=9
    )
    page = text(viewer, RECONCILE)
    assert row_of(page, "Prod - Backend").startswith("Prod - Backend 400 4 of 7 days 700")
    assert "4 of 7 days" in row_of(page, "Prod - Backend", "gaps")


def test_it_follows_a_function_through(workspace: Workspace, viewer: Client) -> None:
    source = fill(workspace)
    Connection.objects.filter(pk=source.pk).update(app=None, function=Function.objects.get())
    page = text(viewer, RECONCILE)
    assert "Followed through" in page
    assert row_of(page, "Out: Prod - Backend") == "Out: Prod - Backend 700 receipt by Segment, UTC"
    assert row_of(page, "Delivered to").startswith("Delivered to Prod - Amplitude 651")
    assert "Nothing was read from it yet: see Coverage." in row_of(page, "In: Livestorm")


def test_it_names_the_clock_of_each_count(workspace: Workspace, viewer: Client) -> None:
    fill(workspace)
    page = text(viewer, RECONCILE)
    assert row_of(page, "Billed", "clocks") == "Billed receipt by Segment, UTC 24 h"
    assert "the event&#x27;s own time" in page.partition('id="clocks"')[2]


def test_it_gives_the_same_days_as_a_file(workspace: Workspace, viewer: Client) -> None:
    fill(workspace)
    first, last = days_of("7", datetime.now(UTC))
    href = f"{reverse('export', args=['agreement', 'csv'])}?from={first}&amp;to={last}"
    assert href in text(viewer, RECONCILE)


def test_it_reads_in_a_fixed_number_of_queries(
    workspace: Workspace, viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    fill(workspace)
    with django_assert_max_num_queries(24):
        text(viewer, RECONCILE)


# --- coverage -----------------------------------------------------------------------------------
def test_it_lists_every_app_and_the_function(workspace: Workspace, viewer: Client) -> None:
    page = words(text(viewer, COVERAGE))
    for app in workspace.apps.all():
        assert app.name in page
    assert "Livestorm (function)" in page


def test_it_tells_the_lines_that_connect_a_counter(viewer: Client, admin: Client) -> None:
    page = text(viewer, COVERAGE)
    row = row_of(page, "Amplitude: events counted")
    assert "○ Not connected" in row
    assert "AMPLITUDE_API_KEY=…" in row and "AMPLITUDE_SECRET_KEY=…" in row
    assert reverse("connect") not in page.partition("<main")[2]
    assert f'href="{reverse("connect")}">Connect</a>' in text(admin, COVERAGE)


def test_it_tells_how_lately_a_count_was_read(
    workspace: Workspace, viewer: Client, settings: Settings
) -> None:
    settings.SEGMENT_API_TOKEN = "token"
    fill(workspace)
    now = datetime.now(UTC)
    for name, hours, error in (("usage", 1, ""), ("volume", 9, "Segment answered 500.")):
        PollerState.objects.create(
            workspace=workspace,
            poller=name,
            last_good=now - timedelta(hours=hours),
            failures=bool(error),
            error=error,
        )
    page = text(viewer, COVERAGE)
    assert "✓ Good 60 min ago day receipt by Segment, UTC 24 h" in row_of(page, "Billed")
    assert row_of(page, "Live").startswith("Live Segment answered 500. ■ Late 9 h ago minute")
    assert "… Not read yet never" in row_of(page, "Received")


def test_it_says_what_nobody_can_count(workspace: Workspace, viewer: Client) -> None:
    fill(workspace)
    DeliveryDay.objects.all().delete()
    page = words(text(viewer, COVERAGE))
    assert "No vendor counts its calls" in page
    assert "1 of 1 destinations have no delivery numbers" in page
    assert "Declared, but Segment lists no connection of this name." in page
