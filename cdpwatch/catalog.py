"""The catalog's verbs: record what Segment lists, match it to the apps that people know.

Nothing is dropped: a connection that matches no app is shown as unmatched, one that vanished
keeps its row and history with the day it was last seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from . import naming
from .models import App, Connection, Environment, Function, Link, Workspace
from .readings import (
    ConnectionReading,
    Direction,
    FunctionReading,
    NoData,
    NotRecorded,
    WorkspaceReading,
)

PEOPLES = ("description", "owner", "notes")  # fields of models.catalog.Described


class WrongWorkspace(NotRecorded):
    """The token belongs to another workspace than the one these data are of."""


def check_pin(workspace: Workspace, reading: WorkspaceReading) -> None:
    """Raise WrongWorkspace when the database is tied to another Segment workspace."""
    if workspace.segment_id and workspace.segment_id != reading.segment_id:
        raise WrongWorkspace(
            f"This token belongs to the workspace “{reading.name}”, but the data here are of "
            f"“{workspace.name}”. Use a token of that workspace, or start with an empty database."
        )


def pin(workspace: Workspace, reading: WorkspaceReading) -> None:
    """Tie the database to one Segment workspace. Raises WrongWorkspace for any other."""
    check_pin(workspace, reading)
    changed = (workspace.segment_id, workspace.name, workspace.slug) != (
        reading.segment_id,
        reading.name,
        reading.slug,
    )
    if changed:
        workspace.segment_id = reading.segment_id
        workspace.name, workspace.slug = reading.name, reading.slug
        workspace.save(update_fields=["segment_id", "name", "slug"])


def record(
    workspace: Workspace,
    reading: WorkspaceReading,
    connections: Sequence[ConnectionReading],
    functions: Sequence[FunctionReading],
    now: datetime,
    *,
    complete: bool = True,
) -> int:
    """Make the catalog what Segment just listed. Call inside a transaction. Rows listed.

    Where the list is not `complete`, what it lacks is neither retired nor unlinked. Raises
    NoData when no source is listed though some were: see `_check_not_emptied`.
    """
    pin(workspace, reading)
    _check_not_emptied(workspace, connections)
    _record_functions(workspace, functions, now)
    matcher = Matcher.of(workspace)
    rows = {row.segment_id: row for row in Connection.objects.filter(workspace=workspace)}
    for listed in connections:
        row = rows.get(listed.segment_id) or Connection(
            workspace=workspace, segment_id=listed.segment_id, first_seen=now
        )
        _describe(row, listed, matcher, now)
        _save(row)
        rows[listed.segment_id] = row
    _record_links(workspace, connections, rows, complete=complete)
    if complete:
        _retire_all_but(workspace, {listed.segment_id for listed in connections}, now)
    return len(connections) + len(functions)


def _check_not_emptied(workspace: Workspace, connections: Sequence[ConnectionReading]) -> None:
    """Raise NoData for a catalog without sources where there were some.

    A workspace that is used keeps a source; an answer without any comes from another region or
    from an outage, and would retire all at once.
    """
    known = Connection.objects.filter(workspace=workspace).live().sources().count()
    if known and not any(row.direction == Direction.SOURCE for row in connections):
        raise NoData(
            f"Segment lists no source, though it had {known}: nothing was changed. The token may"
            " belong to another region."
        )


def _retire_all_but(workspace: Workspace, seen: set[str], now: datetime) -> None:
    gone = Connection.objects.filter(workspace=workspace, retired_at=None)
    gone.exclude(segment_id__in=seen).update(retired_at=now)


def _describe(row: Connection, listed: ConnectionReading, matcher: Matcher, now: datetime) -> None:
    row.direction, row.name, row.slug = listed.direction, listed.name[:500], listed.slug[:500]
    row.enabled, row.labels = listed.enabled, dict(listed.labels)
    row.metadata_id = listed.metadata_id
    row.metadata_name = listed.metadata_name[:200]
    row.metadata_slug = listed.metadata_slug[:200]
    row.last_seen, row.retired_at = now, None
    matcher.place(row)


def _save(row: Connection | Function) -> None:
    """All of a new row; of a known one not what people write, who may be at it this moment."""
    ours = [field.name for field in row._meta.concrete_fields if not field.primary_key]
    known = None if row._state.adding else [name for name in ours if name not in PEOPLES]
    row.save(update_fields=known)


def _record_functions(
    workspace: Workspace, functions: Sequence[FunctionReading], now: datetime
) -> None:
    """Listed functions take the place of a declared one of the same name, link and all."""
    for listed in functions:
        known = Function.objects.filter(workspace=workspace)
        row = (
            known.filter(segment_id=listed.segment_id).first()
            or known.filter(declared=True, last_seen=None, name__iexact=listed.name).first()
            or Function(workspace=workspace, description=listed.description)
        )
        row.segment_id, row.kind, row.name = listed.segment_id, listed.kind, listed.name[:200]
        row.catalog_id, row.deployed_at = listed.catalog_id, listed.deployed_at
        row.last_seen = now
        _save(row)


def _record_links(
    workspace: Workspace,
    connections: Sequence[ConnectionReading],
    rows: dict[str, Connection],
    *,
    complete: bool,
) -> None:
    wanted = {
        (rows[source].pk, rows[listed.segment_id].pk)
        for listed in connections
        for source in listed.fed_by
        if source in rows
    }
    links = Link.objects.filter(source__workspace=workspace)
    stored = {
        (source, target): pk for pk, source, target in links.values_list("pk", "source", "target")
    }
    if complete:
        links.filter(pk__in=[pk for pair, pk in stored.items() if pair not in wanted]).delete()
    Link.objects.bulk_create(
        [Link(source_id=source, target_id=target) for source, target in wanted - stored.keys()],
        ignore_conflicts=True,
    )


@dataclass(frozen=True)
class Matcher:
    """Finds a connection's environment, app and function from its name, labels and kind."""

    environments: dict[str, Environment]
    apps: dict[str, App]  # by every plain spelling
    functions: dict[str, Function]  # by catalog id

    @classmethod
    def of(cls, workspace: Workspace) -> Matcher:
        apps = {
            spelling: app
            for app in App.objects.filter(workspace=workspace)
            for spelling in (naming.plain(app.name), *app.aliases)
        }
        functions = Function.objects.filter(workspace=workspace).exclude(catalog_id="")
        return cls(
            {row.name: row for row in Environment.objects.filter(workspace=workspace)},
            apps,
            {function.catalog_id: function for function in functions},
        )

    def place(self, row: Connection) -> None:
        """Set environment, app, function and the naming verdict of `row`."""
        spellings = [
            naming.EnvironmentSpelling(e.name, tuple(e.aliases)) for e in self.environments.values()
        ]
        read = naming.read(row.name, row.labels, spellings)
        row.environment = self.environments.get(read.environment)
        row.naming, row.naming_advice = read.verdict, read.advice[:700]
        row.function = self.functions.get(row.metadata_id)
        told = (*naming.application_of(read, row.labels), naming.plain(row.metadata_slug))
        row.app = next((self.apps[text] for text in told if text in self.apps), None)


def place_all(workspace: Workspace) -> None:
    """Match every connection anew, after the list of environments or apps has changed."""
    matcher = Matcher.of(workspace)
    for row in Connection.objects.filter(workspace=workspace):
        matcher.place(row)
        row.save(update_fields=["environment", "app", "function", "naming", "naming_advice"])
