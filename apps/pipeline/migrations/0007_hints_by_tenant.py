from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import F
from django.db.models.lookups import GreaterThan


class Migration(migrations.Migration):
    """A tenant's oldest work of a kind is found at once, however much another tenant has."""

    atomic = False
    dependencies = [("pipeline", "0006_turns_of_tenants")]
    operations = [
        AddIndexConcurrently(
            model_name="outboxmessage",
            index=models.Index(
                "stage", "lane", GreaterThan(F("shard"), 0), "tenant_id", "due_at", name="pipeline_outbox_by_tenant"
            ),
        ),
        RemoveIndexConcurrently(model_name="outboxmessage", name="pipeline_outbox_due"),
    ]
