from importlib import import_module

from django.db import migrations

BEFORE = import_module("apps.results.migrations.0007_current_values").VIEW.replace("CREATE VIEW", "CREATE OR REPLACE VIEW")
# A decision on the whole document, whose path is "", is none on a value.
VIEW = BEFORE.replace("FROM results_decision ORDER BY", "FROM results_decision WHERE path <> '' ORDER BY")


class Migration(migrations.Migration):
    """Decisions on whole documents beside those on values."""

    dependencies = [("results", "0008_stretches")]
    operations = [migrations.RunSQL(VIEW, BEFORE)]
