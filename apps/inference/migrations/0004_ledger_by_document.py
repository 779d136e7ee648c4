from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """What a document has cost, without a lock on the ledger while the index is built."""

    atomic = False

    dependencies = [
        ('inference', '0003_budgets'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='modelcall',
            index=models.Index(fields=['tenant_id', 'document_id'], name='inference_call_document'),
        ),
    ]
