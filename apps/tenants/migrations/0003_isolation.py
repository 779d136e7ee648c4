from django.db import migrations

from apps.tenants.isolation import LookupFunction, TenantTable


class Migration(migrations.Migration):
    """Row-level security for the tenants' own tables, and how a key or a person finds its tenant."""

    dependencies = [
        ("tenants", "0002_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("sessions", "0001_initial"),
    ]
    operations = [
        TenantTable("tenants_tenant", key="id", lookup=("id", "slug", "name")),
        TenantTable("tenants_membership", lookup=("tenant_id", "user_id", "role")),
        TenantTable("tenants_apikey", lookup=("tenant_id", "id", "digest", "revoked_at")),
        migrations.RunSQL(
            [
                "ALTER TABLE tenants_membership ADD CONSTRAINT tenants_membership_tenant_fk "
                "FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id) ON DELETE CASCADE",
                "ALTER TABLE tenants_membership ADD CONSTRAINT tenants_membership_user_fk "
                "FOREIGN KEY (user_id) REFERENCES tenants_user (id) ON DELETE CASCADE",
                "ALTER TABLE tenants_apikey ADD CONSTRAINT tenants_apikey_tenant_fk "
                "FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id) ON DELETE CASCADE",
                "GRANT SELECT, INSERT, UPDATE ON tenants_user TO quire_app",
                "GRANT SELECT, INSERT, UPDATE, DELETE ON django_session TO quire_app",
                "GRANT SELECT ON django_content_type, django_migrations TO quire_app",
            ],
            migrations.RunSQL.noop,
        ),
        LookupFunction(
            "lookup_api_key(presented bytea)",
            returns="TABLE (tenant_id uuid, id uuid)",
            body="SELECT k.tenant_id, k.id FROM tenants_apikey k WHERE k.digest = presented AND k.revoked_at IS NULL",
        ),
        LookupFunction(
            "lookup_memberships(member uuid)",
            returns="TABLE (tenant_id uuid, slug varchar, name varchar, role varchar)",
            body="SELECT t.id, t.slug, t.name, m.role FROM tenants_membership m JOIN tenants_tenant t ON t.id = m.tenant_id "
            "WHERE m.user_id = member ORDER BY t.name",
        ),
        LookupFunction(
            "lookup_tenant(wanted varchar)",
            returns="uuid",
            body="SELECT t.id FROM tenants_tenant t WHERE t.slug = wanted",
        ),
    ]
