from django.db import migrations

from apps.tenants.isolation import TenantTable


class Migration(migrations.Migration):
    """Row-level security for blobs and documents."""

    dependencies = [("documents", "0001_initial"), ("tenants", "0003_isolation")]
    operations = [
        TenantTable("documents_blob"),
        TenantTable("documents_document", references={"blob_id": "documents_blob"}),
    ]
