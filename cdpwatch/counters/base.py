"""What a counter of the other side is: where it asks, with which keys, what it gives.

A counter reads one vendor's own number of the calls that Segment exchanged with it. It parses
strictly, decides nothing and writes nothing; `cdpwatch.watch` leases its turns, and
`cdpwatch.counting` keeps what it gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from cdpwatch.http import JsonApi
from cdpwatch.readings import Window

Keys = Mapping[str, str]  # by Key.name; the secrets among them never leave the counter's headers


class Kind(StrEnum):
    """What a number means."""

    RECEIVED = "received"  # the vendor took it in: to compare with what Segment delivered
    EMITTED = "emitted"  # the vendor sent it: to compare with what Segment's source received
    FAILED = "failed"
    STATE = "state"  # not a count of calls: a size, or when something last worked


class Exactness(StrEnum):
    EXACT = "exact"
    APPROXIMATE = "approx"
    LOWER_BOUND = "lower_bound"
    UPPER_BOUND = "upper_bound"
    STATE = "state"


class Clock(StrEnum):
    """By which moment of a call's life the vendor files it."""

    RECEIVE = "receive"
    DELIVER = "deliver"
    EVENT = "event"
    UPLOAD = "upload"
    LOAD = "load"


@dataclass(frozen=True)
class CountRow:
    """One number. `bucket` is the UTC start of a span of `grain`: minute, hour, day or run."""

    bucket: datetime
    grain: str
    kind: Kind
    count: int
    exactness: Exactness
    clock: Clock
    call_type: str = "*"
    event: str = "*"
    dims: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Key:
    """One thing that connects a counter: a token, a project's id."""

    name: str  # "api_key"
    variable: str  # of the environment: "AMPLITUDE_API_KEY"
    label: str  # on the Connect page: "API key of the project"
    secret: bool = True
    optional: bool = False
    unless: str = ""  # of an optional key file: what stands in for it, "Google's own login"

    @property
    def connects(self) -> bool:
        """Whether it is among the lines that connect its counter."""
        return bool(self.unless) or not self.optional

    @property
    def line(self) -> str:
        """The line of the environment that sets it, with a comment of what it is."""
        if self.unless:
            return f"{self.variable}_FILE=…  # unless {self.unless} is there"
        return f"{self.variable}=…  # {self.label}"


@dataclass(frozen=True)
class Caps:
    """How a counter may be asked, and when its numbers are to be believed."""

    every: timedelta  # between two turns
    settles: timedelta  # after a day's end its number changes no more
    reread: timedelta  # each turn reads again, back from now
    reach: timedelta  # the oldest that can be asked for
    covers: str  # "track, page and screen calls": what is compared; "" where nothing can be
    tolerance: tuple[float, float] = (0.0, 0.0)  # expected gap, vendor less Segment, in shares


@dataclass(frozen=True)
class Counter:
    """One number of the other side, by its key in COUNTERS: "amplitude"."""

    key: str
    title: str  # "Amplitude: events counted"
    app: str  # slug of the app, or of the function, that it counts for
    keys: tuple[Key, ...]
    url: str  # base URL; the environment's `url_variable` wins
    url_variable: str  # "AMPLITUDE_API_URL"
    headers: Callable[[Keys], Mapping[str, str]]
    check: Callable[[JsonApi, Keys], str]  # the cheapest authenticated call, told in a sentence
    fetch: Callable[[JsonApi, Keys, Window], Iterator[CountRow]]
    caps: Caps
    blind: str = ""  # what it cannot see, and why, in a sentence
