"""Every live connection against the naming convention: what its name says, what to call it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from . import naming
from .models import Connection, Workspace
from .naming import Choice, EnvironmentSpelling, Reading, Verdict
from .readings import Direction

# What is hardest to put right comes first.
WORST_FIRST = (
    Verdict.CONFLICT,
    Verdict.NO_ENVIRONMENT,
    Verdict.NO_APPLICATION,
    Verdict.RENAME,
    Verdict.FOLLOWS,
)

TAKEN = "Another source has this name too, or would get it: decide how to tell the two apart."


@dataclass(frozen=True)
class Named:
    """One connection with what its name says and the names that would follow the convention."""

    connection: Connection
    reading: Reading
    choice: Choice
    taken: bool = False  # another live source has, or would get, the same new name

    @property
    def verdict(self) -> Verdict:
        return self.reading.verdict


def spellings(workspace: Workspace) -> list[EnvironmentSpelling]:
    return [EnvironmentSpelling(e.name, tuple(e.aliases)) for e in workspace.environments.all()]


def of(connection: Connection, environments: list[EnvironmentSpelling]) -> Named:
    """One connection by itself."""
    name, labels = connection.name, connection.labels
    app = connection.app.name if connection.app else ""
    reading = naming.read(name, labels, environments)
    return Named(connection, reading, naming.choice(name, labels, environments, app))


def every(workspace: Workspace) -> list[Named]:
    """Every live connection, the worst verdict first, in two queries."""
    environments = spellings(workspace)
    rows = Connection.objects.live().filter(workspace=workspace)
    found = [of(row, environments) for row in rows.select_related("app", "environment")]
    return sorted(_marked(found), key=lambda named: WORST_FIRST.index(named.verdict))


def _marked(found: list[Named]) -> Iterable[Named]:
    """With the sources marked that would share a name: a destination may, one a source."""
    names = Counter(_name(named) for named in found if _is_source(named))
    for named in found:
        exact = named.verdict == Verdict.RENAME and _is_source(named)
        taken = exact and names[named.reading.rename] > 1
        yield Named(named.connection, named.reading, named.choice, taken)


def _name(named: Named) -> str:
    """What it will be called once every exact rename is done."""
    return named.reading.rename or named.connection.name


def _is_source(named: Named) -> bool:
    return named.connection.direction == Direction.SOURCE
