import apps.common.ids
from django.db import migrations, models

from apps.tenants.isolation import TenantTable


class Migration(migrations.Migration):
    dependencies = [
        ("results", "0010_newest_decisions"),
    ]

    operations = [
        migrations.CreateModel(
            name="StoredAsking",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant_id", "id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=apps.common.ids.new_id, editable=False)),
                ("document_id", models.UUIDField()),
                ("run_id", models.UUIDField()),
                ("values", models.JSONField()),
                ("notes", models.JSONField()),
                ("alternatives", models.JSONField()),
                ("turns", models.JSONField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "run_id"), name="results_asking_once")],
            },
        ),
        TenantTable("results_storedasking", references={"document_id": "documents_document"}),
    ]
