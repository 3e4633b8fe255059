"""What becomes of the calls at each destination: filtered, failed, retried, delivered.

Each destination is a chain of outcomes; every step takes its share of what the steps before it
left, and the rest is delivered at the first attempt. Shares are taken from running totals in whole
calls, so that minutes, hours and days agree, and delivered + failed + filtered is what was
received.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from cdpwatch.demo import world
from cdpwatch.demo.ledger import Grid, Ledger, Stream
from cdpwatch.demo.traffic import FLOWS, Slice
from cdpwatch.demo.volumes import Counts, uniforms

MILLION = 1_000_000
Outcome = tuple[str, str]  # step and reason, e.g. ("failed", "429")

DELIVERED = ("delivered", "successes.attempt.1")
RETRIED = ("delivered", "successes.attempt.2")
UNMAPPED = ("filtered", "NO_MATCHING_MAPPING")
RULED_OUT = ("filtered", "FILTERED_BY_RULES")
REJECTED_AT_INGEST = ("rejected", "no_user_anon_id")
BLOCKED = ("blocked", "schema_violation")

RETRIED_PPM = 3_000
REJECTED_PPM = 300
# Sources whose schema blocks what breaks it: so much as of their track calls, on top of them.
BLOCKED_PPM = {"staging-application": 30_000, "dev-application": 55_000}

CUSTOMER_IO_EVENTS = frozenset(
    (
        "page_created",
        "change_request_created",
        "change_request_merged",
        "site_published",
        "site_customization_saved",
        "git_sync_triggered",
        "integration_settings_viewed",
        "member_invited",
        "space_created",
        "upgrade_modal_viewed",
        "site_created",
        "integration_installed",
        "custom_domain_connected",
        "checkout_started",
        "trial_started",
        "user_logged_in",
        "member_added",
        "export_completed",
        "seat_added",
        "user_signed_up",
        "invoice_paid",
        "subscription_updated",
        "trial_expired",
        "payment_failed",
        "organization_created",
    )
)
WEBHOOK_EVENTS = frozenset(
    ("import_completed", "translation_completed", "export_completed", "seat_added")
)


@dataclass(frozen=True)
class Mapping:
    """What a kind of destination accepts, and what goes wrong with it, in parts per million."""

    accepts: Callable[[Slice], bool]
    filtered_ppm: int
    failed: tuple[tuple[str, int], ...]


MAPPINGS: dict[str, Mapping] = {
    "amplitude": Mapping(
        lambda part: part.call_type != "group", 5_000, (("400", 1_500), ("429", 500))
    ),
    "customer-io": Mapping(
        lambda part: part.call_type == "identify" or part.event in CUSTOMER_IO_EVENTS,
        0,
        (("429", 1_000),),
    ),
    "hubspot": Mapping(
        lambda part: part.call_type in ("identify", "group"),
        0,
        (("BAD_REQUEST", 45_000), ("429", 16_000)),
    ),
    "help-scout": Mapping(
        lambda part: part.call_type == "identify", 0, (("MESSAGE_REJECTED", 290_000),)
    ),
    "cloud-function": Mapping(
        lambda part: part.event in WEBHOOK_EVENTS, 0, (("502", 2_000), ("ETIMEDOUT", 1_000))
    ),
}


@dataclass(frozen=True)
class Tally:
    """Calls of one slice that met one outcome, by bucket."""

    part: Slice
    outcome: Outcome
    counts: Counts


def received(ledger: Ledger, source: world.Source, grid: Grid) -> list[Tally]:
    """What the source accepted and nothing blocked; the same numbers as the event volume."""
    outcome = ("received", "")
    return [
        Tally(part, outcome, row)
        for flow in _of(source.slug, ledger.streams())
        for part, row in zip(flow.mix, ledger.counts(flow, grid), strict=True)
    ]


def rejected(ledger: Ledger, source: world.Source, grid: Grid) -> list[Tally]:
    """What the source turned away at ingest: never billed, on top of what was received."""
    return _turned_away(ledger, source, grid) + _tallies(
        ledger,
        _of(source.slug, FLOWS),
        grid,
        lambda flow, day, running: {
            REJECTED_AT_INGEST: _share(running, REJECTED_PPM, f"{flow.key}/{day}/rejected")
        },
    )


def blocked(ledger: Ledger, source: world.Source, grid: Grid) -> list[Tally]:
    """What the source took in and its schema then blocked: neither billed nor in event volume."""
    ppm = BLOCKED_PPM.get(source.slug, 0)
    return _tallies(
        ledger,
        _of(source.slug, FLOWS if ppm else ()),
        grid,
        lambda flow, day, running: {
            BLOCKED: _share(running, _of_tracks(flow, ppm), f"{flow.key}/{day}/blocked")
        },
    )


def outcomes(ledger: Ledger, destination: world.Destination, grid: Grid) -> list[Tally]:
    """What the destination did with each call of its source; nothing is known in device mode."""
    if destination.kind in world.DEVICE_MODE:
        return []
    return _tallies(
        ledger,
        _of(destination.source, ledger.streams()),
        grid,
        lambda flow, day, running: divide(flow, day, destination.kind, running),
    )


def divide(flow: Stream, day: date, kind: str, running: Counts) -> dict[Outcome, Counts]:
    """The running totals of a day's calls, divided by outcome; they add up to what came in."""
    left = running
    found: dict[Outcome, Counts] = {}
    for outcome, ppm in _chain(flow, kind):
        taken = _share(left, ppm, f"{flow.key}/{day}/{kind}/{outcome}")
        found[outcome] = taken
        left = left - taken
    return {**found, DELIVERED: left}


