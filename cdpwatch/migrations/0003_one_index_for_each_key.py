import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cdpwatch", "0002_edits_rejections_and_kept_snapshot"),
    ]

    operations = [
        migrations.AlterField(
            model_name="deliveryday",
            name="destination",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="cdpwatch.connection",
            ),
        ),
        migrations.AlterField(
            model_name="sourceday",
            name="source",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="days",
                to="cdpwatch.connection",
            ),
        ),
        migrations.AlterField(
            model_name="volumeday",
            name="source",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="cdpwatch.connection",
            ),
        ),
        migrations.AlterField(
            model_name="volumehour",
            name="source",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="cdpwatch.connection",
            ),
        ),
        migrations.AlterField(
            model_name="volumeminute",
            name="source",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="cdpwatch.connection",
            ),
        ),
        migrations.AlterField(
            model_name="workspaceday",
            name="workspace",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="days",
                to="cdpwatch.workspace",
            ),
        ),
        migrations.RemoveIndex(model_name="volumeday", name="cdpwatch_vo_bucket_c8f4b0_idx"),
    ]
