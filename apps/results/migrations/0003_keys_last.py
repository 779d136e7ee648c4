from django.db import migrations

# A foreign key's check is planned once a session. While a table is small and was never analysed, the planner takes
# the tenant for unique, finds every index that begins with it equally good, and keeps the smallest or the one made last:
# each check of a value's evidence then read all of the tenant's values. So the primary keys are made last, and the one
# index that could be smaller than a key goes: values are read by their result.
UNLINK = """
ALTER TABLE results_storedevidence DROP CONSTRAINT results_storedevidence_value_id_fk;
ALTER TABLE results_storedvalue DROP CONSTRAINT results_storedvalue_result_id_fk;
"""

REMAKE = """
ALTER TABLE results_storedvalue DROP CONSTRAINT results_storedvalue_pkey,
  ADD CONSTRAINT results_storedvalue_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE results_result DROP CONSTRAINT results_result_pkey,
  ADD CONSTRAINT results_result_pkey PRIMARY KEY (tenant_id, id);
"""

# The checks of the rows that are there read both sides as their owner, whom FORCE would hold too.
TABLES = ("results_result", "results_storedvalue", "results_storedevidence")
UNFORCE = "".join(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;" for table in TABLES)
FORCE = "".join(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY;" for table in TABLES)

LINK = """
ALTER TABLE results_storedvalue ADD CONSTRAINT results_storedvalue_result_id_fk
  FOREIGN KEY (tenant_id, result_id) REFERENCES results_result (tenant_id, id) ON DELETE CASCADE;
ALTER TABLE results_storedevidence ADD CONSTRAINT results_storedevidence_value_id_fk
  FOREIGN KEY (tenant_id, value_id) REFERENCES results_storedvalue (tenant_id, id) ON DELETE CASCADE;
"""


class Migration(migrations.Migration):
    """The primary keys are the indexes that foreign keys are checked by."""

    dependencies = [("results", "0002_isolation")]
    operations = [
        migrations.RemoveIndex(model_name="storedvalue", name="results_value_document"),
        migrations.RunSQL(UNFORCE + UNLINK + REMAKE + LINK + FORCE, migrations.RunSQL.noop),
    ]
