"""What a drill does inside a copy's database, run as a program with that copy's environment.

prepare    tables, first rows, the catalog; all of the past counts as read; 1 call is allowed
look       for each line that it reads prints what is stored, as JSON; `null` while it cannot
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, connection  # noqa: E402

from cdpwatch import watch  # noqa: E402
from cdpwatch.models import (  # noqa: E402
    Alert,
    Contract,
    Delivery,
    PollerState,
    PollRun,
    SourceDay,
    VolumeDay,
    WorkRequest,
)
from cdpwatch.seed import the_workspace  # noqa: E402
from cdpwatch.timetable import POLLERS  # noqa: E402


def prepare() -> None:
    call_command("migrate", verbosity=0)
    call_command("seed", verbosity=0)
    now = datetime.now(UTC)
    watch.poll("catalog", the_workspace(), now)
    for name in POLLERS:
        PollerState.objects.update_or_create(
            workspace=the_workspace(),
            poller=name,
            defaults={"last_run": now, "last_good": None, "history_from": date(2000, 1, 1)},
        )
    # The pipeline takes too many requests to be read in a drill: its turns are done.
    for name in ("ingest", "delivery", "syncs", "audit", "schema", "period"):
        slot = watch.slot_of(now, POLLERS[name].every)
        PollRun.objects.create(
            workspace=the_workspace(), poller=name, slot=slot, lease_until=now, state="good"
        )
    Contract.objects.update(allowance=1, confirmed_at=now, starts_on=now.date().replace(day=1))


def look() -> None:
    for _ in sys.stdin:
        print(_told(), flush=True)


def _told() -> str:
    try:
        return json.dumps(_seen(), default=str)
    except DatabaseError:
        return "null"
    finally:
        connection.close()


def _seen() -> dict[str, Any]:
    billed = SourceDay.objects.exclude(calls=None)
    live = VolumeDay.objects.values_list("bucket__date", "source__segment_id", "count")
    calls: dict[str, int] = {}
    for day, source, count in live:
        calls[f"{day} {source}"] = calls.get(f"{day} {source}", 0) + count
    return {
        "billed": {
            f"{day} {source}": count
            for day, source, count in billed.values_list("day", "source__segment_id", "calls")
        },
        "live": calls,
        "runs": list(PollRun.objects.order_by("started_at").values()),
        "alerts": list(Alert.objects.order_by("pk").values_list("fingerprint", "state")),
        "deliveries": list(Delivery.objects.values_list("alert_id", "event", "state", "attempts")),
        "requests": list(WorkRequest.objects.values_list("state", flat=True)),
        "broken": _broken(),
    }


def _broken() -> str:
    """What SQLite's own check finds; "" when the file is whole."""
    if connection.vendor != "sqlite":
        return ""
    with connection.cursor() as cursor:
        found = cursor.execute("PRAGMA integrity_check").fetchall()
    return "" if found == [("ok",)] else str(found)


if __name__ == "__main__":
    {"prepare": prepare, "look": look}[sys.argv[1]]()
