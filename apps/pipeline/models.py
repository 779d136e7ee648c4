"""The truth about work: what has to be done, who holds it, and what came of it. Messages are only hints."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F
from django.db.models.lookups import GreaterThan

from apps.documents.models import Lane
from apps.tenants.models import TenantModel


class RunStatus(models.TextChoices):
    """Where a run stands."""

    ACTIVE = "active", "Active"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Run(TenantModel):
    """One way of a document through the stages.

    `source` is the hash of the bytes; `doubtful` sends the document to review at the end.
    """

    document_id = models.UUIDField()
    source = models.CharField(max_length=64)
    lane = models.CharField(max_length=16, choices=Lane)
    status = models.CharField(max_length=16, choices=RunStatus, default=RunStatus.ACTIVE)
    doubtful = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=RunStatus.values), name="pipeline_run_status_valid"),
        ]
        indexes = [models.Index(fields=["tenant_id", "document_id"], name="pipeline_run_document")]


class StageStatus(models.TextChoices):
    """`pending` is due at `due_at`; `running` is held by whoever has the newest fencing token."""

    PENDING = "pending", "Pending"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class StageRun(TenantModel):
    """One stage of a run, or one shard of it.

    Times are the database's clock. `fencing_token` grows with each claim; only its newest holder can commit.
    `attempts` counts claims, `lapses` those whose lease ran out. `input_digest` says what went in, so that the same
    work isn't planned twice. `first_page` and `last_page` bound a shard; 0 means all pages. `progress` is what attempts
    that were stopped had done and stored, in the stage's own words.
    """

    run_id = models.UUIDField()
    document_id = models.UUIDField()
    stage = models.CharField(max_length=32)
    shard = models.IntegerField(default=0)
    input_digest = models.CharField(max_length=64)
    first_page = models.IntegerField(default=0)
    last_page = models.IntegerField(default=0)
    lane = models.CharField(max_length=16, choices=Lane)
    status = models.CharField(max_length=16, choices=StageStatus, default=StageStatus.PENDING)
    fencing_token = models.BigIntegerField(default=0)
    attempts = models.IntegerField(default=0)
    lapses = models.IntegerField(default=0)
    due_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    reason_code = models.CharField(max_length=64, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    # A database default: rows are written by name, also by a worker of the version before.
    progress = ArrayField(models.CharField(max_length=63), db_default=[])

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "run_id", "stage", "shard", "input_digest"], name="pipeline_stagerun_once"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=StageStatus.values), name="pipeline_stagerun_status_valid"
            ),
            models.CheckConstraint(
                condition=~models.Q(status="running") | models.Q(lease_expires_at__isnull=False),
                name="pipeline_stagerun_running_has_lease",
            ),
        ]
        indexes = [
            models.Index(
                fields=["lease_expires_at"], condition=models.Q(status="running"), name="pipeline_stagerun_lapsed"
            ),
        ]


class OutboxMessage(TenantModel):
    """A hint that work is due, written in the transaction that makes the work.

    It lives until the work is claimed, so a hint that the broker lost is still here, and the sweeper sends it again.
    `shard` is the piece's number, by which the hint finds its place among others.
    """

    stage_run_id = models.UUIDField()
    stage = models.CharField(max_length=32)
    shard = models.IntegerField(db_default=0)
    lane = models.CharField(max_length=16, choices=Lane)
    due_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "stage_run_id"], name="pipeline_outbox_once")]
        # The tenants that have work of a kind, and the oldest of each: see `lookup_turns`.
        indexes = [
            models.Index(
                "stage", "lane", GreaterThan(F("shard"), 0), "tenant_id", "due_at", name="pipeline_outbox_by_tenant"
            )
        ]


class Turn(TenantModel):
    """When a pool of workers last took a tenant's work, by the database's clock: who was served long ago goes first."""

    queue = models.CharField(max_length=32)
    served_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "queue"], name="pipeline_turn_once")]
