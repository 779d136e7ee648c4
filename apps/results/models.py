"""Stored values, the evidence for each, and what people decide on them."""

from __future__ import annotations

from django.db import models

from apps.results.decisions import Verdict
from apps.tenants.models import TenantModel


class Result(TenantModel):
    """The values of one document under one version of a schema.

    `notes` are as `encoding.notes_to_json` has them. `alternatives` are what else was read for some of them, as
    `encoding.to_json` has it: for a reviewer to choose.
    """

    document_id = models.UUIDField()
    run_id = models.UUIDField()
    schema_slug = models.CharField(max_length=63)
    schema_version = models.IntegerField()
    notes = models.JSONField(default=list)
    alternatives = models.JSONField(default=list, db_default=[])
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "run_id"], name="results_result_once"),
        ]
        indexes = [models.Index(fields=["tenant_id", "document_id", "-created_at"], name="results_result_document")]


class StoredStretch(TenantModel):
    """What was read from some pages of a long document, until all of them are put together; pages from 1.

    `values` and `alternatives` are as `encoding.to_json` has them, `notes` as `encoding.notes_to_json` has.
    """

    document_id = models.UUIDField()
    run_id = models.UUIDField()
    first_page = models.IntegerField()
    last_page = models.IntegerField()
    schema_slug = models.CharField(max_length=63)
    schema_version = models.IntegerField()
    values = models.JSONField()
    notes = models.JSONField()
    alternatives = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "run_id", "first_page"], name="results_stretch_once"),
        ]


class StoredAsking(TenantModel):
    """How far a document was asked before it was stopped, kept until its run ends.

    `values`, `notes` and `alternatives` are what was known before any model was asked, as `StoredStretch` has them;
    `turns` what each engine answered since, as `encoding.turns_to_json` has it.
    """

    document_id = models.UUIDField()
    run_id = models.UUIDField()
    values = models.JSONField()
    notes = models.JSONField()
    alternatives = models.JSONField()
    turns = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "run_id"], name="results_asking_once"),
        ]


class StoredValue(TenantModel):
    """One value. `value` is canonical text; `number` and `date` hold it typed, exactly, where it is one.

    `score` is what the engine gave it before calibration, null where that is the confidence itself.
    """

    result_id = models.UUIDField()
    document_id = models.UUIDField()
    ordinal = models.IntegerField()
    path = models.CharField(max_length=300)
    kind = models.CharField(max_length=16)
    value = models.TextField()
    number = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    date = models.DateField(null=True)
    engine = models.CharField(max_length=63)
    confidence = models.FloatField()
    score = models.FloatField(null=True)
    status = models.CharField(max_length=16)
    formula = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "result_id", "path"], name="results_value_path_once"),
            models.CheckConstraint(
                condition=models.Q(confidence__gte=0, confidence__lte=1), name="results_value_confidence_share"
            ),
        ]


class StoredEvidence(TenantModel):
    """Where a value stands: page from 1, box in [0, 1] from the top left, the words as the page shows them."""

    value_id = models.UUIDField()
    ordinal = models.IntegerField()
    page = models.IntegerField()
    x0 = models.FloatField()
    y0 = models.FloatField()
    x1 = models.FloatField()
    y1 = models.FloatField()
    quote = models.TextField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(page__gte=1), name="results_evidence_page_from_one"),
            models.CheckConstraint(
                condition=models.Q(
                    x0__gte=0, y0__gte=0, x1__lte=1, y1__lte=1, x0__lte=models.F("x1"), y0__lte=models.F("y1")
                ),
                name="results_evidence_box_on_page",
            ),
        ]
        indexes = [models.Index(fields=["tenant_id", "value_id"], name="results_evidence_value")]


class Decision(TenantModel):
    """What a person said of a value of a result. Rows are only ever added: the highest `turn` of a value holds.

    `value` is the right value, "" where there is none; `number` and `date` hold it typed as `StoredValue`'s do. What
    the engine had said, how sure it was and which words it read are kept as they were then, for calibration and
    examples: a repeat of the run replaces its values, and a decision outlives them.
    """

    result_id = models.UUIDField()
    document_id = models.UUIDField()
    schema_slug = models.CharField(max_length=63)
    path = models.CharField(max_length=300)
    kind = models.CharField(max_length=16)
    turn = models.IntegerField()
    verdict = models.CharField(max_length=16)
    value = models.TextField(blank=True)
    number = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    date = models.DateField(null=True)
    engine = models.CharField(max_length=63, blank=True)
    said = models.TextField(blank=True)
    score = models.FloatField(null=True)
    quote = models.TextField(blank=True)
    decided_by = models.CharField(max_length=200)
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "result_id", "path", "turn"], name="results_decision_turn_once"
            ),
            models.CheckConstraint(
                condition=models.Q(verdict__in=[verdict.value for verdict in Verdict]),
                name="results_decision_verdict_valid",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant_id", "document_id"], name="results_decision_document"),
            # The newest of a schema, whose ids the curves are known by, come from the index alone.
            models.Index(
                fields=["tenant_id", "schema_slug", "-decided_at", "-turn", "-id"], name="results_decision_newest"
            ),
        ]