def _chain(flow: Stream, kind: str) -> list[tuple[Outcome, Counts | int]]:
    mapping = MAPPINGS[kind]
    unmapped = np.array([0 if mapping.accepts(part) else MILLION for part in flow.mix])
    failed: list[tuple[Outcome, Counts | int]] = [
        (("failed", reason), ppm) for reason, ppm in mapping.failed
    ]
    return [
        (UNMAPPED, unmapped),
        (RULED_OUT, mapping.filtered_ppm),
        *failed,
        (RETRIED, RETRIED_PPM),
    ]


def _of_tracks(flow: Stream, ppm: int) -> Counts:
    return np.array([ppm if part.call_type == "track" else 0 for part in flow.mix])


def _share(running: Counts, ppm: Counts | int, key: str) -> Counts:
    """That many parts per million of each running total, rounded at a place the key decides."""
    phases = (uniforms(key, len(running)) * MILLION).astype(np.int64)
    parts = np.broadcast_to(np.asarray(ppm), len(running))
    taken: Counts = (running * parts[:, None] + phases[:, None]) // MILLION
    return taken


def _tallies(
    ledger: Ledger,
    streams: list[Stream],
    grid: Grid,
    judge: Callable[[Stream, date, Counts], dict[Outcome, Counts]],
) -> list[Tally]:
    tallies: list[Tally] = []
    for flow in streams:
        days = [judge(flow, day, ledger.running(flow, day, edges)) for day, edges in grid.days]
        for outcome in days[0] if days else ():
            counts = np.concatenate([np.diff(found[outcome]) for found in days], axis=1)
            tallies += [Tally(*row) for row in _rows(flow, outcome, counts)]
    return tallies


def _rows(flow: Stream, outcome: Outcome, counts: Counts) -> list[tuple[Slice, Outcome, Counts]]:
    return [(part, outcome, row) for part, row in zip(flow.mix, counts, strict=True)]


def _turned_away(ledger: Ledger, source: world.Source, grid: Grid) -> list[Tally]:
    """Messages that clients really sent, each with its own reason."""
    return [
        Tally(part, ("rejected", stream.reason), row)
        for stream in ledger.arrivals
        if stream.reason and stream.source == source.slug
        for part, row in zip(stream.mix, ledger.counts(stream, grid), strict=True)
    ]


def _of(slug: str, streams: Iterable[Stream]) -> list[Stream]:
    return [stream for stream in streams if stream.source == slug]
