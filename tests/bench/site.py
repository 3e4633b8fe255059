"""A workspace of any size with thirteen months of counts, and one web worker that shows it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import Client

from cdpwatch import watch
from cdpwatch.bootstrap import ROOT
from cdpwatch.counting.rows import upsert
from cdpwatch.days import start_of
from cdpwatch.machine import free_port
from cdpwatch.models import (
    Connection,
    PollerState,
    Role,
    SourceDay,
    User,
    VolumeDay,
    VolumeHour,
    VolumeMinute,
    Workspace,
    WorkspaceDay,
)
from cdpwatch.readings import Direction
from cdpwatch.seed import seed
from cdpwatch.timetable import POLLERS

DAY = timedelta(days=1)
HISTORY = 395  # days
A_YEAR = 39_000_000 * 12  # calls, spread over the sources by Zipf's law
APPS = ("application", "backend", "customer-io", "census", "refiner", "manual")
VOLUME = ("source_id", "bucket", "call_type", "event")


def fill(sources: int, history: int = HISTORY) -> Workspace:
    """A migrated, seeded and evaluated database with so many sources, in the settings' folder."""
    call_command("migrate", verbosity=0)
    now = datetime.now(UTC)
    workspace = seed(now)
    Connection.objects.all().delete()
    sizes = _sizes(sources)
    rows = _sources(workspace, sources)
    _days(workspace, rows, sizes, now.date(), history)
    for table, start, width, steps in (
        (VolumeDay, start_of(now.date() - 60 * DAY), DAY, 61),
        (VolumeHour, start_of(now.date() - DAY), timedelta(hours=1), 24 + now.hour + 1),
        (VolumeMinute, now.replace(second=0, microsecond=0) - 5 * timedelta(minutes=1), None, 5),
    ):
        _volume(table, rows, sizes, start, width or timedelta(minutes=1), steps)
    for name in POLLERS:
        worked = {"last_run": now, "last_good": now, "history_from": date(2000, 1, 1)}
        PollerState.objects.update_or_create(workspace=workspace, poller=name, defaults=worked)
    watch.evaluate(workspace, datetime.now(UTC))
    return workspace


def _sizes(sources: int) -> list[int]:
    """Calls a day of each source, the largest first."""
    whole = sum(1 / rank for rank in range(1, sources + 1))
    return [max(1, round(A_YEAR / 365 / whole / rank)) for rank in range(1, sources + 1)]


def _sources(workspace: Workspace, number: int) -> list[Connection]:
    prod = workspace.environments.get(name="Prod")
    apps = [workspace.apps.get(slug=slug) for slug in APPS]
    return Connection.objects.bulk_create(
        Connection(
            workspace=workspace,
            segment_id=f"bench{n}",
            direction=Direction.SOURCE,
            name=f"Prod - {apps[n % len(apps)].name} {n}",
            app=apps[n % len(apps)],
            environment=prod,
            naming="follows",
        )
        for n in range(number)
    )


def _days(
    workspace: Workspace,
    rows: Sequence[Connection],
    sizes: Sequence[int],
    today: date,
    history: int,
) -> None:
    past = [today - n * DAY for n in range(1, history + 1)]
    columns = ("source_id", "day", "calls")
    billed = [
        (row.pk, day, _of(day, size)) for row, size in zip(rows, sizes, strict=True) for day in past
    ]
    upsert(SourceDay, columns[:2], columns, billed)
    columns = ("workspace_id", "day", "calls")
    totals = [(workspace.pk, day, sum(_of(day, size) for size in sizes)) for day in past]
    upsert(WorkspaceDay, columns[:2], columns, totals)


def _of(day: date, size: int) -> int:
    """Calls of a day: fewer at weekends, a little more each month."""
    return round(size * (0.4 if day.weekday() > 4 else 1.2) * (1 + day.month / 100)) + day.day


def _volume(
    table: type[VolumeDay] | type[VolumeHour] | type[VolumeMinute],
    rows: Sequence[Connection],
    sizes: Sequence[int],
    start: datetime,
    width: timedelta,
    steps: int,
) -> None:
    """Live calls by call type and event: a large source has many names, a small one three."""
    counted = []
    for rank, (row, size) in enumerate(zip(rows, sizes, strict=True)):
        names = [("identify", "")] + [("track", f"Event {n}") for n in range(max(2, 40 - rank))]
        share = max(1, round(size * (width / DAY) / len(names)))
        counted += [
            (row.pk, start + n * width, *name, share) for name in names for n in range(steps)
        ]
    upsert(table, VOLUME, (*VOLUME, "count"), counted)


def session() -> dict[str, str]:
    """The cookie of a signed-in admin."""
    user, _ = User.objects.get_or_create(username="bench", defaults={"role": Role.ADMIN})
    browser = Client()
    browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return {settings.SESSION_COOKIE_NAME: browser.cookies[settings.SESSION_COOKIE_NAME].value}


@contextmanager
def worker() -> Iterator[str]:
    """One web worker as production runs it, on the folder of these settings. Gives its address."""
    connections.close_all()
    port = free_port(0)
    manage = [sys.executable, str(ROOT / "manage.py")]
    # A token, for without one every page says that nothing is connected. Nobody asks with it.
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "cdpwatch.settings",
        "CDPWATCH_DATA_DIR": str(settings.DATA_ROOT),
        "SEGMENT_API_TOKEN": "bench",
    }
    quiet = {"env": env, "check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([*manage, "collectstatic", "--noinput"], **quiet)  # type: ignore[call-overload]
    with _running([*manage, "web", "--port", str(port)], env, port) as url:
        yield url


@contextmanager
def yardstick() -> Iterator[str]:
    """A bare Django view on the same server. Gives its address."""
    port = free_port(0)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(Path(__file__).with_name("bare.py")), str(port)]
    with _running(command, env, port) as url:
        yield url


@contextmanager
def _running(command: list[str], env: dict[str, str], port: int) -> Iterator[str]:
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            _until_open(url)
            yield url
        finally:
            process.terminate()


def _until_open(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
