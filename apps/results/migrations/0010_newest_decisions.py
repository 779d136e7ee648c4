from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """A schema's newest decisions are looked up for each document: their ids come from the index alone, in its order."""

    atomic = False
    dependencies = [("results", "0009_whole_documents")]
    operations = [
        AddIndexConcurrently(
            model_name="decision",
            index=models.Index(
                fields=["tenant_id", "schema_slug", "-decided_at", "-turn", "-id"], name="results_decision_newest"
            ),
        ),
        RemoveIndexConcurrently(model_name="decision", name="results_decision_schema"),
    ]
