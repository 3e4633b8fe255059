"""Months of the days that were counted before there were months; as counting.rollups sums them."""

from calendar import monthrange
from collections import defaultdict

from django.db import migrations


def sum_days(apps, schema_editor):
    for whose, days, months in (
        ("source_id", "SourceDay", "SourceMonth"),
        ("workspace_id", "WorkspaceDay", "WorkspaceMonth"),
    ):
        counts = defaultdict(lambda: [0, 0])  # calls, days with a number
        rows = apps.get_model("cdpwatch", days).objects.values_list(
            whose, "day", "calls", "joint_since", "joint_calls"
        )
        for owner, day, calls, since, joint in rows.iterator():
            count = counts[owner, day.replace(day=1)]
            if calls is not None:
                count[:] = count[0] + calls, count[1] + 1
            if joint is not None:
                count[:] = count[0] + joint, count[1] + (day - since).days + 1
        table = apps.get_model("cdpwatch", months)
        table.objects.all().delete()
        table.objects.bulk_create(
            [
                table(
                    **{whose: owner, "month": month, "calls": calls, "unknown_days": length - known}
                )
                for (owner, month), (calls, known) in counts.items()
                if (length := monthrange(month.year, month.month)[1])
            ],
            batch_size=1000,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("cdpwatch", "0004_every_counter"),
    ]

    operations = [
        migrations.RunPython(sum_days, migrations.RunPython.noop),
    ]
