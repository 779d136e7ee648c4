from django.db import migrations

from apps.tenants.isolation import TenantTable


class Migration(migrations.Migration):
    """Row-level security for what was parsed."""

    dependencies = [("parsing", "0001_initial"), ("documents", "0002_isolation")]
    operations = [
        TenantTable("parsing_storedparse", references={"blob_id": "documents_blob"}),
        TenantTable("parsing_storedpage", references={"blob_id": "documents_blob"}),
        TenantTable("parsing_storedattachment", references={"blob_id": "documents_blob"}),
    ]
