from django.db import migrations

# The roles may be there already: the embedded stack makes them with passwords, and a cluster shares them between
# databases. A login that may not create roles gets told what to ask its administrator for.
ROLES = """
DO $do$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['quire_app', 'quire_lookup'] LOOP
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS', wanted);
      END IF;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the database login may not create roles: ask an administrator to run deploy/postgres/roles.sql';
    END;
    IF NOT pg_has_role(current_user, wanted, 'SET') THEN
      EXECUTE format('GRANT %I TO CURRENT_USER WITH SET TRUE', wanted);
    END IF;
  END LOOP;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'quire_app' AND (rolsuper OR rolbypassrls)) THEN
    RAISE EXCEPTION 'the role quire_app may skip row-level security: take SUPERUSER and BYPASSRLS from it';
  END IF;
END
$do$;
GRANT USAGE ON SCHEMA public TO quire_app, quire_lookup;
"""

SCOPE = """
CREATE FUNCTION app_tenant() RETURNS uuid LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  scope text := nullif(current_setting('app.tenant', true), '');
BEGIN
  IF scope IS NULL THEN
    RAISE EXCEPTION 'no tenant scope is set' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN scope::uuid;
END
$body$;
"""


class Migration(migrations.Migration):
    """The roles, and the scope that row-level security compares with."""

    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(ROLES, migrations.RunSQL.noop),
        migrations.RunSQL(SCOPE, "DROP FUNCTION app_tenant()"),
    ]
