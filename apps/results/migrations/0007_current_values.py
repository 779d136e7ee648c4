from django.db import migrations

from apps.tenants.isolation import APPLICATION_ROLE

# Values as `queries.results_of` shows them, for what reads rows: with the last decision on each laid over. It reads as
# its caller, so row-level security holds as on the tables. All decisions that hold are one scan by their unique index:
# they are few beside the values.
VIEW = f"""
CREATE VIEW results_currentvalue WITH (security_invoker = true) AS
WITH holding AS (
  SELECT DISTINCT ON (tenant_id, result_id, path)
    tenant_id, id, result_id, path, kind, verdict, value, number, date
  FROM results_decision ORDER BY tenant_id, result_id, path, turn DESC
)
SELECT v.tenant_id, v.id, v.result_id, v.ordinal, v.path, v.kind,
       CASE WHEN d.verdict <> 'reject' THEN d.value ELSE v.value END AS value,
       CASE WHEN d.verdict <> 'reject' THEN d.number ELSE v.number END AS number,
       CASE WHEN d.verdict <> 'reject' THEN d.date ELSE v.date END AS date,
       CASE WHEN d.verdict <> 'reject' AND d.value <> v.value THEN 'review' ELSE v.engine END AS engine,
       CASE WHEN d.verdict <> 'reject' AND d.value <> v.value THEN 1.0 ELSE v.confidence END AS confidence,
       CASE WHEN d.verdict IS NULL THEN v.status WHEN d.verdict = 'reject' THEN 'rejected' ELSE 'accepted' END AS status
FROM results_storedvalue v
LEFT JOIN holding d ON d.tenant_id = v.tenant_id AND d.result_id = v.result_id AND d.path = v.path
UNION ALL
SELECT d.tenant_id, d.id, d.result_id, 2147483647, d.path, d.kind, d.value, d.number, d.date, 'review', 1.0, 'accepted'
FROM holding d
WHERE d.verdict <> 'reject' AND NOT EXISTS (
  SELECT FROM results_storedvalue v
  WHERE v.tenant_id = d.tenant_id AND v.result_id = d.result_id AND v.path = d.path
);
GRANT SELECT ON results_currentvalue TO {APPLICATION_ROLE};
"""


class Migration(migrations.Migration):
    """Values with what people decided laid over them."""

    dependencies = [("results", "0006_score")]
    operations = [migrations.RunSQL(VIEW, "DROP VIEW results_currentvalue")]
