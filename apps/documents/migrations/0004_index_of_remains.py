from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The few deleted documents that may have left something are found without reading all."""

    atomic = False
    dependencies = [("documents", "0003_remains_of_the_deleted")]
    operations = [
        AddIndexConcurrently(
            model_name="document",
            index=models.Index(
                fields=["updated_at"], condition=models.Q(remains_id__isnull=False), name="documents_document_remains"
            ),
        ),
    ]
