"""How much each source sends, of what: the demo's own invented, consistent month.

A flow is a stream of calls with one rhythm. A source has one flow or a few (the backend's nightly
trait refresh keeps other hours than its events). A leak is a flow that counts only while it is
switched on. Without leaks a 30-day month bills about 36.8 million calls, all of them track,
identify or group; none is a page call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cdpwatch.demo import events, shapes
from cdpwatch.demo.shapes import DayShape, HourShape, MinuteShape


@dataclass(frozen=True)
class Slice:
    """One call type and event of a flow; `event` is "" for calls that carry no name."""

    call_type: str
    event: str
    weight: float


@dataclass(frozen=True, eq=False)  # compared by identity: a flow is a key of the volume caches
class Flow:
    """A stream of calls of one source. `per_day` is calls/day in the anchor month."""

    key: str
    source: str  # slug
    per_day: float
    mix: tuple[Slice, ...]
    days: DayShape
    hours: HourShape
    minutes: MinuteShape = shapes.even
    growth: float = 0.018  # per month
    leak: str = ""


def _mix(
    track: Mapping[str, float], percent: float = 100, identify: float = 0, group: float = 0
) -> tuple[Slice, ...]:
    """Slices weighted in per cent of the flow; `track` holds per cents of its own."""
    rows = [Slice("track", event, percent * share / 100) for event, share in track.items()]
    rows += [Slice("identify", "", identify)] if identify else []
    rows += [Slice("group", "", group)] if group else []
    return tuple(rows)


_APPLICATION = _mix(events.APPLICATION_EVENTS, 87.5, identify=9.5, group=3)
_BACKEND = _mix(events.BACKEND_EVENTS, 80, identify=12, group=8)

REGULAR: tuple[Flow, ...] = (
    Flow("application", "prod-application", 760_000, _APPLICATION, shapes.people, shapes.office),
    Flow(
        "backend-events",
        "prod-backend",
        237_333,
        _mix(events.BACKEND_EVENTS),
        shapes.flatter,
        shapes.flat_office,
    ),
    Flow(
        "backend-traits",
        "prod-backend",
        59_333,
        _mix({}, identify=60, group=40),
        shapes.flatter,
        shapes.nightly,
    ),
    Flow(
        "census",
        "prod-census",
        51_667,
        _mix({"Account Health Changed": 100}, 5, identify=78, group=17),
        shapes.machine,
        shapes.syncs,
        shapes.burst,
    ),
    Flow(
        "mail",
        "prod-customer-io",
        26_527,
        _mix(events.MAIL_EVENTS),
        shapes.newsletter,
        shapes.mailing,
    ),
    Flow(
        "mail-reactions",
        "prod-customer-io",
        11_807,
        _mix(events.MAIL_REACTIONS),
        shapes.newsletter,
        shapes.reactions,
    ),
    Flow(
        "cohort",
        "prod-amplitude-cohort",
        31_667,
        _mix({}, identify=100),
        shapes.machine,
        shapes.cohort,
        shapes.sawtooth,
    ),
    Flow(
        "cloud-function",
        "prod-cloud-function",
        20_667,
        _mix(events.CLOUD_FUNCTION_EVENTS, 95, identify=5),
        shapes.flatter,
        shapes.flat_office,
    ),
    Flow(
        "staging-application",
        "staging-application",
        14_000,
        _APPLICATION,
        shapes.working_days,
        shapes.test_runs,
    ),
    Flow(
        "dev-application",
        "dev-application",
        5_667,
        _APPLICATION,
        shapes.working_days,
        shapes.team_hours,
    ),
    Flow(
        "manual",
        "prod-manual",
        4_000,
        _mix({"Backfill - plan_changed": 100}, 70, identify=30),
        shapes.runs,
        shapes.script,
    ),
    Flow(
        "staging-backend",
        "staging-backend",
        3_333,
        _BACKEND,
        shapes.working_days,
        shapes.test_runs,
    ),
    Flow(
        "refiner",
        "prod-refiner",
        1_267,
        _mix({}, identify=53, group=47),  # a user without an account sends no group call
        shapes.people,
        shapes.office,
    ),
    Flow(
        "livestorm-registrations",
        "prod-livestorm",
        240,
        _mix(events.REGISTRATIONS),
        shapes.machine,
        shapes.flat_office,
    ),
    Flow(
        "livestorm-sessions",
        "prod-livestorm",
        160,
        _mix(events.SESSION_RESULTS),
        shapes.webinar,
        shapes.after_session,
    ),
    Flow(
        "application-old",
        "prod-application-old",
        2,
        _mix({"page_opened": 100}),
        shapes.machine,
        shapes.all_day,
        growth=0,
    ),
    Flow(
        "anna",
        "segment-test-anna",
        12,
        _mix({"Test Event": 100}, 70, identify=30),
        shapes.working_days,
        shapes.team_hours,
        growth=0,
    ),
)

LEAKS: tuple[Flow, ...] = (
    Flow(
        "public-pages",
        "prod-application",
        165_000,
        tuple(Slice("page", name, share) for name, share in events.PUBLIC_PAGES.items()),
        shapes.public_site,
        shapes.flat_office,
        leak="L1",
    ),
    Flow(
        "public-docs",
        "prod-application",
        270_000,
        _mix({"[GitBook] site_view": 100}),
        shapes.public_docs,
        shapes.flat_office,
        growth=0.04,
        leak="L2",
    ),
    Flow(
        "identify-loop",
        "prod-application",
        500_000,
        _mix({}, identify=100),
        shapes.people,
        shapes.office,
        leak="L6",
    ),
    Flow(
        "mail-attempts",
        "prod-customer-io",
        900_000,
        _mix({"Email Drafted": 50, "Email Attempted": 50}),
        shapes.send_days,
        shapes.mailing,
        leak="L11",
    ),
)

FLOWS = REGULAR + LEAKS
