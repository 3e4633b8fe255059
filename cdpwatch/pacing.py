"""One rate budget for each token, kept in Redis and shared by every worker that asks with it.

    LIMITS    what each API states of its limits, by the setting that names the API
    Bucket    what is known of one limit of one token: what was taken, what the server said
    take()    one request out of a bucket, or the seconds to wait for it      } pure: a bucket
    heed()    what an answer's X-RateLimit-* headers say of a bucket          } and a clock
    Shelf     the buckets: in Redis, in this process while Redis is away
    Budget    waits before each request of a client; `govern` gives a client one

We take at most CDPWATCH_RATE_SHARE of a limit, half by default, for others use the token's account
too: a fifth of that at once, the rest evenly. So no span as long as the limit's own holds more. A
429 is not noted here but in the database, where every worker looks before every request.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from cdpwatch import wording
from cdpwatch.http import RateLimited
from cdpwatch.http.asker import Asker, Pace
from cdpwatch.http.status import parse_date, parse_retry_after

log = logging.getLogger(__name__)
T = TypeVar("T")

AT_ONCE = 5  # one in so many of the budget's requests may go without a pause
LATENESS = 1.0  # seconds by which one request may reach the server later than another
LONGEST_WAIT = 90.0  # seconds that a turn sits out; half of Segment's 2 a minute takes 61
NAP = 5.0  # seconds of it between two signs of life
ALONE = 4  # processes, at most, that ask with one token while Redis is away
AWAY = 10.0  # seconds for which a Redis that did not answer is not asked again


@dataclass(frozen=True)
class Limit:
    """`calls` in any `seconds`. `assumed`: nobody states it, so what a server says replaces it."""

    calls: int
    seconds: float = 60.0
    assumed: bool = False


@dataclass(frozen=True)
class Rule:
    """A limit of the endpoints whose path matches `path` whole; `name` is the bucket's."""

    name: str
    path: str
    limit: Limit


UNSTATED = Rule("", ".*", Limit(60, assumed=True))
# Segment: Public API, "Rate limits" and the notes of each endpoint; the general limit is told by
# no page, only by headers. Customer.io: 10 a second for an account. Livestorm: 10,000 in 30 days.
LIMITS: Mapping[str, tuple[Rule, ...]] = {
    "SEGMENT_API_URL": (
        Rule("volume", "/events/volume", Limit(60)),
        Rule("syncs", "/warehouses/.+/(selective-)?syncs", Limit(2)),
        Rule("", ".*", Limit(200, assumed=True)),
    ),
    "CUSTOMERIO_API_URL": (Rule("", ".*", Limit(10, 1.0)),),
    "LIVESTORM_API_URL": (Rule("", ".*", Limit(10_000, 30 * 86_400.0)),),
}


def rule_for(api: str, path: str) -> Rule:
    """The first rule of the API that fits; `api` is a setting's name, as in LIMITS."""
    rules = (*LIMITS.get(api, ()), UNSTATED)
    return next(rule for rule in rules if re.fullmatch(rule.path, path.partition("?")[0]))


@dataclass(frozen=True)
class Bucket:
    """One limit of one token. Times are seconds of the shelf's clock."""

    paid: float = 0.0  # when the pace has made up for all that was taken
    shut: float = 0.0  # until then the server's headers ask for rest
    told: int = 0  # the limit's calls by the server's headers; 0: it never said


