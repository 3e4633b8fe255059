"""What-ifs: switch a slice of traffic off, scale it, or launch something from a day on.

A scenario is a short list of changes that fits into a link. It is laid over a projection that was
made already, so month and year move at once: what is counted stays, the days to come are scaled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import isfinite
from urllib.parse import parse_qsl, quote, unquote, urlencode

from cdpwatch import wording
from cdpwatch.forecast import Forecast

SLICES = ("app", "source", "event", "call_type")
LAUNCH = "launch"
MOST_CHANGES, LONGEST = 20, 300  # changes of a scenario, characters of a name
MOST_TIMES, MOST_CALLS = 1_000.0, 1e10  # that a slice may grow, that a launch may add a day


class BadScenario(ValueError):
    """The text says what is wrong with it."""


@dataclass(frozen=True)
class Change:
    """From `since` on, `what` named `key` is multiplied by `amount` (0: off).

    Of a launch, `key` is its name and `amount` the calls a day that it adds. Raises BadScenario.
    """

    what: str  # one of SLICES, or LAUNCH
    key: str
    amount: float
    since: date

    @property
    def named(self) -> str:
        """How a form and a set of keys call what it changes: "app:backend"."""
        return f"{self.what}:{self.key}"

    def __post_init__(self) -> None:
        if self.what not in (*SLICES, LAUNCH):
            raise BadScenario(f"Nothing is called {wording.one_line(self.what[:40])} here.")
        if not self.key or len(self.key) > LONGEST:
            raise BadScenario(f"A name has 1 to {LONGEST} characters.")
        most = MOST_CALLS if self.what == LAUNCH else MOST_TIMES
        if not isfinite(self.amount) or not 0 <= self.amount <= most:
            raise BadScenario(f"An amount lies between 0 and {wording.exact(most)}.")


@dataclass(frozen=True)
class Slice:
    """Calls of one source, call type and event over some days: how much of the traffic they are."""

    app: str
    source: str
    call_type: str
    event: str
    calls: int

    def named(self, what: str) -> str:
        return str(
            {"app": self.app, "source": self.source, "event": self.event}.get(what, self.call_type)
        )


def apply(
    calm: Forecast,
    changes: Sequence[Change],
    slices: Iterable[Slice],
    total: int,
    today: date,
) -> Forecast:
    """`calm` as it would be with the changes. Days before `today` and what it counted stay.

    `slices` are recent traffic and `total` all of it, in calls: what no slice explains goes on as
    it was. Two changes of the same calls multiply, so nothing is taken away twice.
    """
    weights = _weights(changes, slices, total)
    factors = [_factor(weights, changes, day) if day >= today else 1.0 for day in calm.days]
    added = [_launched(changes, day) if day >= today else 0.0 for day in calm.days]
    path = {level: _bent(line, factors, added, calm, today) for level, line in calm.path.items()}
    before, after = calm.path[0.5][-1] - calm.settled, path[0.5][-1] - calm.settled - sum(added)
    ratio = after / before if before > 0 else 1.0
    totals = tuple(
        calm.settled + (value - calm.settled) * ratio + sum(added) for value in calm.totals
    )
    return replace(calm, totals=totals, path=path)


def _weights(
    changes: Sequence[Change], slices: Iterable[Slice], total: int
) -> Mapping[tuple[int, ...], float]:
    """Share of all traffic by the changes that concern it: (0, 2) -> 0.3."""
    found: dict[tuple[int, ...], float] = {}
    for row in slices:
        hit = tuple(
            n
            for n, change in enumerate(changes)
            if change.key == row.named(change.what) and change.what != LAUNCH
        )
        if hit and total > 0:
            found[hit] = found.get(hit, 0.0) + row.calls / total
    # Live calls may come to more than the billed total: no more than all of it can change.
    whole = max(1.0, sum(found.values()))
    return {hit: weight / whole for hit, weight in found.items()}


def _factor(
    weights: Mapping[tuple[int, ...], float], changes: Sequence[Change], day: date
) -> float:
    """What a day's calls are multiplied by."""
    factor = 1.0
    for hit, weight in weights.items():
        times = 1.0
        for change in (changes[n] for n in hit):
            times *= change.amount if day >= change.since else 1.0
        factor += weight * (times - 1.0)
    return max(0.0, factor)


def _launched(changes: Sequence[Change], day: date) -> float:
    return sum(row.amount for row in changes if row.what == LAUNCH and day >= row.since)


def _bent(
    line: Sequence[float],
    factors: Sequence[float],
    added: Sequence[float],
    calm: Forecast,
    today: date,
) -> tuple[float, ...]:
    """A path whose steps after what is counted are scaled, with the launches on top."""
    bent, last, total = [], 0.0, 0.0
    for day, value, factor, more in zip(calm.days, line, factors, added, strict=True):
        if day < today:
            last = total = value
        else:
            # The running day's counted calls are in its step: only what is to come is scaled.
            counted = max(0.0, calm.settled - last) if day == today else 0.0
            counted = min(counted, max(0.0, value - last))
            total += counted + (value - last - counted) * factor + more
            last = value
        bent.append(total)
    return tuple(bent)


def to_query(changes: Iterable[Change]) -> str:
    """The scenario as the query of a link: "c=app:backend:0:2026-12-01&c=..."."""
    told = (
        (change.what, quote(change.key, safe=" "), repr(change.amount), change.since.isoformat())
        for change in changes
    )
    return urlencode([("c", ":".join(parts)) for parts in told], safe=":")


def from_query(query: str) -> tuple[Change, ...]:
    """The changes of a link; other parameters are not looked at. Raises BadScenario."""
    changes, refused = read(query)
    if refused:
        raise BadScenario(" ".join(refused))
    return changes


def read(query: str) -> tuple[tuple[Change, ...], list[str]]:
    """The changes of a link that can be, and a sentence on each that cannot."""
    texts = [value for key, value in parse_qsl(query, keep_blank_values=True) if key == "c"]
    changes, refused = [], []
    for text in texts[:MOST_CHANGES]:
        try:
            changes.append(_change(text))
        except BadScenario as error:
            refused.append(f"“{wording.one_line(text[:60])}” is left out. {error}")
    if len(texts) > MOST_CHANGES:
        left_out = wording.plural(len(texts) - MOST_CHANGES, "change")
        refused.append(f"A scenario has at most {MOST_CHANGES} changes: {left_out} left out.")
    return tuple(changes), refused


def _change(text: str) -> Change:
    try:
        what, key, amount, since = text.split(":")
        number, day = float(amount), date.fromisoformat(since)
    except ValueError:
        raise BadScenario("A change is written what:name:amount:day.") from None
    return Change(what, unquote(key), number, day)
