from django.db import migrations

from apps.tenants.isolation import TenantTable


class Migration(migrations.Migration):
    """Row-level security for schemas. A version never changes, so nobody may update one."""

    dependencies = [("schemas", "0001_initial"), ("tenants", "0003_isolation")]
    operations = [TenantTable("schemas_schemaversion", append_only=True)]