def pace(limit: Limit, told: int, share: float) -> tuple[int, float]:
    """(requests at once, seconds between two after that) for at most `share` of the limit.

    A generic cell rate: `burst` at once and one each `step` after that are at most `calls` in any
    span of `seconds`, also where one of them is LATENESS late.
    """
    known = told if told and limit.assumed else min(limit.calls, told or limit.calls)
    calls = max(1, int(known * share))
    burst = max(1, calls // AT_ONCE)
    return burst, (limit.seconds + LATENESS) / (calls - burst + 1)


def take(bucket: Bucket, limit: Limit, share: float, now: float) -> tuple[Bucket, float]:
    """The bucket after one request and 0; or the bucket as it is and the seconds to wait."""
    burst, step = pace(limit, bucket.told, share)
    wait = max(bucket.paid - (burst - 1) * step, bucket.shut) - now
    if wait > 0.001:  # less is rounding
        return bucket, wait
    return replace(bucket, paid=max(bucket.paid, now) + step), 0.0


def heed(
    bucket: Bucket, headers: Mapping[str, str], share: float, now: float, clock: datetime
) -> Bucket:
    """The bucket after an answer's headers; `clock` is our own, for a server that tells no time.

    `X-RateLimit-Consumed` and `-Remaining` add up to the limit where no `-Limit` names it. Once
    our share is used up, by whomever, it is shut until `X-RateLimit-Reset`.
    """
    left = _number(headers, "remaining")
    if left is None:
        return bucket
    used, named = _number(headers, "consumed"), _number(headers, "limit")
    told = named or (used + left if used is not None else bucket.told)
    shut = bucket.shut
    if left <= told * (1 - share):
        shut = max(shut, now + reset_in(headers, clock))
    return replace(bucket, told=told, shut=shut)


def reset_in(headers: Mapping[str, str], clock: datetime) -> float:
    """Seconds until `X-RateLimit-Reset`, 1 to 900: a date (Segment), seconds, or an epoch.

    A minute where it is not told: Help Scout's limits are for a minute and say no more.
    """
    asked = headers.get("x-ratelimit-reset", "")
    clock = parse_date(headers.get("date", "")) or clock  # by the server's own clock
    if re.fullmatch("[0-9]{10}", asked):
        asked = str(int(asked) - int(clock.timestamp()))
    told = parse_retry_after(asked, clock)
    return 60.0 if told is None else told


def _number(headers: Mapping[str, str], name: str) -> int | None:
    """`X-RateLimit-<Name>`, or `-<Name>-Minute` as Help Scout spells it."""
    value = headers.get(f"x-ratelimit-{name}") or headers.get(f"x-ratelimit-{name}-minute") or ""
    return int(value) if re.fullmatch("[0-9]{1,9}", value) else None


Act = Callable[[Bucket, float, float], tuple[Bucket, T]]  # of bucket, clock and part of the share


class Shelf:
    """Buckets by key. In Redis, by its clock; while that is away, this process's own."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
        )
        self._own: dict[str, Bucket] = {}
        self._lock = threading.Lock()
        self._away_until = 0.0

    def change(self, key: str, act: Act[T], keep: float) -> T:
        """Put what `act` makes of the bucket in its place; what else it gives. Kept `keep` seconds.

        `act` takes the bucket, the time and the part of the share that is ours: all of it, or a
        part while this process cannot know what the others take.
        """
        if time.monotonic() >= self._away_until:
            try:
                return self._shared(key, act, keep)
            except redis.RedisError as error:
                log.warning("pacing alone: Redis is away (%s)", type(error).__name__)
                self._away_until = time.monotonic() + AWAY
        with self._lock:
            bucket = self._own.get(key, Bucket())
            self._own[key], given = act(bucket, time.time(), 1 / ALONE)
        return given

    def _shared(self, key: str, act: Act[T], keep: float) -> T:
        """Read, decide, write; again from the start where somebody else wrote meanwhile."""
        with self._redis.pipeline() as pipe:
            while True:
                pipe.watch(key)  # type: ignore[no-untyped-call]
                seconds, microseconds = pipe.time()
                bucket, given = act(_read(pipe.get(key)), seconds + microseconds / 1e6, 1.0)
                pipe.multi()
                pipe.set(key, msgspec.json.encode(bucket), ex=int(keep))
                with contextlib.suppress(redis.WatchError):
                    pipe.execute()
                    return given


def _read(body: bytes | str | None) -> Bucket:
    try:
        return msgspec.json.decode(body or b"{}", type=Bucket)
    except msgspec.MsgspecError:  # another release's: begin anew
        return Bucket()


class Budget(Pace):
    """The budget of one token. Its buckets' keys hold a hash, never the token."""

    def __init__(
        self,
        api: str,
        secret: str,
        shelf: Shelf,
        share: float,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._api, self._shelf, self._share, self._sleep = api, shelf, share, sleep
        self._digest = hashlib.sha256(f"{api} {secret}".encode()).hexdigest()[:32]

    def wait(self, path: str, meanwhile: Callable[[], object]) -> None:
        """Return when a request of `path` may go out, and count it. Calls `meanwhile` now and then.

        Raises RateLimited for a wait that is longer than LONGEST_WAIT.
        """
        rule = rule_for(self._api, path)

        def act(bucket: Bucket, now: float, part: float) -> tuple[Bucket, float]:
            return take(bucket, rule.limit, self._share * part, now)

        while (seconds := self._change(rule, act)) > 0:
            if seconds > LONGEST_WAIT:
                until = wording.moment(datetime.now(UTC) + timedelta(seconds=seconds))
                said = f"GET {path} rests until {until}: our share of its limit is used up."
                raise RateLimited(said, retry_after=seconds)
            self._sleep(min(seconds, NAP))
            meanwhile()

    def heed(self, path: str, headers: Mapping[str, str]) -> None:
        def act(bucket: Bucket, now: float, part: float) -> tuple[Bucket, None]:
            return heed(bucket, headers, self._share, now, datetime.now(UTC)), None

        self._change(rule_for(self._api, path), act)

    def _change(self, rule: Rule, act: Act[T]) -> T:
        key = f"cdpwatch:pace:{self._digest}:{rule.name}"
        return self._shelf.change(key, act, max(3600.0, 2 * rule.limit.seconds))


def govern(api: Asker, name: str, secret: str) -> None:
    """Let `api` ask at the pace of `secret`; `name` is the setting of its URL, as in LIMITS.

    Clients of the same name and secret share one budget, in whichever process they are.
    """
    api.pace = Budget(name, secret, _shelf(settings.REDIS.locks), settings.RATE_SHARE)


_shelf = functools.cache(Shelf)
