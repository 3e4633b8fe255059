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
    ]
