"""People's texts in the catalog: description, owner and notes, with every edit kept.

An edit is a conditional UPDATE on the text that its writer saw, so that whoever comes second is
told and overwrites nobody. Polls write neither these texts nor their history.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from .models import App, CatalogChange, Connection, Function, Workspace

Thing = App | Connection | Function
LIMITS = {"description": 1_000, "owner": 100, "notes": 10_000}  # characters of each text
MOST = 100  # changes of one thing that a page shows; the rows stay


class Refused(Exception):
    """Nothing was written; the text says why."""


class ChangedMeanwhile(Refused):
    """`stored` is what somebody else has written to `field` since."""

    def __init__(self, field: str, stored: str) -> None:
        super().__init__(f"Somebody has changed the {field} meanwhile, so nothing was written.")
        self.field, self.stored = field, stored


class UndoneAlready(Refused):
    """A change is taken back once."""


def tidy(text: str) -> str:
    """`text` as it is kept: line breaks of one kind, none at the ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


@transaction.atomic
def change(
    thing: Thing, field: str, after: str, seen: str, by: str, now: datetime
) -> CatalogChange | None:
    """Write `after` into a field of LIMITS; None when it says that already.

    Raises ChangedMeanwhile when the stored text is not the one that the writer had `seen`.
    """
    stored, after = stored_text(thing, field), tidy(after)
    if after == tidy(stored):
        return None
    if tidy(seen) != tidy(stored):
        raise ChangedMeanwhile(field, stored)
    return _write(thing, field, stored, after, by, now)


@transaction.atomic
def undo(made: CatalogChange, by: str, now: datetime) -> CatalogChange:
    """Put back what a change replaced, as a change of its own.

    Raises UndoneAlready, or ChangedMeanwhile when the text is no longer what the change made it.
    """
    if CatalogChange.objects.filter(undoes=made).exists():
        raise UndoneAlready(f"This change of the {made.field} was undone already.")
    return _write(thing_of(made), made.field, made.after, made.before, by, now, made)


def _write(
    thing: Thing,
    field: str,
    before: str,
    after: str,
    by: str,
    now: datetime,
    undoes: CatalogChange | None = None,
) -> CatalogChange:
    rows = type(thing)._default_manager.filter(pk=thing.pk, **{field: before})
    if not rows.update(**{field: after}):
        raise ChangedMeanwhile(field, stored_text(thing, field))
    setattr(thing, field, after)
    return CatalogChange.objects.create(
        workspace_id=thing.workspace_id,
        field=field,
        before=before,
        after=after,
        by=by,
        at=now,
        undoes=undoes,
        **{kind_of(thing): thing},
    )


def stored_text(thing: Thing, field: str) -> str:
    """What the database holds at this moment, whatever `thing` was read as."""
    return str(type(thing)._default_manager.values_list(field, flat=True).get(pk=thing.pk))


def thing_of(made: CatalogChange) -> Thing:
    """What a change is about."""
    thing = made.app or made.connection or made.function
    assert thing is not None  # the constraint one_thing_per_change
    return thing


def history(thing: Thing) -> list[CatalogChange]:
    """The latest changes of a thing, newest first, in one query."""
    rows = CatalogChange.objects.filter(**{kind_of(thing): thing})
    return list(rows.select_related("undone_by", "undoes")[:MOST])


def may_undo(made: CatalogChange, thing: Thing) -> bool:
    """Whether `undo` would go through, as far as `thing` was read."""
    return not hasattr(made, "undone_by") and getattr(thing, made.field) == made.after


def owners(workspace: Workspace) -> list[str]:
    """Every owner that the catalog names, in one query."""
    apps, connections, functions = (
        table._default_manager.filter(workspace=workspace).values_list("owner", flat=True)
        for table in (App, Connection, Function)
    )
    found = apps.order_by().union(connections.order_by(), functions.order_by())
    return sorted((owner for owner in found if owner), key=str.casefold)


def kind_of(thing: Thing) -> str:
    """What it is in a word, and the column of CatalogChange that points at it."""
    return {App: "app", Connection: "connection", Function: "function"}[type(thing)]
