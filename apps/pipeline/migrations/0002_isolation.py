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
            lookup=("tenant_id", "id", "stage", "lane", "status", "due_at", "sent_at", "lease_expires_at"),
        ),
        TenantTable(
            "pipeline_outboxmessage",
            references={"stage_run_id": "pipeline_stagerun"},
            lookup=("tenant_id", "id", "stage_run_id", "stage", "lane", "created_at"),
        ),
        LookupFunction(
            "lookup_lapsed(max_rows integer)",
            returns="TABLE (tenant_id uuid, id uuid, stage varchar, lane varchar)",
            body="SELECT s.tenant_id, s.id, s.stage, s.lane FROM pipeline_stagerun s "
            "WHERE s.status = 'running' AND s.lease_expires_at < clock_timestamp() "
            "ORDER BY s.lease_expires_at LIMIT max_rows",
        ),
        LookupFunction(
            "lookup_unclaimed(resend_after interval, max_rows integer)",
            returns="TABLE (tenant_id uuid, id uuid, stage varchar, lane varchar)",
            body="SELECT s.tenant_id, s.id, s.stage, s.lane FROM pipeline_stagerun s "
            "WHERE s.status = 'pending' AND s.due_at <= clock_timestamp() "
            "AND (s.sent_at IS NULL OR s.sent_at < clock_timestamp() - resend_after) "
            "ORDER BY s.due_at LIMIT max_rows",
        ),
        LookupFunction(
            "lookup_outbox(older_than interval, max_rows integer)",
            returns="TABLE (tenant_id uuid, id uuid, stage_run_id uuid, stage varchar, lane varchar)",
            body="SELECT o.tenant_id, o.id, o.stage_run_id, o.stage, o.lane FROM pipeline_outboxmessage o "
            "WHERE o.created_at < clock_timestamp() - older_than ORDER BY o.created_at LIMIT max_rows",
        ),
    ]
