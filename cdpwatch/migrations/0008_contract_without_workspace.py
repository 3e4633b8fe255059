import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cdpwatch", "0007_workspaces_of_a_contract"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="contract",
            name="workspace",
        ),
        migrations.AlterField(
            model_name="workspace",
            name="contract",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="workspaces",
                related_query_name="workspace",
                to="cdpwatch.contract",
            ),
        ),
    ]
