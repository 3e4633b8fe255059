"""A workspace names its contract, no longer the contract its workspace; terms become an entry."""

from django.db import migrations

FIELDS = ("allowance", "period", "cycle_day")


def charge_to_contracts(apps, schema_editor):
    workspaces = apps.get_model("cdpwatch", "Workspace").objects
    entries = apps.get_model("cdpwatch", "ContractEntry").objects
    for row in apps.get_model("cdpwatch", "Contract").objects.select_related("workspace"):
        workspaces.filter(pk=row.workspace_id).update(contract=row)
        confirmed = row.confirmed_at.isoformat() if row.confirmed_at else None
        terms = {name: getattr(row, name) for name in FIELDS}
        terms |= {"starts_on": row.starts_on.isoformat(), "confirmed_at": confirmed}
        at = row.confirmed_at or row.workspace.created_at
        entries.create(contract=row, at=at, by=row.confirmed_by, terms=terms)


def charge_to_workspaces(apps, schema_editor):
    """Back to a contract for each workspace: those that shared one have the same terms each.

    There were neither quarters nor terms: they become months.
    """
    contracts = apps.get_model("cdpwatch", "Contract").objects
    contracts.filter(period__in=("quarter", "term")).update(period="month")
    for workspace in apps.get_model("cdpwatch", "Workspace").objects.exclude(contract=None):
        row = workspace.contract
        if row.workspace_id is not None:
            row.pk = None
            row._state.adding = True
        row.workspace = workspace
        row.save()
    contracts.filter(workspace=None).delete()
    apps.get_model("cdpwatch", "ContractEntry").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("cdpwatch", "0006_budget_for_finance"),
    ]

    operations = [
        migrations.RunPython(charge_to_contracts, charge_to_workspaces),
    ]
