import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cdpwatch", "0005_months_of_the_days"),
    ]

    operations = [
        migrations.CreateModel(
            name="Amendment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("currency", models.CharField(default="USD", max_length=3)),
                ("price", models.DecimalField(decimal_places=4, max_digits=16, null=True)),
                ("overage_price", models.DecimalField(decimal_places=4, max_digits=16, null=True)),
                ("overage_unit", models.PositiveIntegerField(default=1000000)),
                ("starts_on", models.DateField()),
                ("allowance", models.BigIntegerField(null=True)),
                (
                    "period",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("month", "a month"),
                            ("year", "a year"),
                            ("quarter", "a quarter"),
                            ("term", "for the whole term"),
                        ],
                        max_length=7,
                    ),
                ),
                ("cycle_day", models.PositiveSmallIntegerField(null=True)),
                ("ends_on", models.DateField(null=True)),
                ("whole", models.BooleanField(default=False)),
                ("priced", models.BooleanField(default=False)),
                ("note", models.CharField(blank=True, max_length=300)),
                ("entered_by", models.CharField(max_length=150)),
                ("entered_at", models.DateTimeField()),
                ("withdrawn_by", models.CharField(blank=True, max_length=150)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("withdrawn_why", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "ordering": ("starts_on", "pk"),
            },
        ),
        migrations.CreateModel(
            name="ContractEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("by", models.CharField(blank=True, max_length=150)),
                ("terms", models.JSONField()),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="DayNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("text", models.CharField(max_length=300)),
                ("by", models.CharField(max_length=150)),
                ("at", models.DateTimeField()),
                ("removed_by", models.CharField(blank=True, max_length=150)),
                ("removed_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("day", "pk"),
            },
        ),
        migrations.CreateModel(
            name="Invoice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.CharField(max_length=100)),
                ("period_start", models.DateField()),
                ("period_end", models.DateField()),
                ("calls", models.BigIntegerField()),
                ("amount", models.DecimalField(decimal_places=4, max_digits=16, null=True)),
                ("currency", models.CharField(default="USD", max_length=3)),
                ("entered_by", models.CharField(max_length=150)),
                ("entered_at", models.DateTimeField()),
                ("replaced_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("-period_start", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="InvoiceLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField(null=True)),
                ("source", models.CharField(blank=True, max_length=100)),
                ("calls", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="MonthClose",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("period_start", models.DateField()),
                ("period_end", models.DateField()),
                ("closed_by", models.CharField(max_length=150)),
                ("closed_at", models.DateTimeField()),
                ("stamp", models.CharField(max_length=64)),
                ("numbers", models.JSONField()),
                ("note", models.CharField(blank=True, max_length=300)),
                ("reopened_by", models.CharField(blank=True, max_length=150)),
                ("reopened_at", models.DateTimeField(null=True)),
                ("reopened_why", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "ordering": ("-period_start", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="PlannedEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("starts_on", models.DateField()),
                ("ends_on", models.DateField(null=True)),
                ("scale", models.FloatField(default=1.0)),
                ("per_day", models.FloatField(default=0.0)),
                ("planned_by", models.CharField(max_length=150)),
                ("planned_at", models.DateTimeField()),
                ("cancelled_by", models.CharField(blank=True, max_length=150)),
                ("cancelled_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("starts_on", "pk"),
            },
        ),
        migrations.CreateModel(
            name="Scenario",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("query", models.TextField()),
                ("made_by", models.CharField(max_length=150)),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="SubBudget",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("allowance", models.BigIntegerField()),
                ("by", models.CharField(max_length=11)),
                ("values", models.JSONField(default=list)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("entered_by", models.CharField(max_length=150)),
                ("entered_at", models.DateTimeField()),
                ("ended_by", models.CharField(blank=True, max_length=150)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("position", "pk"),
            },
        ),
        # Emptied and removed by the next two: a move of rows has a migration of its own.
        migrations.AlterField(
            model_name="contract",
            name="workspace",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="cdpwatch.workspace",
            ),
        ),
        migrations.AddField(
            model_name="contract",
            name="carries_over",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="contract",
            name="carry_cap",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="contract",
            name="cost_centre",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name="contract",
            name="currency",
            field=models.CharField(default="USD", max_length=3),
        ),
        migrations.AddField(
            model_name="contract",
            name="ends_on",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="contract",
            name="entered_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="contract",
            name="entered_by",
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.AddField(
            model_name="contract",
            name="name",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name="contract",
            name="overage_price",
            field=models.DecimalField(decimal_places=4, max_digits=16, null=True),
        ),
        migrations.AddField(
            model_name="contract",
            name="overage_unit",
            field=models.PositiveIntegerField(default=1000000),
        ),
        migrations.AddField(
            model_name="contract",
            name="price",
            field=models.DecimalField(decimal_places=4, max_digits=16, null=True),
        ),
        migrations.AddField(
            model_name="contract",
            name="purchase_order",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name="projection",
            name="inputs",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="workspace",
            name="contract",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="cdpwatch.contract",
            ),
        ),
        migrations.AlterField(
            model_name="contract",
            name="period",
            field=models.CharField(
                choices=[
                    ("month", "a month"),
                    ("year", "a year"),
                    ("quarter", "a quarter"),
                    ("term", "for the whole term"),
                ],
                default="month",
                max_length=7,
            ),
        ),
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_on", None), ("ends_on__gt", models.F("starts_on")), _connector="OR"
                ),
                name="contract_ends_after_its_start",
            ),
        ),
        migrations.AddField(
            model_name="amendment",
            name="contract",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="amendments",
                to="cdpwatch.contract",
            ),
        ),
        migrations.AddField(
            model_name="contractentry",
            name="contract",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="entries",
                to="cdpwatch.contract",
            ),
        ),
        migrations.AddField(
            model_name="daynote",
            name="contract",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="day_notes",
                to="cdpwatch.contract",
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="contract",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="invoices",
                to="cdpwatch.contract",
            ),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="invoice",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="lines",
                to="cdpwatch.invoice",
            ),
        ),
        migrations.AddField(
            model_name="monthclose",
            name="contract",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="closes",
                to="cdpwatch.contract",
            ),
        ),
        migrations.AddField(
            model_name="plannedevent",
            name="contract",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="planned_events",
                to="cdpwatch.contract",
            ),
        ),
        migrations.AddField(
            model_name="plannedevent",
            name="source",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="planned_events",
                to="cdpwatch.connection",
            ),
        ),
        migrations.AddField(
            model_name="scenario",
            name="contract",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="scenarios",
                to="cdpwatch.contract",
            ),
        ),
        migrations.AddField(
            model_name="subbudget",
            name="contract",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="sub_budgets",
                to="cdpwatch.contract",
            ),
        ),
        migrations.AddConstraint(
            model_name="amendment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawn_at", None)),
                fields=("contract", "starts_on"),
                name="one_amendment_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("replaced_at", None)),
                fields=("contract", "number"),
                name="one_invoice_of_a_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("period_end__gt", models.F("period_start"))),
                name="invoice_ends_after_its_start",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.UniqueConstraint(
                fields=("invoice", "day", "source"), name="one_line_of_an_invoice"
            ),
        ),
        migrations.AddConstraint(
            model_name="monthclose",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reopened_at", None)),
                fields=("contract", "period_start"),
                name="one_close_of_a_period",
            ),
        ),
        migrations.AddConstraint(
            model_name="monthclose",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reopened_at", None),
                    models.Q(("reopened_why", ""), _negated=True),
                    _connector="OR",
                ),
                name="reopened_with_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="plannedevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_on", None), ("ends_on__gt", models.F("starts_on")), _connector="OR"
                ),
                name="planned_event_ends_after_its_start",
            ),
        ),
        migrations.AddConstraint(
            model_name="scenario",
            constraint=models.UniqueConstraint(
                fields=("contract", "name"), name="one_scenario_of_a_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="subbudget",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)),
                fields=("contract", "name"),
                name="one_sub_budget_of_a_name",
            ),
        ),
    ]
