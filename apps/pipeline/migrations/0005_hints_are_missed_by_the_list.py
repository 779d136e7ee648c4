from django.db import migrations

from apps.tenants.isolation import DropLookupFunction, LookupFunction


class Migration(migrations.Migration):
    """What a list has lost is found among the hints of all stages that share it, and not among those it still holds."""

    dependencies = [("pipeline", "0004_hints_know_their_piece")]
    operations = [
        DropLookupFunction(
            "lookup_outbox(grace interval)",
            returns="TABLE (stage varchar, lane varchar, further boolean, waiting bigint)",
            body="SELECT o.stage, o.lane, o.shard > 0, count(*) FROM pipeline_outboxmessage o "
            "WHERE o.due_at < clock_timestamp() - grace GROUP BY 1, 2, 3",
        ),
        DropLookupFunction(
            "lookup_hints(wanted_stage varchar, wanted_lane varchar, further boolean, grace interval, max_rows bigint)",
            returns="TABLE (tenant_id uuid, stage_run_id uuid, stage varchar, lane varchar, shard integer)",
            body="SELECT o.tenant_id, o.stage_run_id, o.stage, o.lane, o.shard FROM pipeline_outboxmessage o "
            "WHERE o.stage = wanted_stage AND o.lane = wanted_lane AND (o.shard > 0) = further "
            "AND o.due_at < clock_timestamp() - grace ORDER BY o.due_at LIMIT max_rows",
        ),
        LookupFunction(
            "lookup_outbox()",
            returns="TABLE (stage varchar, lane varchar, further boolean, waiting bigint)",
            body="SELECT o.stage, o.lane, o.shard > 0, count(*) FROM pipeline_outboxmessage o "
            "WHERE o.due_at < clock_timestamp() GROUP BY 1, 2, 3",
        ),
        LookupFunction(
            "lookup_hints(stages varchar[], lanes varchar[], further boolean[], held uuid[], grace interval, "
            "max_rows bigint)",
            returns="TABLE (tenant_id uuid, stage_run_id uuid, stage varchar, lane varchar, shard integer)",
            body="SELECT o.tenant_id, o.stage_run_id, o.stage, o.lane, o.shard FROM pipeline_outboxmessage o "
            "JOIN unnest(stages, lanes, further) AS w (stage, lane, further) "
            "ON o.stage = w.stage AND o.lane = w.lane AND (o.shard > 0) = w.further "
            "WHERE o.due_at < clock_timestamp() - grace "
            "AND NOT EXISTS (SELECT FROM unnest(held) AS h (id) WHERE h.id = o.stage_run_id) "
            "ORDER BY o.due_at LIMIT max_rows",
        ),
    ]
