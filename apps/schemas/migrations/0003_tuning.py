import apps.common.ids
from django.db import migrations, models

from apps.tenants.isolation import TenantTable


class Migration(migrations.Migration):
    dependencies = [
        ("schemas", "0002_isolation"),
    ]

    operations = [
        migrations.CreateModel(
            name="StoredTuning",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant_id", "id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=apps.common.ids.new_id, editable=False)),
                ("schema_slug", models.CharField(blank=True, max_length=63)),
                ("instructions", models.TextField(blank=True)),
                ("glossary", models.JSONField(default=list)),
                ("examples", models.IntegerField(null=True)),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "schema_slug"), name="schemas_tuning_once"),
                    models.CheckConstraint(
                        condition=models.Q(("examples__isnull", True), ("examples__gte", 0), _connector="OR"),
                        name="schemas_tuning_examples_counted",
                    ),
                ],
            },
        ),
        TenantTable("schemas_storedtuning"),
    ]
