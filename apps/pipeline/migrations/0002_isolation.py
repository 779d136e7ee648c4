from django.db import migrations

from apps.tenants.isolation import LookupFunction, TenantTable


class Migration(migrations.Migration):
    """Row-level security for the pipeline's state, and what the sweeper may see of it across tenants."""

    dependencies = [("pipeline", "0001_initial"), ("documents", "0002_isolation")]
    operations = [
        TenantTable("pipeline_run", references={"document_id": "documents_document"}),
        TenantTable(
            "pipeline_stagerun",
            references={"run_id": "pipeline_run"},
            lookup=("tenant_id", "id", "stage", "lane", "status", "lease_expires_at"),
        ),
        TenantTable(
            "pipeline_outboxmessage",
            references={"stage_run_id": "pipeline_stagerun"},
            lookup=("tenant_id", "stage_run_id", "stage", "lane", "due_at"),
        ),
        LookupFunction(
            "lookup_lapsed(max_rows integer)",
            returns="TABLE (tenant_id uuid, id uuid, stage varchar, lane varchar)",
            body="SELECT s.tenant_id, s.id, s.stage, s.lane FROM pipeline_stagerun s "
            "WHERE s.status = 'running' AND s.lease_expires_at < clock_timestamp() "
            "ORDER BY s.lease_expires_at LIMIT max_rows",
        ),
        LookupFunction(
            "lookup_outbox(grace interval)",
            returns="TABLE (stage varchar, lane varchar, waiting bigint)",
            body="SELECT o.stage, o.lane, count(*) FROM pipeline_outboxmessage o "
            "WHERE o.due_at < clock_timestamp() - grace GROUP BY o.stage, o.lane",
        ),
        LookupFunction(
            "lookup_hints(wanted_stage varchar, wanted_lane varchar, grace interval, max_rows bigint)",
            returns="TABLE (tenant_id uuid, stage_run_id uuid, stage varchar, lane varchar)",
            body="SELECT o.tenant_id, o.stage_run_id, o.stage, o.lane FROM pipeline_outboxmessage o "
            "WHERE o.stage = wanted_stage AND o.lane = wanted_lane AND o.due_at < clock_timestamp() - grace "
            "ORDER BY o.due_at LIMIT max_rows",
        ),
    ]
