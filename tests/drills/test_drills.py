"""A few seeds of the drills; `python -m tests.drills --seeds 50` runs the many."""

from __future__ import annotations

import pytest

from tests.drills.ground import Ground, drill

pytestmark = pytest.mark.system
SEEDS = [("W1", 0), ("W5", 0), ("W8", 0)]


@pytest.mark.parametrize(("name", "seed"), SEEDS)
def test_it_comes_out_whole(ground: Ground, name: str, seed: int) -> None:
    drill(ground, name, seed)
