from django.db import migrations

from apps.tenants.isolation import TenantTable


class Migration(migrations.Migration):
    """Row-level security for passages."""

    dependencies = [("search", "0001_initial"), ("documents", "0002_isolation")]
    operations = [TenantTable("search_storedpassage", references={"document_id": "documents_document"})]
