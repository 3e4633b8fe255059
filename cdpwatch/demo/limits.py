"""Rate limits as token buckets, with the headers by which Segment announces them.

`X-RateLimit-Reset` is an RFC 5322 date, and a 429 carries `Retry-After` in whole seconds and
`msBeforeNext` in its body (Public API, "Rate limits").
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase

from cdpwatch.demo.web import Refused

# `*` stands for any id: all warehouses share the two requests.
PER_MINUTE: Mapping[str, int] = {
    "": 600,
    "/events/volume": 60,
    "/warehouses/*/connected-sources/*/syncs": 2,
    "/warehouses/*/syncs": 2,
}


@dataclass
class Bucket:
    """Holds up to `size` requests and regains them evenly over a minute."""

    size: int
    left: float
    filled_at: float

    def take(self, now: float) -> float:
        """Take one request; seconds to wait when there is none, else 0."""
        rate = self.size / 60
        self.left = min(self.size, self.left + (now - self.filled_at) * rate)
        self.filled_at = now
        if self.left < 1:
            return (1 - self.left) / rate
        self.left -= 1
        return 0

    def seconds_to_full(self) -> float:
        return (self.size - self.left) * 60 / self.size


@dataclass
class Limits:
    """Requests per minute by path, "" for all paths that have no limit of their own."""

    per_minute: Mapping[str, int] = field(default_factory=lambda: PER_MINUTE)
    monotonic: Callable[[], float] = time.monotonic
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def spend(self, path: str, now: datetime) -> dict[str, str]:
        """Headers of a request that may pass. Raises Refused (429)."""
        key = next((name for name in self.per_minute if name and fnmatchcase(path, name)), "")
        with self._lock:
            instant = self.monotonic()
            size = self.per_minute[key]
            bucket = self._buckets.setdefault(key, Bucket(size, size, instant))
            wait = bucket.take(instant)
            left, reset = int(bucket.left), now + timedelta(seconds=bucket.seconds_to_full())
        if wait:
            raise too_many_requests(wait, size)
        return {
            "X-RateLimit-Consumed": str(size - left),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": format_datetime(reset, usegmt=True),
        }


def too_many_requests(seconds: float, consumed: int = 1) -> Refused:
    data = {
        "remainingPoints": 0,
        "msBeforeNext": math.ceil(seconds * 1000),
        "consumedPoints": consumed,
    }
    headers = {"Retry-After": str(math.ceil(seconds))}
    return Refused(429, "Too many requests", data=data, headers=headers)
