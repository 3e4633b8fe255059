"""The one table of periodic work. Every entry expires before its next turn.

So a worker that comes back after a pause finds one turn of each, not a pile of them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cdpwatch.roster import everyone


def _entry(task: str, every: timedelta, *args: str) -> dict[str, Any]:
    seconds = every.total_seconds()
    return {
        "task": task,
        "schedule": every,
        "args": args,
        "options": {"expires": seconds * 0.9},
    }


SCHEDULE: dict[str, dict[str, Any]] = {
    **{f"poll {name}": _entry("poll", poller.every, name) for name, poller in everyone().items()},
    "evaluate": _entry("evaluate", timedelta(minutes=1)),
    "deliver": _entry("deliver", timedelta(seconds=10)),
    "sweep": _entry("sweep", timedelta(seconds=3)),
    "prune": _entry("prune", timedelta(days=1)),
    "replay": _entry("replay", timedelta(minutes=2)),  # most turns find nothing to do
    "pulse": _entry("pulse", timedelta(seconds=15)),
}
