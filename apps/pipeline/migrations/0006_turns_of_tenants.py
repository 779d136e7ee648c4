import apps.common.ids
from django.db import migrations, models

from apps.tenants.isolation import DropLookupFunction, LookupFunction, TenantTable


class Migration(migrations.Migration):
    """Whose turn it is at a pool of workers is found across tenants; a hint says only what kind of work is due."""

    dependencies = [("pipeline", "0005_hints_are_missed_by_the_list")]
    operations = [
        migrations.CreateModel(
            name="Turn",
            fields=[
                ("pk", models.CompositePrimaryKey("tenant_id", "id", blank=True, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=apps.common.ids.new_id, editable=False)),
                ("queue", models.CharField(max_length=32)),
                ("served_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "queue"), name="pipeline_turn_once")],
            },
        ),
        TenantTable("pipeline_turn", lookup=("tenant_id", "queue", "served_at")),
        DropLookupFunction(
            "lookup_outbox()",
            returns="TABLE (stage varchar, lane varchar, further boolean, waiting bigint)",
            body="SELECT o.stage, o.lane, o.shard > 0, count(*) FROM pipeline_outboxmessage o "
            "WHERE o.due_at < clock_timestamp() GROUP BY 1, 2, 3",
        ),
        DropLookupFunction(
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
        LookupFunction(
            "lookup_outbox(grace interval)",
            returns="TABLE (stage varchar, lane varchar, further boolean, waiting bigint, old bigint)",
            body="SELECT o.stage, o.lane, o.shard > 0, count(*), "
            "count(*) FILTER (WHERE o.due_at < clock_timestamp() - grace) FROM pipeline_outboxmessage o "
            "WHERE o.due_at < clock_timestamp() GROUP BY 1, 2, 3",
        ),
        # The tenants that have hints are found by one step each over the index, and so is the oldest of each that is
        # due: it takes as long with ten hints a tenant as with a hundred thousand. A clock that moves on within the
        # statement would be no condition of the index, and all that is parked would be read.
        LookupFunction(
            "lookup_turns(stages varchar[], lanes varchar[], further boolean[], pool varchar, pool_stages varchar[], "
            "max_rows bigint)",
            returns="TABLE (tenant_id uuid, stage varchar, lane varchar, further boolean)",
            body="""
            WITH RECURSIVE kinds AS (
              SELECT k.stage, k.lane, k.further FROM unnest(stages, lanes, further) AS k (stage, lane, further)
            ), hinted AS (
              SELECT k.stage, k.lane, k.further, first.tenant_id
              FROM kinds k CROSS JOIN LATERAL (
                SELECT o.tenant_id FROM pipeline_outboxmessage o
                WHERE o.stage = k.stage AND o.lane = k.lane AND (o.shard > 0) = k.further
                ORDER BY o.tenant_id LIMIT 1
              ) first
              UNION ALL
              SELECT h.stage, h.lane, h.further, next.tenant_id
              FROM hinted h CROSS JOIN LATERAL (
                SELECT o.tenant_id FROM pipeline_outboxmessage o
                WHERE o.stage = h.stage AND o.lane = h.lane AND (o.shard > 0) = h.further AND o.tenant_id > h.tenant_id
                ORDER BY o.tenant_id LIMIT 1
              ) next
            ), due AS (
              SELECT h.tenant_id, h.stage, h.lane, h.further, oldest.due_at
              FROM hinted h CROSS JOIN LATERAL (
                SELECT o.due_at FROM pipeline_outboxmessage o
                WHERE o.stage = h.stage AND o.lane = h.lane AND (o.shard > 0) = h.further AND o.tenant_id = h.tenant_id
                  AND o.due_at <= statement_timestamp()
                ORDER BY o.due_at LIMIT 1
              ) oldest
            ), busy AS (
              SELECT s.tenant_id, count(*) AS workers FROM pipeline_stagerun s
              WHERE s.status = 'running' AND s.lease_expires_at > clock_timestamp() AND s.stage = ANY (pool_stages)
              GROUP BY s.tenant_id
            )
            SELECT d.tenant_id, d.stage, d.lane, d.further FROM due d
            LEFT JOIN busy b ON b.tenant_id = d.tenant_id
            LEFT JOIN pipeline_turn t ON t.tenant_id = d.tenant_id AND t.queue = pool
            ORDER BY coalesce(b.workers, 0), t.served_at NULLS FIRST, d.due_at LIMIT max_rows
            """,
        ),
    ]
