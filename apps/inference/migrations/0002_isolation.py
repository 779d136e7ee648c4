from django.db import migrations

from apps.tenants.isolation import TenantTable


class Migration(migrations.Migration):
    """Row-level security for the ledger, which only grows."""

    dependencies = [("inference", "0001_initial"), ("tenants", "0003_isolation")]
    operations = [TenantTable("inference_modelcall", append_only=True)]
