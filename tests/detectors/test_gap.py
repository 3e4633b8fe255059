"""Gap: one finding per pair that left its usual band, in words that say by how much."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from cdpwatch.detectors import gap
from cdpwatch.reconciling import SIDES, Pair
from tests.factories import NOW, TODAY, make_situation


def make_pair(newest: int) -> Pair:
    """29 days of 100,000 delivered calls; the other side counted 96,000, on the newest `newest`."""
    days = [TODAY - timedelta(days=n) for n in range(2, 31)]
    other = dict.fromkeys(days, 96_000) | {days[0]: newest}
    sides = (SIDES["delivered"], SIDES["handled"])
    base = dict.fromkeys(days, 100_000)
    return Pair("destination/amplitude/x", "Amplitude", *sides, base, other, (-0.03, 0.01))


def test_it_leaves_a_gap_that_stays_alone() -> None:
    assert not list(gap.find(make_situation(compared=(make_pair(96_000),))))


def test_it_tells_a_gap_that_moved() -> None:
    [finding] = gap.find(make_situation(compared=(make_pair(90_000), make_pair(96_000))))
    assert finding.fingerprint == "gap:destination/amplitude/x"
    assert (finding.kind, finding.severity) == ("gap", "warning")
    assert finding.consequence == (
        "On Mon 16 Nov it counted 6k calls fewer than it usually would: −10.0% instead of −4.0%."
    )
    facts = dict(finding.facts)
    assert facts["Since"] == "Mon 16 Nov"
    assert facts["Delivered"].endswith("calls, by delivery by Segment, UTC")
    assert facts["Usual"] == "−4.0%, median of 28 days before"
    assert finding.data["calls"] == -6_000


def test_it_says_when_the_other_side_counts_more() -> None:
    [finding] = gap.find(make_situation(compared=(make_pair(101_000),)))
    assert "5k calls more than it usually would: +1.0% instead of −4.0%" in finding.consequence


def test_it_tells_that_a_vendor_saw_nothing_of_what_segment_sent() -> None:
    pair = replace(make_pair(0), band=True)
    [finding] = gap.find(make_situation(compared=(pair, replace(make_pair(9), band=True))))
    assert finding.fingerprint == "gap:destination/amplitude/x"
    assert finding.title.startswith("Amplitude: “") and finding.title.endswith("fell to zero")
    assert finding.consequence == (
        "On Mon 16 Nov it saw nothing, while Segment counted 100k calls there: they may be lost."
    )
    assert dict(finding.facts)["Since"] == "Mon 16 Nov"


def test_it_lets_go_of_what_is_too_old_to_be_news() -> None:
    later = make_situation(compared=(make_pair(90_000),), now=NOW + timedelta(days=4))
    assert not list(gap.find(later))
