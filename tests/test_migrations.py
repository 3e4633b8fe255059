"""Upgrade and downgrade: each migration can be taken back and done again, with rows in place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from cdpwatch.apps import lift_statement_timeout, restore_statement_timeout
from cdpwatch.models import Alert, App, Contract, SourceDay, Workspace, WorkspaceDay
from tests.factories import (
    NOW,
    make_alert,
    make_connection,
    make_delivery,
    make_workspace,
    record_days,
)

STEPS = sorted(key for key in MigrationLoader(None).graph.nodes if key[0] == "cdpwatch")
LASTING = (Workspace, App, WorkspaceDay, SourceDay, Alert)


@pytest.fixture
def rows(transactional_db: None) -> Iterator[list[str]]:
    """An installation with rows; whatever the test did, its tables are there again afterwards."""
    workspace = make_workspace()
    make_connection(workspace)
    record_days(workspace, [2_000_000] * 17)
    make_delivery(make_alert(workspace))
    yield census()
    migrate(STEPS[-1][1])


def migrate(step: str) -> None:
    call_command("migrate", "cdpwatch", step, verbosity=0)


def census() -> list[str]:
    return [repr(list(table.objects.order_by("pk").values())) for table in LASTING]


@pytest.mark.parametrize("step", [name for _, name in STEPS[:-1]])
def test_it_goes_back_and_forward_with_its_rows(rows: list[str], step: str) -> None:
    migrate(step)
    migrate(STEPS[-1][1])
    assert census() == rows


@pytest.mark.postgresql
def test_it_lets_a_migration_take_longer_than_a_page(db: None) -> None:
    def limits() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT setting FROM pg_settings"
                " WHERE name IN ('lock_timeout', 'statement_timeout') ORDER BY name"
            )
            return [value for (value,) in cursor.fetchall()]

    assert limits() == ["10000", "60000"]
    lift_statement_timeout(connection.alias)
    assert limits() == ["10000", "0"]
    restore_statement_timeout(connection.alias)
    assert limits() == ["10000", "60000"]


def test_it_gives_each_workspace_its_contract_when_it_goes_back(rows: list[str]) -> None:
    contract = Contract.objects.get()
    Contract.objects.update(period="quarter", confirmed_at=NOW, confirmed_by="ada")
    Workspace.objects.create(segment_id="ws2", name="Labs", contract=contract)
    migrate("0005_months_of_the_days")
    migrate(STEPS[-1][1])
    ours, labs = Workspace.objects.order_by("pk")
    assert (ours.contract, ours.contract_id != labs.contract_id) == (contract, True)
    told = Contract.objects.values_list("allowance", "period", "confirmed_by")
    assert list(told) == [(40_000_000, "month", "ada")] * 2
    assert [row.by for row in labs.contract.entries.all()] == ["ada"]
