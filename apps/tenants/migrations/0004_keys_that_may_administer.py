from django.db import migrations, models

from apps.tenants.isolation import LOOKUP_ROLE, DropLookupFunction, LookupFunction


class Migration(migrations.Migration):
    """A key may change what models cost and are told only where it was made to; those that are there may go on.

    The version before, which may still run, makes keys without the column: the database's default is no.
    """

    dependencies = [("tenants", "0003_isolation")]
    operations = [
        migrations.AddField(
            model_name="apikey", name="may_administer", field=models.BooleanField(db_default=True)
        ),
        migrations.AlterField(
            model_name="apikey", name="may_administer", field=models.BooleanField(db_default=False)
        ),
        migrations.RunSQL(
            f"GRANT SELECT (may_administer) ON tenants_apikey TO {LOOKUP_ROLE}",
            f"REVOKE SELECT (may_administer) ON tenants_apikey FROM {LOOKUP_ROLE}",
        ),
        DropLookupFunction(
            "lookup_api_key(presented bytea)",
            returns="TABLE (tenant_id uuid, id uuid)",
            body="SELECT k.tenant_id, k.id FROM tenants_apikey k WHERE k.digest = presented AND k.revoked_at IS NULL",
        ),
        LookupFunction(
            "lookup_api_key(presented bytea)",
            returns="TABLE (tenant_id uuid, id uuid, may_administer boolean)",
            body="SELECT k.tenant_id, k.id, k.may_administer FROM tenants_apikey k "
            "WHERE k.digest = presented AND k.revoked_at IS NULL",
        ),
    ]
