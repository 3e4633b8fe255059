import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cdpwatch", "0008_contract_without_workspace"),
    ]

    operations = [
        migrations.AddField(
            model_name="workspace",
            name="country",
            field=models.CharField(blank=True, max_length=2),
        ),
        migrations.AlterModelOptions(name="scenario", options={"ordering": ("name", "pk")}),
        migrations.AddField(
            model_name="scenario",
            name="removed_by",
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.AddField(
            model_name="scenario",
            name="removed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RemoveConstraint(
            model_name="scenario",
            name="one_scenario_of_a_name",
        ),
        migrations.AddConstraint(
            model_name="scenario",
            constraint=models.UniqueConstraint(
                condition=models.Q(("removed_at", None)),
                fields=("contract", "name"),
                name="one_scenario_of_a_name",
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="note",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name="invoice",
            name="replaced_by",
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.CreateModel(
            name="Replay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("as_of", models.DateField()),
                ("period_start", models.DateField()),
                ("period_end", models.DateField()),
                ("since", models.DateField()),
                ("method", models.CharField(max_length=60)),
                ("quantiles", models.JSONField(default=dict)),
                ("made_at", models.DateTimeField()),
                (
                    "contract",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="replays",
                        to="cdpwatch.contract",
                    ),
                ),
            ],
            options={
                "ordering": ("as_of",),
                "constraints": (
                    models.UniqueConstraint(fields=("contract", "as_of"), name="one_replay_a_day"),
                ),
            },
        ),
    ]
