"""The import rules have teeth: an import that a rule forbids, planted in the graph, breaks it."""

from __future__ import annotations

import ast
import copy
from pathlib import Path

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.forbidden import ForbiddenContract

ROOT = Path(__file__).parents[2]
OPTIONS = read_configuration(str(ROOT / "pyproject.toml"))
CODE: list[str] = OPTIONS["session_options"]["root_packages"]
PAGE = "A page never talks to the outside world"
DEMO = "The demo workspace knows nothing of cdpwatch: it is reached over HTTP"
CLIENTS = {"segment", "vendor", "post_json", "urllib.request", "http.client"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*CODE, include_external_packages=True, cache_dir=None)


def keeps(rule: str, graph: grimp.ImportGraph) -> bool:
    [options] = [each for each in OPTIONS["contracts_options"] if each["name"] == rule]
    contract = ForbiddenContract(rule, OPTIONS["session_options"], options)
    return contract.check(copy.deepcopy(graph), verbose=False).kept


def test_it_sees_every_file(graph: grimp.ImportGraph) -> None:
    """A folder without __init__.py would be passed over without a word."""
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for folder in CODE
        for path in (ROOT / folder).rglob("*.py")
    }
    assert files <= graph.modules


@pytest.mark.parametrize(
    ("rule", "importer", "imported"),
    [
        (PAGE, "dashboards.views.health", "cdpwatch.warehouse"),
        (PAGE, "dashboards.views.connect", "cdpwatch.http.vendor"),
        (PAGE, "cdpwatch.health", "cdpwatch.warehouse"),
        (PAGE, "cdpwatch.health", "cdpwatch.http"),
        (PAGE, "cdpwatch.health", "cdpwatch.channels"),
        (PAGE, "cdpwatch.connecting", "cdpwatch.pacing"),
        (PAGE, "cdpwatch.snapshot.whole", "cdpwatch.pollers"),
        (PAGE, "cdpwatch.vault", "redis"),
        (PAGE, "cdpwatch.counters.vendors", "cdpwatch.http.vendor"),
        (PAGE, "cdpwatch.counters.bigquery", "cdpwatch.warehouse"),
        (PAGE, "cdpwatch.counters.bigquery", "google"),
        (PAGE, "cdpwatch.counters.amplitude", "httpx"),
        (DEMO, "cdpwatch.demo.world", "cdpwatch.vault"),
        (DEMO, "cdpwatch.demo.world", "cdpwatch.counters"),
    ],
)
def test_it_catches_an_import_that_is_forbidden(
    rule: str, importer: str, imported: str, graph: grimp.ImportGraph
) -> None:
    planted = copy.deepcopy(graph)
    planted.add_import(importer=importer, imported=imported)
    assert keeps(rule, graph)
    assert not keeps(rule, planted)


def names_imported(path: Path) -> set[str]:
    """What a module imports, by name: "segment" of `from cdpwatch.http import segment`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        if isinstance(node, ast.ImportFrom):
            found |= {each.name for each in node.names}
            found |= {f"{node.module}.{each.name}" for each in node.names} | {node.module or ""}
    return found


@pytest.mark.parametrize("folder", ["dashboards", "cdpwatch/counters", "cdpwatch/snapshot"])
def test_it_makes_no_client_where_pages_look(folder: str) -> None:
    """The import rules see modules: what is taken out of cdpwatch.http they do not."""
    made = {
        path.name: names & CLIENTS
        for path in (ROOT / folder).rglob("*.py")
        if (names := names_imported(path)) & CLIENTS
    }
    assert not made
