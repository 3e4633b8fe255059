"""A real copy of cdpwatch for the tests of this folder: started once, looked at from outside."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.copies import Copy, Person, Workspace

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:  # of the whole run
        if HERE in item.path.parents:
            item.add_marker("system")
            item.add_marker(pytest.mark.timeout(480))


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """A copy that has read its demo workspace. Each test leaves it running and well."""
    copy = Copy(tmp_path_factory.mktemp("running"))
    try:
        copy.wait_for_pages()
        copy.wait_for_counts()
        yield copy
    finally:
        code = copy.stop()
    assert code == 0, copy.output.read_text()
    assert not copy.notes()
    assert sys.platform != "linux" or not copy.leftovers()


@pytest.fixture
def workspace(running: Copy) -> Workspace:
    return Workspace(running.client(running.demo_url))


@pytest.fixture(scope="session")
def person(running: Copy) -> Person:
    """The demo's admin."""
    return Person(running)
