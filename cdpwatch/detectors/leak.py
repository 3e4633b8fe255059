"""Leaks: live traffic that the policy says must not be tracked, still coming in.

Slices that one rule catches on one source and call type are one leak, whatever their page
names. Its price is what it burnt since it began and what it will burn to the period's end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from cdpwatch import wording
from cdpwatch.policy import Rule, judge
from cdpwatch.readings import RECENT, Finding, TrafficSlice

from .situation import Situation

# Below this many calls in an hour a slice is a stray test call, not a leak.
FLOOR = 5
# A leak that should have made this many calls in the RECENT window, and made none, has stopped:
# of a Poisson count with this mean, one window in 20,000 is empty by chance.
EXPECTED = 10


@dataclass(frozen=True)
class Found:
    """One leak: what leaks, since when, and what it costs in calls."""

    source_id: int
    source_name: str
    call_type: str
    event: str  # "" when the rule is about the call type
    rule: Rule
    rule_position: int
    since: datetime
    so_far: int
    in_period: int
    per_day: float
    to_end: int  # more calls by the period's end, if it is left
    names: tuple[str, ...]  # most frequent event or page names

    @property
    def what(self) -> str:
        if self.event:
            return f"{self.call_type} “{self.event}”"
        return f"{self.call_type} calls"

    @property
    def fingerprint(self) -> str:
        return f"leak:{self.source_id}:{self.rule.key}:{self.call_type}"


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per leak that still grows."""
    for leak in leaks(situation):
        yield _finding(leak, situation)


def leaks(situation: Situation) -> list[Found]:
    """The leaks that go on at `situation.now`, largest first."""
    days_left = situation.standing.days_left
    found = growing(
        situation.traffic,
        situation.rules,
        situation.live_to or situation.now,
        days_left,
        situation.hour_shares,
    )
    return sorted(found, key=lambda leak: leak.so_far, reverse=True)


def growing(
    traffic: Sequence[TrafficSlice],
    rules: Sequence[Rule],
    now: datetime,
    days_left: float,
    hour_shares: Sequence[float],
) -> list[Found]:
    """Group what is out of policy by source, rule and call type, and price each group.

    `now` is the moment up to which the live volume is known.
    """
    groups: dict[tuple[int, str, str], list[TrafficSlice]] = defaultdict(list)
    decided: dict[str, Rule] = {}
    for piece in traffic:
        rule = judge(rules, piece)
        if rule.verdict.is_leak:
            decided[rule.key] = rule
            groups[piece.source_id, rule.key, piece.call_type].append(piece)
    return [
        _priced(pieces, decided[key], _position(rules, key), now, days_left, hour_shares)
        for (_, key, _), pieces in groups.items()
        if goes_on(pieces, now)
    ]


def goes_on(pieces: Sequence[TrafficSlice], now: datetime) -> bool:
    """Whether calls still come in: a dense leak is judged by minutes, a sparse one by the hour."""
    recent = sum(piece.recent for piece in pieces)
    last_hour = max(recent, sum(piece.last_hour for piece in pieces))
    since = min(piece.first_seen or now for piece in pieces)
    lasted = min(timedelta(hours=1), max(now - since, RECENT))
    if last_hour * (RECENT / lasted) >= EXPECTED:
        return recent > 0
    return last_hour >= FLOOR


def _position(rules: Sequence[Rule], key: str) -> int:
    return next(n for n, rule in enumerate(rules, 1) if rule.key == key)


def _priced(
    pieces: Sequence[TrafficSlice],
    rule: Rule,
    position: int,
    now: datetime,
    days_left: float,
    hour_shares: Sequence[float],
) -> Found:
    since = began(pieces, now)
    so_far = sum(
        calls for piece in pieces for day, calls in piece.by_day.items() if day >= since.date()
    )
    per_day = daily_rate(so_far, since, now, hour_shares)
    largest = sorted(pieces, key=lambda piece: piece.total, reverse=True)
    return Found(
        source_id=pieces[0].source_id,
        source_name=pieces[0].source_name,
        call_type=pieces[0].call_type,
        event=largest[0].event if rule.event else "",
        rule=rule,
        rule_position=position,
        since=since,
        so_far=so_far,
        in_period=sum(piece.total for piece in pieces),
        per_day=per_day,
        to_end=round(per_day * days_left),
        names=tuple(piece.event for piece in largest[:3] if piece.event),
    )


def began(pieces: Sequence[TrafficSlice], now: datetime) -> datetime:
    """When the days with calls that still go on began, under whatever names.

    An earlier leak of the same kind that was stopped is not a part of this one.
    """
    days = {day for piece in pieces for day, calls in piece.by_day.items() if calls}
    first = max(days, default=now.date())
    while first - timedelta(days=1) in days:
        first -= timedelta(days=1)
    seen = [piece.first_seen for piece in pieces if piece.first_seen]
    start = min((moment for moment in seen if moment.date() >= first), default=now)
    return start if start.date() == first else datetime.combine(first, time(), UTC)


def daily_rate(calls: int, since: datetime, now: datetime, hour_shares: Sequence[float]) -> float:
    """Calls/day of a leak that made `calls` between `since` and `now`.

    The hours that passed count by their share of a usual day, so that a leak that began in
    the evening is not taken for a small one.
    """
    passed, moment = 0.0, since
    while moment < now:
        end = min(now, moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
        passed += hour_shares[moment.hour] * ((end - moment) / timedelta(hours=1))
        moment = end
    return calls / passed if passed > 0 else 0.0


def _finding(leak: Found, situation: Situation) -> Finding:
    state, terms = situation.standing, situation.terms
    ends = f"{state.period.title} ends at {wording.short(state.total)}"
    against = f" of {wording.short(state.allowance)}" if state.allowance else ""
    without = wording.short(state.total - leak.in_period - leak.to_end)
    facts = [
        ("What", f"{leak.what} on {leak.source_name}"),
        ("Since", wording.moment(leak.since)),
        (
            "Burnt so far",
            f"{wording.exact(leak.so_far)} calls, "
            f"{wording.share(leak.so_far, terms.allowance)} of the contract",
        ),
        ("Per day", f"about {wording.short(leak.per_day)} calls"),
        ("Rule", f"#{leak.rule_position} {leak.rule.reason}"),
    ]
    if leak.names and not leak.event:
        facts.insert(1, ("Names", ", ".join(name[:80] for name in leak.names)))
    return Finding(
        fingerprint=leak.fingerprint,
        kind="leak",
        severity="critical",
        title=f"{leak.source_name}: {leak.what} that must not be tracked",
        consequence=(
            f"{wording.short(leak.so_far)} calls so far. If it is left, "
            f"{ends}{against} instead of {without}."
        ),
        facts=tuple(facts),
        data={
            "source": leak.source_id,
            "call_type": leak.call_type,
            "event": leak.event,
            "rule": leak.rule.key,
            "since": leak.since.isoformat(),
            "so_far": leak.so_far,
            "to_end": leak.to_end,
            "month_end": round(state.total),
            "clock": wording.moment(situation.live_to),
        },
    )
