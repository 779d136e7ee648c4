from django.db import migrations

from apps.tenants.isolation import TenantTable


class Migration(migrations.Migration):
    """Row-level security for results."""

    dependencies = [("results", "0001_initial"), ("documents", "0002_isolation")]
    operations = [
        TenantTable("results_result", references={"document_id": "documents_document"}),
        TenantTable("results_storedvalue", references={"result_id": "results_result"}),
        TenantTable("results_storedevidence", references={"value_id": "results_storedvalue"}),
    ]
