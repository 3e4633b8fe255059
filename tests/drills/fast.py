"""The workers' app with turns of seconds, so that a drill sees many of them.

celery -A tests.drills.fast worker
"""

from __future__ import annotations

from datetime import timedelta

from cdpwatch.timetable import POLLERS

EVERY = {"catalog": 20, "usage": 6, "volume": 4, "delivery": 3600}  # seconds
for _name, _seconds in EVERY.items():
    POLLERS[_name] = POLLERS[_name]._replace(every=timedelta(seconds=_seconds))

from tasks import app  # noqa: E402 - its schedule is made of the intervals above
from tasks.schedule import SCHEDULE  # noqa: E402

SCHEDULE["evaluate"]["schedule"] = timedelta(seconds=5)

__all__ = ["app"]
