"""Overage: found exactly when the budget's verdict is "over"."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdpwatch.budget import Verdict
from cdpwatch.detectors import overage
from tests.factories import make_situation


@pytest.mark.parametrize("verdict", Verdict)
def test_it_speaks_only_when_the_verdict_is_over(verdict: Verdict) -> None:
    situation = make_situation()
    standing = replace(situation.standing, verdict=verdict)
    found = list(overage.find(replace(situation, standing=standing)))
    assert [finding.fingerprint for finding in found] == (
        ["overage:2026-11-01"] if verdict == Verdict.OVER else []
    )


def test_it_says_how_much_when_and_what_is_still_allowed() -> None:
    situation = make_situation()
    standing = replace(
        situation.standing, verdict=Verdict.OVER, total=43_100_000.0, chance_over=0.93
    )
    [finding] = overage.find(replace(situation, standing=standing))
    assert finding.title == "November: over the contract"
    assert finding.consequence == "November ends at 43.1M, 3.1M over the contract. 12 days left."
    facts = dict(finding.facts)
    assert (facts["Used"], facts["Chance of over"]) == ("20M of 40M", "93%")
    assert "Contract" not in facts


def test_it_says_that_an_unconfirmed_contract_is_an_assumption() -> None:
    situation = make_situation()
    standing = replace(situation.standing, verdict=Verdict.OVER)
    terms = replace(situation.terms, confirmed=False)
    [finding] = overage.find(replace(situation, standing=standing, terms=terms))
    assert ("Contract", "assumed to be a month; not confirmed yet") in finding.facts
