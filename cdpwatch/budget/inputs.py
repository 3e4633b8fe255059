"""What a projection was made from, small enough to keep a row a day and to project again.

Live counts are dropped after a while and days are restated: the inputs are what was known then.
"""

from __future__ import annotations

import zlib
from base64 import b85decode, b85encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec

from cdpwatch import forecast
from cdpwatch.forecast import Forecast
from cdpwatch.forecast.events import Event

from .standing import with_extra

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Extra:
    """Calls of open leaks, which are projected apart: so far by day, and calls a day to come."""

    counted: Mapping[date, int]
    per_day: float


@dataclass(frozen=True)
class Inputs:
    """The arguments of `forecast.period`, and the leaks on top."""

    start: date
    end: date
    now: datetime
    first: date  # the day of calls[0]
    calls: tuple[float | None, ...]  # of every day from `first` on; None is a hole
    running: float | None
    hour_shares: tuple[float, ...]
    leaks: Extra | None = None
    holidays: tuple[date, ...] = ()
    events: tuple[Event, ...] = ()
    peers: tuple[float, ...] = ()

    def project(self) -> Forecast:
        """The projection that they make, the same each time."""
        calm = forecast.period(
            {self.first + n * _DAY: calls for n, calls in enumerate(self.calls)},
            self.start,
            self.end,
            self.now,
            running=self.running,
            hour_shares=self.hour_shares,
            holidays=self.holidays,
            events=self.events,
            peers=self.peers,
        )
        extra = self.leaks
        return with_extra(calm, extra.counted, extra.per_day, self.now) if extra else calm


def series(calls: Mapping[date, float | None]) -> tuple[date, tuple[float | None, ...]]:
    """`first` and `calls` of Inputs from calls by day."""
    if not calls:
        return date.min, ()
    first, last = min(calls), max(calls)
    return first, tuple(calls.get(first + n * _DAY) for n in range((last - first).days + 1))


def packed(inputs: Inputs) -> str:
    """The inputs as text, some kilobytes for a year of days."""
    return b85encode(zlib.compress(msgspec.json.encode(inputs), 9)).decode()


def unpacked(text: str) -> Inputs:
    """What `packed` wrote. Raises ValueError for any other text."""
    try:
        return msgspec.json.decode(zlib.decompress(b85decode(text)), type=Inputs)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise ValueError("These are no inputs of a projection.") from error
