from django.db import migrations, models

from apps.tenants.isolation import LOOKUP_ROLE, DropLookupFunction, LookupFunction


class Migration(migrations.Migration):
    """A hint that is sent again goes where it was sent first: behind the first pieces, where it is a further one."""

    dependencies = [("pipeline", "0003_what_a_stopped_attempt_had_done")]
    operations = [
        migrations.AddField(model_name="outboxmessage", name="shard", field=models.IntegerField(db_default=0)),
        migrations.RunSQL(
            f"GRANT SELECT (shard) ON pipeline_outboxmessage TO {LOOKUP_ROLE}",
            f"REVOKE SELECT (shard) ON pipeline_outboxmessage FROM {LOOKUP_ROLE}",
        ),
        DropLookupFunction(
            "lookup_outbox(grace interval)",
            returns="TABLE (stage varchar, lane varchar, waiting bigint)",
            body="SELECT o.stage, o.lane, count(*) FROM pipeline_outboxmessage o "
            "WHERE o.due_at < clock_timestamp() - grace GROUP BY o.stage, o.lane",
        ),
        DropLookupFunction(
            "lookup_hints(wanted_stage varchar, wanted_lane varchar, grace interval, max_rows bigint)",
            returns="TABLE (tenant_id uuid, stage_run_id uuid, stage varchar, lane varchar)",
            body="SELECT o.tenant_id, o.stage_run_id, o.stage, o.lane FROM pipeline_outboxmessage o "
            "WHERE o.stage = wanted_stage AND o.lane = wanted_lane AND o.due_at < clock_timestamp() - grace "
            "ORDER BY o.due_at LIMIT max_rows",
        ),
        LookupFunction(
            "lookup_outbox(grace interval)",
            returns="TABLE (stage varchar, lane varchar, further boolean, waiting bigint)",
            body="SELECT o.stage, o.lane, o.shard > 0, count(*) FROM pipeline_outboxmessage o "
            "WHERE o.due_at < clock_timestamp() - grace GROUP BY 1, 2, 3",
        ),
        LookupFunction(
            "lookup_hints(wanted_stage varchar, wanted_lane varchar, further boolean, grace interval, max_rows bigint)",
            returns="TABLE (tenant_id uuid, stage_run_id uuid, stage varchar, lane varchar, shard integer)",
            body="SELECT o.tenant_id, o.stage_run_id, o.stage, o.lane, o.shard FROM pipeline_outboxmessage o "
            "WHERE o.stage = wanted_stage AND o.lane = wanted_lane AND (o.shard > 0) = further "
            "AND o.due_at < clock_timestamp() - grace ORDER BY o.due_at LIMIT max_rows",
        ),
    ]
