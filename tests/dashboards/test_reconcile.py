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
    WarehouseSync,
    Workspace,
)
from cdpwatch.readings import Direction
from dashboards.views.reconcile import SPANS, days_of
from tests.dashboards.conftest import text
from tests.factories import NOW, bill, make_connection

RECONCILE, COVERAGE = reverse("reconcile"), reverse("reconcile-coverage")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


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
    expected = "Amplitude 700 651 14 35 7 552 6 of 7 days ✓ Adds up ✓ Agrees, 6 of 7 days"
    assert row_of(page, "Amplitude", "destinations") == expected


def test_it_puts_what_differs_first_and_says_by_how_much(
    workspace: Workspace, viewer: Client
) -> None:
    fill(workspace, live=90)
    page = text(viewer, RECONCILE)
    assert "1 differs by more than usual" in words(page)
    first = row_of(page, "Prod - Backend", "gaps")
    assert first.startswith("Prod - Backend Billed → Live 700 630 −70 −10.0%")
    assert first.endswith("−70 −10.0% usual −4.0% to +4.0% ▲ Differs")


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
    assert (
        row_of(page, "Out: Prod - Backend") == "Out: Prod - Backend 700 – receipt by Segment, UTC"
    )
    assert row_of(page, "Delivered to").startswith("Delivered to Prod - Amplitude 651 −49 −7.0%")
    assert "Nothing was read from it yet: see Coverage." in row_of(page, "In: Livestorm")


def test_it_shows_between_which_ends_a_bound_lies_how_old_it_is_and_by_whose_clock(
    workspace: Workspace, viewer: Client
) -> None:
    source, now = fill(workspace), datetime.now(UTC)
    app = workspace.apps.get(slug="hubspot")
    prod = workspace.environments.get(name="Prod")
    target = make_connection(
        workspace, "dst2", direction=Direction.DESTINATION, app=app, environment=prod
    )
    Link.objects.create(source=source, target=target)
    fields = {"call_type": "identify", "failed": 0, "filtered": 0, "retried": 0}
    for n, seen in ((3, 400), (4, 0)):
        DeliveryDay.objects.create(
            destination=target, day=now.date() - n * DAY, delivered=5_000, **fields
        )
        VendorCount.objects.create(
            workspace=workspace,
            app="hubspot",
            counter="hubspot",
            bucket=now.replace(hour=0, minute=0, second=0, microsecond=0) - n * DAY,
            grain="day",
            kind="received",
            call_type="identify",
            event="contacts changed",
            count=seen,
            exactness="lower_bound",
            clock="receive",
        )
    PollerState.objects.create(workspace=workspace, poller="hubspot", last_good=now - 2 * HOUR)
    row = row_of(text(viewer, RECONCILE), "HubSpot: contacts changed", "bands")
    found = "10 000 2 of 7 days 1 to 10 006 at least 400 nothing on 1 day"
    assert found in " ".join(row.split())
    assert row.endswith("2 h ago receipt by the vendor ▲ Outside, 2 of 7 days")
    line = row_of(text(viewer, RECONCILE), app.name, "destinations")
    assert "at least 400 2 of 7 days" in line
    coverage = row_of(text(viewer, COVERAGE), "HubSpot: contacts and companies changed")
    said = "HubSpot: contacts changed: at least 400, expected 1 to 10 006 ▲ Outside, 2 of 7 days"
    assert said in " ".join(coverage.split())


def test_it_shows_what_each_count_of_the_warehouse_says_and_how_late_it_is(
    workspace: Workspace, viewer: Client
) -> None:
    source = fill(workspace)
    warehouse = make_connection(workspace, "wh1", direction=Direction.WAREHOUSE)
    Link.objects.create(source=source, target=warehouse)
    now = datetime.now(UTC)
    for hours in range(3, 12 * 24, 24):
        start = now - timedelta(hours=hours)
        WarehouseSync.objects.create(
            warehouse=warehouse,
            source=source,
            started_at=start,
            ended_at=start,
            status="SUCCESS",
            rows=200,
        )
    page = text(viewer, RECONCILE)
    row = row_of(page, "Prod - Backend", "loads")
    assert row.split() == ["Prod", "-", "Backend", "700", "–", "–", "1", "400", "3", "h", "ago"]
    assert "track calls, each of which may be a row of two tables" in page


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


def test_it_counts_the_states_of_the_rows_that_it_shows(
    workspace: Workspace, viewer: Client
) -> None:
    """A source that nobody calls has comparisons too, and no row: it is in no sum."""
    fill(workspace, live=90)
    make_connection(workspace, "idle", name="Prod - Idle")
    page = words(text(viewer, RECONCILE))
    headline = re.search(r"(\d+) of (\d+) comparisons agree or are explained, (\d+) differs", page)
    assert headline
    agree, compared, differ = (int(number) for number in headline.groups())
    assert agree + differ == compared
    assert f"{agree - 1} agree" in page  # the bill is explained, the others agree


def test_it_points_at_a_destination_that_fails_though_its_sum_is_right(
    workspace: Workspace, viewer: Client
) -> None:
    fill(workspace)
    DeliveryDay.objects.update(delivered=60, failed=35)
    row = row_of(text(viewer, RECONCILE), "Amplitude", "destinations")
    assert "✓ Adds up ▲ 37% failed" in row
    DeliveryDay.objects.update(filtered=0)
    assert "▲ Does not add up" in row_of(text(viewer, RECONCILE), "Amplitude", "destinations")


def test_it_shows_a_day_that_was_read_without_calls_as_zero(
    workspace: Workspace, viewer: Client
) -> None:
    source, today = fill(workspace), datetime.now(UTC).date()
    for n in range(1, 31):
        fields = {"day": today - n * DAY, "call_type": "track", "outcome": "received"}
        other = source if n > 4 else make_connection(workspace, f"other{n}")
        IngestDay.objects.create(source=other, calls=100, **fields)
    VolumeDay.objects.filter(bucket__date__gte=today - 4 * DAY, source=source).delete()
    VolumeDay.objects.create(
        source=make_connection(workspace, "busy"),
        bucket=datetime.now(UTC) - 3 * DAY,
        call_type="track",
        event="Sent",
        count=9,
    )
    # Two of the four days are without live volume at all, and so not known to be empty.
    assert "400 5 of 7 days 400 5 of 7 days" in row_of(text(viewer, RECONCILE), "Prod - Backend")


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
