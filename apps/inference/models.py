"""The ledger: every call to a model, what it used and what it cost."""

from __future__ import annotations

from django.db import models

from apps.tenants.models import TenantModel


class ModelCall(TenantModel):
    """One call, also a failed one. `cost` is in US dollars by the dated price table; append-only."""

    document_id = models.UUIDField(null=True)
    engine = models.CharField(max_length=63)
    model = models.CharField(max_length=200)
    prompt_tokens = models.IntegerField()
    cached_tokens = models.IntegerField()
    completion_tokens = models.IntegerField()
    images = models.IntegerField()
    seconds = models.FloatField()
    cost = models.DecimalField(max_digits=18, decimal_places=9)
    outcome = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "created_at"], name="inference_call_time")]
