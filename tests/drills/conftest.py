"""The ground that the suite's few drills share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.ground import Ground, prepared

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:  # of the whole run
        if HERE in item.path.parents:
            item.add_marker("system")
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    with prepared() as ground:
        yield ground
