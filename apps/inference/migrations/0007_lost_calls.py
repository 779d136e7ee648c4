from django.db import migrations, models

from apps.tenants.isolation import LOOKUP_ROLE, LookupFunction


class Migration(migrations.Migration):
    """What the ledger says of a call whose worker was lost, and what the sweeper may see to find one."""

    dependencies = [
        ("inference", "0006_predicted_tokens"),
    ]

    operations = [
        migrations.AddField(
            model_name="storedreservation",
            name="engine",
            field=models.CharField(blank=True, db_default="", max_length=63),
        ),
        migrations.AddField(
            model_name="storedreservation",
            name="prompt_tokens",
            field=models.IntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name="storedreservation",
            name="images",
            field=models.IntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name="storedreservation",
            name="price_date",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="storedreservation",
            name="lane",
            field=models.CharField(blank=True, db_default="", max_length=16),
        ),
        migrations.AddField(
            model_name="storedreservation",
            name="document_pages",
            field=models.IntegerField(db_default=0),
        ),
        migrations.RunSQL(
            f"CREATE POLICY lookup_reads ON inference_storedreservation FOR SELECT TO {LOOKUP_ROLE} USING (true); "
            f"GRANT SELECT (tenant_id, id, expires_at) ON inference_storedreservation TO {LOOKUP_ROLE}",
            f"REVOKE SELECT (tenant_id, id, expires_at) ON inference_storedreservation FROM {LOOKUP_ROLE}; "
            "DROP POLICY lookup_reads ON inference_storedreservation",
        ),
        LookupFunction(
            "lookup_expired_reservations(max_rows integer)",
            returns="TABLE (tenant_id uuid, id uuid)",
            body="SELECT r.tenant_id, r.id FROM inference_storedreservation r "
            "WHERE r.expires_at <= clock_timestamp() ORDER BY r.expires_at LIMIT max_rows",
        ),
    ]
