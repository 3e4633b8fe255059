"""Which of Segment's calls a vendor counts, and by name those that it does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from operator import attrgetter

from cdpwatch import wording

from .compare import SLACK, Days, Share
from .places import Group, added, live_of, live_total, sent_total
from .rows import EVERY, OtherSide, Rows
from .sides import SIDES, Side
from .vendors import Kinds, Tally, counted_elsewhere

NAMED = 4  # of the calls that a vendor does not count, the largest parts; the others are summed
CALLS = "{} calls, which it does not count"
EVENTS = "“{}” events, which it has no number of by day"
OTHER_DAYS = "“{}” events, which it counts on other days: {} there, {} here"
OTHERS = "of other kinds, which it does not count"


@dataclass(frozen=True)
class Seen:
    """Segment's count of what goes to or comes from a vendor."""

    base: Side
    total: Days
    covered: Days  # of the calls that the vendor counts
    left_out: Mapping[str, Days]  # of those that it does not, by what they are
    retried: Days
    unsure: Mapping[str, Days]  # that it counts on other days, and not as many of


def seen_from(rows: Rows, group: Group, counter: OtherSide, tally: Tally) -> Seen:
    """What the sources of a vendor received, by call type and event."""
    counts = _counted(counter, tally)
    left_out = _left_out(rows, group, counts)
    elsewhere = counted_elsewhere(rows.vendors, counter.key)
    unsure = {
        kind: days
        for kind, days in left_out.items()
        if kind in elsewhere and not _is_near(elsewhere[kind], days, counter.expected)
    }
    names = {kind: _name(kind, days, elsewhere.get(kind)) for kind, days in left_out.items()}
    return Seen(
        base=SIDES["live"],
        total=live_total(rows, group.sources),
        covered=added((live_of(rows, group.sources, counts), *unsure.values())),
        left_out={names[kind]: days for kind, days in left_out.items() if kind not in unsure},
        retried={},
        unsure={names[kind]: days for kind, days in unsure.items()},
    )


def _is_near(there: int, here: Days, expected: tuple[float, float]) -> bool:
    """Whether a number about other days agrees with ours of all days that were read."""
    ours, slack = sum(here.values()), SLACK * len(here)
    return expected[0] * ours - slack <= there - ours <= expected[1] * ours + slack


def _name(kind: Kinds, days: Days, there: int | None) -> str:
    call_type, event = kind
    if event == EVERY:
        return CALLS.format(call_type)
    if there is None:
        return EVENTS.format(event)
    return OTHER_DAYS.format(event, wording.exact(there), wording.exact(sum(days.values())))


def seen_to(rows: Rows, group: Group, counter: OtherSide, tally: Tally) -> Seen:
    """What was delivered to a vendor. Of a delivery Segment tells the call type, and no event."""
    places = [place for place in group.places if rows.sent.get(place.pk)]
    counts = _counted_types(counter, tally)
    types = {call_type for place in places for call_type in rows.sent[place.pk]}
    delivered = attrgetter("delivered")
    return Seen(
        base=SIDES["delivered"],
        total=sent_total(rows, places, delivered),
        covered=sent_total(rows, places, delivered, counts),
        left_out={
            CALLS.format(call_type): sent_total(rows, places, delivered, call_type.__eq__)
            for call_type in sorted(types)
            if not counts(call_type)
        },
        retried=sent_total(rows, places, attrgetter("retried"), counts),
        unsure={},
    )


def shares(seen: Seen) -> Iterator[Share]:
    """The calls that the vendor does not count, the largest parts by name; signed as a gap is."""
    parts = sorted(seen.left_out.items(), key=lambda part: -sum(part[1].values()))[:NAMED]
    others = Counter({day: seen.covered[day] - calls for day, calls in seen.total.items()})
    for name, days in parts:
        others.update(days)
        yield Share(name, {day: -calls for day, calls in days.items()})
    yield Share(OTHERS, others)


def _counted(counter: OtherSide, tally: Tally) -> Callable[[str, str], bool]:
    """Whether the vendor counts a kind of call, given as call type and event, or as EVERY event."""
    whole, names = _counted_types(counter, tally), tally.names

    def counts(call_type: str, event: str) -> bool:
        by_event = any(known == call_type and name != EVERY for known, name in names)
        return (call_type, event) in names if by_event else event == EVERY and whole(call_type)

    return counts


def _counted_types(counter: OtherSide, tally: Tally) -> Callable[[str], bool]:
    types = {call_type for call_type, _ in tally.names}
    if EVERY in types:
        return lambda call_type: not counter.covers or call_type in counter.covers
    return types.__contains__


def _left_out(
    rows: Rows, group: Group, counts: Callable[[str, str], bool]
) -> Mapping[Kinds, Mapping[date, int]]:
    """Calls by what they are: whole types, or events of a type that is counted by event."""
    kinds: set[Kinds] = {kind for pk in group.sources for kind in rows.live.get(pk, {})}
    told = {call_type for call_type, event in kinds if counts(call_type, event)}
    found = {}
    for call_type, event in kinds:
        whole = event == EVERY
        if whole == (call_type not in told) and not counts(call_type, event):
            found[call_type, event] = live_of(rows, group.sources, _is((call_type, event)))
    return found


def _is(kind: Kinds) -> Callable[[str, str], bool]:
    return lambda call_type, event: (call_type, event) == kind
