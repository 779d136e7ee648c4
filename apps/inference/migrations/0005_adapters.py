import apps.common.ids
from django.db import migrations, models

from apps.tenants.isolation import TenantTable


class Migration(migrations.Migration):
    dependencies = [
        ("inference", "0004_ledger_by_document"),
    ]

    operations = [
        migrations.CreateModel(
            name="CacheSalt",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant_id", "id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=apps.common.ids.new_id, editable=False)),
                ("salt", models.CharField(max_length=100)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant_id",), name="inference_salt_once")],
            },
        ),
        migrations.CreateModel(
            name="StoredAdapter",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant_id", "id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=apps.common.ids.new_id, editable=False)),
                ("profile", models.CharField(max_length=63)),
                ("name", models.CharField(max_length=128)),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "profile"), name="inference_adapter_once")
                ],
            },
        ),
        TenantTable("inference_cachesalt"),
        TenantTable("inference_storedadapter"),
    ]
