"""The sheet that pages read: kept by an evaluation, and counted anew where it does not hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection

from cdpwatch import people, rulebook, snapshot, watch
from cdpwatch.models import Connection, KeptSnapshot, Role, User, Workspace, WorkspaceDay
from tests.factories import NOW, TODAY, at, bill, make_live, make_sources

MINUTE = timedelta(minutes=1)
MARK = 123_456_789  # what a page shows that reads the kept row


@pytest.fixture
def source(workspace: Workspace) -> Connection:
    bill(workspace, TODAY, 1_000_000)
    WorkspaceDay.objects.filter(day=date(2026, 11, 5)).update(calls=None, reason="Lost.")
    return make_sources(workspace, 2, NOW)[0]


def leak(source: Connection) -> None:
    for minute in range(2, 30):
        make_live(source, NOW - minute * MINUTE, 500, "page", "Home")


def evaluated(workspace: Workspace) -> None:
    """Evaluate, and mark what was kept, so that a page which reads it can be told."""
    watch.evaluate(workspace, NOW)
    kept = KeptSnapshot.objects.get(workspace=workspace)
    body = msgspec.json.decode(kept.body)
    body["remainder"] = MARK
    KeptSnapshot.objects.update(body=msgspec.json.encode(body))


def reads_kept(workspace: Workspace, now: datetime = NOW) -> bool:
    return snapshot.current(workspace, now).remainder == MARK


def as_plain(sheet: snapshot.Sheet) -> dict[str, object]:
    return {field.name: getattr(sheet, field.name) for field in fields(sheet)}


def test_it_keeps_all_that_was_counted(workspace: Workspace, source: Connection) -> None:
    leak(source)
    counted = snapshot.current(workspace, NOW)
    assert counted.found
    assert counted.sources[0].verdicts
    watch.evaluate(workspace, NOW)
    kept = snapshot.current(workspace, NOW + MINUTE)
    assert kept.made_at == NOW
    assert kept.ahead  # a page that counts for itself does not project each source
    assert as_plain(replace(kept, ahead=None)) == as_plain(counted)


def test_it_is_read_while_it_is_young(workspace: Workspace, source: Connection) -> None:
    evaluated(workspace)
    assert reads_kept(workspace, NOW + snapshot.FRESH)
    assert reads_kept(workspace, NOW - MINUTE)  # the worker's clock goes a little before ours
    assert not reads_kept(workspace, NOW + snapshot.FRESH + MINUTE)


def test_it_ends_with_its_day(workspace: Workspace, source: Connection) -> None:
    late = at(18, 23, 59)
    watch.evaluate(workspace, late)
    assert snapshot.current(workspace, late + MINUTE).made_at == late + MINUTE


def confirm_contract(workspace: Workspace) -> None:
    workspace.contract.confirmed_at = NOW
    workspace.contract.save()


def change_policy(workspace: Workspace) -> None:
    rulebook.want_in_app_pages(workspace, True, "ann")


def note_act(workspace: Workspace) -> None:
    people.note(User.objects.create(username="ann", role=Role.ADMIN), "environments", "catalog")


@pytest.mark.parametrize("change", [confirm_contract, change_policy, note_act])
def test_it_shows_a_change_by_a_person_at_once(
    workspace: Workspace, source: Connection, change: Callable[[Workspace], None]
) -> None:
    evaluated(workspace)
    assert reads_kept(workspace)
    change(workspace)
    assert not reads_kept(workspace)


def test_it_does_not_outlive_a_change_made_while_it_was_counted(
    workspace: Workspace, source: Connection
) -> None:
    changed: list[str] = []

    def meanwhile(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if "volumeday" in sql and not changed:  # the rules have been read by now
            changed.append(sql)
            change_policy(workspace)
        return execute(sql, *rest)

    with connection.execute_wrapper(meanwhile):
        watch.evaluate(workspace, NOW)
    assert changed
    assert snapshot.current(workspace, NOW + MINUTE).made_at == NOW + MINUTE


def test_it_counts_anew_what_another_release_has_kept(
    workspace: Workspace, source: Connection
) -> None:
    watch.evaluate(workspace, NOW)
    KeptSnapshot.objects.update(body=b'{"made_at": "2026-11-18T12:05:30Z"}')
    assert snapshot.current(workspace, NOW).standing.used > 0


def test_it_does_not_keep_an_empty_workspace(workspace: Workspace) -> None:
    watch.evaluate(workspace, NOW)
    bill(workspace, TODAY, 1_000)
    assert snapshot.current(workspace, NOW + MINUTE).used_by_day


def test_it_holds_the_last_evaluation_alone(workspace: Workspace, source: Connection) -> None:
    watch.evaluate(workspace, NOW)
    watch.evaluate(workspace, NOW + MINUTE)
    assert KeptSnapshot.objects.get().made_at == NOW + MINUTE
