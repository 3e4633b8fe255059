"""What most tests start from: a seeded workspace, and a demo workspace to poll."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import stamina
from django.db import connection
from pytest_django import Settings

from cdpwatch.demo.server import running
from cdpwatch.demo.slack import HOOK_PATH
from cdpwatch.models import Workspace
from tests.factories import NOW, make_workspace

DATABASE_FIXTURES = {"db", "transactional_db"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL run only what touches the database, on SQLite all but what is for PostgreSQL:
    `python -m tests` runs both. A test of real processes chooses its own database."""
    chosen = not_for_postgresql if connection.vendor == "sqlite" else touches_database
    config.hook.pytest_deselected(items=[item for item in items if not chosen(item)])
    items[:] = filter(chosen, items)


def not_for_postgresql(item: pytest.Item) -> bool:
    return item.get_closest_marker("postgresql") is None


def touches_database(item: pytest.Item) -> bool:
    marked = item.get_closest_marker("django_db") is not None
    return marked or bool(DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())))


@pytest.fixture
def workspace(db: None) -> Workspace:
    return make_workspace()


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Stamina's own test mode: up to four attempts, no sleep between them."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


@dataclass
class DemoWorkspace:
    """A Segment that really listens on loopback, with a clock that the test holds."""

    now: datetime
    http: httpx.Client

    def forward(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now

    def fault(self, path_prefix: str, kind: str, *, times: int = 1, seconds: float = 1) -> None:
        fault = {"path_prefix": path_prefix, "kind": kind, "times": times, "seconds": seconds}
        self.http.post("/_demo/faults", json=fault).raise_for_status()

    def leak(self, name: str, on: bool = True) -> None:
        self.http.post(f"/_demo/leaks/{name}", json={"on": str(int(on))}).raise_for_status()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What the Slack sink was sent, newest first."""
        return [row["message"] for row in self.http.get("/slack/messages.json").json()]


@pytest.fixture
def demo(settings: Settings) -> Iterator[DemoWorkspace]:
    """The demo workspace, with the settings pointed at it."""
    workspace = DemoWorkspace(NOW, httpx.Client())
    plenty = {"": 100_000, "/events/volume": 100_000}
    with running(clock=lambda: workspace.now, per_minute=plenty) as url:
        workspace.http = httpx.Client(base_url=url, trust_env=False, verify=False)
        settings.SEGMENT_API_URL, settings.SEGMENT_API_TOKEN = url, "demo-token"
        settings.SLACK_WEBHOOK_URL = url + HOOK_PATH
        settings.ALLOW_LOOPBACK = True
        with workspace.http:
            yield workspace


@pytest.fixture
def vendors(demo: DemoWorkspace, settings: Settings) -> dict[str, str]:
    """The environment that connects the demo's vendors, set."""
    variables: dict[str, str] = demo.http.get("/vendors").json()
    settings.VENDOR_VARIABLES = variables
    return variables
