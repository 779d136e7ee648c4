from django.db import migrations, models

from apps.tenants.isolation import LOOKUP_ROLE, LookupFunction


class Migration(migrations.Migration):
    """What a worker stored of a document as it was deleted is found again, and deleted too."""

    dependencies = [("documents", "0002_isolation")]
    operations = [
        migrations.AddField(model_name="document", name="remains_id", field=models.UUIDField(null=True)),
        migrations.RunSQL(
            f"CREATE POLICY lookup_reads ON documents_document FOR SELECT TO {LOOKUP_ROLE} USING (true); "
            f"GRANT SELECT (tenant_id, id, remains_id, updated_at) ON documents_document TO {LOOKUP_ROLE}",
            f"REVOKE SELECT (tenant_id, id, remains_id, updated_at) ON documents_document FROM {LOOKUP_ROLE}; "
            "DROP POLICY lookup_reads ON documents_document",
        ),
        LookupFunction(
            "lookup_remains(grace interval, max_rows integer)",
            returns="TABLE (tenant_id uuid, id uuid)",
            body="SELECT d.tenant_id, d.id FROM documents_document d WHERE d.remains_id IS NOT NULL "
            "AND d.updated_at < clock_timestamp() - grace ORDER BY d.updated_at LIMIT max_rows",
        ),
    ]
