"""People's texts: kept with their history, undone once, and overwritten by nobody unseen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdpwatch import catalog, editing
from cdpwatch.editing import ChangedMeanwhile, UndoneAlready
from cdpwatch.models import CatalogChange, Connection, Function, Workspace
from tests.factories import (
    NOW,
    make_app,
    make_connection,
    make_listed,
    make_listed_function,
    make_workspace_reading,
)

LATER = NOW + timedelta(hours=1)


def write(thing: editing.Thing, after: str, seen: str = "", field: str = "notes") -> CatalogChange:
    made = editing.change(thing, field, after, seen, "ana", NOW)
    assert made is not None
    return made


def told(thing: editing.Thing) -> list[tuple[str, str]]:
    return [(row.before, row.after) for row in editing.history(thing)]


@pytest.fixture
def source(workspace: Workspace) -> Connection:
    return make_connection(workspace)


@pytest.mark.parametrize("field", editing.LIMITS)
def test_it_writes_each_text_of_each_kind_of_thing(workspace: Workspace, field: str) -> None:
    for thing in (make_app(workspace), make_connection(workspace), Function.objects.get()):
        seen = getattr(thing, field)
        made = write(thing, "Ours", seen, field)
        assert (made.before, made.after, made.by, made.at) == (seen, "Ours", "ana", NOW)
        assert (editing.thing_of(made), getattr(thing, field)) == (thing, "Ours")
        thing.refresh_from_db()
        assert getattr(thing, field) == "Ours"
        assert editing.history(thing) == [made]


def test_it_writes_nothing_when_nothing_changes(source: Connection) -> None:
    write(source, "One\nTwo")
    assert editing.change(source, "notes", "One\r\nTwo \n", "One\nTwo", "bob", LATER) is None
    # Somebody who never saw the text, and says the same, is of one mind with it.
    assert editing.change(source, "notes", "One\nTwo", "", "bob", LATER) is None
    assert len(editing.history(source)) == 1


def test_it_refuses_to_overwrite_what_its_writer_has_not_seen(source: Connection) -> None:
    stale = Connection.objects.get(pk=source.pk)
    write(source, "From Ana")
    with pytest.raises(ChangedMeanwhile) as refused:
        write(stale, "From Bob")
    assert (refused.value.field, refused.value.stored) == ("notes", "From Ana")
    source.refresh_from_db()
    assert (source.notes, told(source)) == ("From Ana", [("", "From Ana")])


def test_it_takes_line_breaks_of_a_browser_for_what_was_seen(source: Connection) -> None:
    write(source, "One\nTwo")
    assert write(source, "Three", seen="One\r\nTwo").before == "One\nTwo"


def test_it_undoes_a_change_by_a_change_that_points_at_it(source: Connection) -> None:
    write(source, "First")
    second = write(source, "Second", seen="First")
    undone = editing.undo(second, "bob", LATER)
    source.refresh_from_db()
    assert (source.notes, undone.undoes, undone.by) == ("First", second, "bob")
    assert told(source) == [("Second", "First"), ("First", "Second"), ("", "First")]
    assert editing.undo(undone, "bob", LATER).after == "Second"  # and back again


def test_it_undoes_a_change_once(source: Connection) -> None:
    made = write(source, "First")
    editing.undo(made, "ana", LATER)
    write(source, "First")  # as if it had never been undone
    with pytest.raises(UndoneAlready):
        editing.undo(made, "ana", LATER)
    source.refresh_from_db()
    assert source.notes == "First"


def test_it_undoes_nothing_that_was_written_over(source: Connection) -> None:
    made = write(source, "First")
    write(source, "Second", seen="First")
    with pytest.raises(ChangedMeanwhile) as refused:
        editing.undo(made, "ana", LATER)
    assert refused.value.stored == "Second"
    assert len(editing.history(source)) == 2


def test_it_offers_to_undo_what_undo_would_take_back(source: Connection) -> None:
    write(source, "First")
    write(source, "Ana", field="owner")
    write(source, "Second", seen="First")
    editing.undo(editing.history(source)[0], "ana", LATER)
    source.refresh_from_db()
    offered = [editing.may_undo(row, source) for row in editing.history(source)]
    # The undo itself; not what it undid; the owner; and First, which is there again.
    assert offered == [True, False, True, True]


def test_it_keeps_the_histories_of_things_apart(workspace: Workspace, source: Connection) -> None:
    app, other = make_app(workspace, pk=source.pk + 100), make_connection(workspace, "src2")
    write(source, "Mine")
    assert editing.history(app) == editing.history(other) == []


def test_it_knows_every_owner_once(workspace: Workspace, source: Connection) -> None:
    make_app(workspace, owner="data")
    make_connection(workspace, "src2", owner="Growth")
    Function.objects.update(owner="data")
    assert editing.owners(workspace) == ["data", "Growth"]


def test_it_is_not_touched_by_a_poll(workspace: Workspace) -> None:
    function = make_listed_function(description="As Segment has it")
    listed = (make_workspace_reading(), [make_listed()], [function])
    catalog.record(workspace, *listed, NOW)
    source, livestorm = Connection.objects.get(), Function.objects.get()
    for thing in (source, livestorm):
        for field in editing.LIMITS:
            write(thing, f"Our {field}", getattr(thing, field), field)
    write(livestorm, "", "Our description", "description")  # emptied on purpose
    with CaptureQueriesContext(connection) as seen:
        catalog.record(workspace, *listed, LATER)
    for thing in (source, livestorm):
        thing.refresh_from_db()
        assert (thing.owner, thing.notes) == ("Our owner", "Our notes")
    assert (source.description, livestorm.description) == ("Our description", "")
    assert CatalogChange.objects.count() == 7
    # Nor does it write back what it has read: somebody may have saved in between.
    updates = [query["sql"] for query in seen if query["sql"].startswith("UPDATE")]
    assert [sql for sql in updates if "last_seen" in sql]
    assert not [sql for sql in updates if '"notes" =' in sql]


def test_it_goes_with_what_it_is_about_and_not_before(source: Connection) -> None:
    write(source, "Mine")
    Connection.objects.update(retired_at=NOW)
    assert len(editing.history(source)) == 1
