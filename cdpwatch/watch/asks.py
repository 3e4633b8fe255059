"""What each poller asks Segment for, and which verb records the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings

from cdpwatch import budget, catalog, counting, pacing, vault
from cdpwatch.days import DAY, start_of
from cdpwatch.http import Api, segment
from cdpwatch.models import PollerState, Workspace
from cdpwatch.pollers import segment_catalog, segment_usage, segment_volume
from cdpwatch.readings import Grain, Window

from . import pipeline
from .pipeline import Days, Record

LAG = timedelta(minutes=1)  # of /events/volume behind the clock
HOUR = timedelta(hours=1)
# What each turn reads again, since the newest buckets still grow.
SETTLING = {
    Grain.MINUTE: timedelta(minutes=10),
    Grain.HOUR: timedelta(hours=3),
    Grain.DAY: timedelta(days=2),
}
# How far back a first turn, or one after a pause, reads.
REACH = {
    Grain.MINUTE: timedelta(hours=3),
    Grain.HOUR: timedelta(hours=48),
    Grain.DAY: timedelta(days=31),
}

NO_TOKEN = "No Segment token yet: paste one on the Connect page."


class NotConnected(Exception):
    """There is no Segment token yet."""


def segment_api(workspace: Workspace) -> Api:
    token = vault.segment_token(workspace)
    if not token:
        raise NotConnected(NO_TOKEN)
    url = vault.segment_url(workspace.region)
    ca_file = settings.SEGMENT_CA_FILE
    api = segment(url, token, allow_loopback=settings.ALLOW_LOOPBACK, ca_file=ca_file)
    pacing.govern(api, "SEGMENT_API_URL", token)
    return api


def state_of(workspace: Workspace, name: str, now: datetime) -> PollerState:
    state, _ = PollerState.objects.get_or_create(
        workspace=workspace, poller=name, defaults={"first_due": now}
    )
    return state


def slot_of(now: datetime, every: timedelta) -> datetime:
    """The turn that `now` falls into: turns begin at whole multiples of the interval."""
    seconds = int(every.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, tz=UTC)


def _catalog(api: Api, workspace: Workspace, now: datetime, _: Days) -> Record:
    read = segment_catalog.read(api)
    listed = (read.workspace, read.connections, read.functions)
    return lambda: catalog.record(workspace, *listed, now, complete=read.complete)


def _usage(api: Api, workspace: Workspace, now: datetime, days: Days) -> Record:
    if days:
        months = (days[1].year - days[0].year) * 12 + days[1].month - days[0].month + 1
        periods = budget.usage_periods(days[1], months)
    else:
        periods = budget.usage_periods(now.date(), 2)  # restatements reach the previous one
    readings = segment_usage.read(api, sorted(periods))
    return lambda: counting.record_usage(workspace, readings, now, asked=periods)


def _volume(api: Api, workspace: Workspace, now: datetime, days: Days) -> Record:
    last = state_of(workspace, "volume", now).last_good
    if days:
        windows = {Grain.DAY: Window(start_of(days[0]), min(start_of(days[1]) + DAY, now - LAG))}
    else:
        windows = {grain: volume_window(grain, last, now) for grain in Grain}
    read = [
        (grain, window, segment_volume.read(api, grain, window))
        for grain, window in windows.items()
        if window.start < window.end
    ]
    complete = not api.rejections

    def record() -> int:
        rows = sum(
            counting.record_volume(workspace, grain, window, readings, now, complete=complete)
            for grain, window, readings in read
        )
        if days or last is None or slot_of(last, HOUR) != slot_of(now, HOUR):
            counting.fold_event_names(workspace, windows[Grain.DAY])
        return rows

    return record


def volume_window(grain: Grain, last_good: datetime | None, now: datetime) -> Window:
    """What a turn reads at one grain: what may still change, and what a pause left out."""
    width = {Grain.MINUTE: timedelta(minutes=1), Grain.HOUR: timedelta(hours=1), Grain.DAY: DAY}
    since = now - REACH[grain]
    if last_good:
        since = max(since, last_good - SETTLING[grain])
    end = slot_of(now - LAG, timedelta(minutes=1))
    return Window(slot_of(since, width[grain]), end)


READ: dict[str, Callable[[Api, Workspace, datetime, Days], Record]] = {
    "catalog": _catalog,
    "usage": _usage,
    "volume": _volume,
    "ingest": pipeline.ask_ingest,
    "delivery": pipeline.ask_delivery,
    "syncs": pipeline.ask_syncs,
    "audit": pipeline.ask_audit,
    "schema": pipeline.ask_schema,
    "period": pipeline.ask_period,
}
