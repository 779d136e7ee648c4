"""The ledger of calls to models, the budgets that hold it, which engines a tenant lets run, and how it asks them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.inference.budgets import BudgetPeriod
from apps.tenants.models import TenantModel


class CostBasis(models.TextChoices):
    """Where a call's tokens and cost come from: the server's word, or what was reserved where it broke off."""

    USAGE = "usage"
    RESERVED = "reserved"


class ModelCall(TenantModel):
    """One call, also a failed one. `cost` is in US dollars by the dated price table; append-only.

    `document_pages` is the length of the whole document, so that a page's cost outlives a deleted document.
    `gpu_seconds` is an upper bound: see `apps.inference.ledger.gpu_seconds`. `price_date` is the first day of the price
    that was used, null where the model has none. `predicted_tokens` is the prompt as it was counted before it was sent,
    null where the server said nothing of its own count.
    """

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
    # Database defaults: a worker of the version before writes rows while this one is rolled out.
    schema_slug = models.CharField(max_length=63, blank=True, db_default="")
    lane = models.CharField(max_length=16, blank=True, db_default="")
    document_pages = models.IntegerField(db_default=0)
    gpu_seconds = models.FloatField(db_default=0.0)
    price_date = models.DateField(null=True)
    predicted_tokens = models.IntegerField(null=True)
    cost_basis = models.CharField(max_length=16, choices=CostBasis, db_default=CostBasis.USAGE)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(cost_basis__in=CostBasis.values), name="inference_call_basis_valid")
        ]
        indexes = [
            models.Index(fields=["tenant_id", "created_at"], name="inference_call_time"),
            models.Index(fields=["tenant_id", "document_id"], name="inference_call_document"),
        ]


class MonthSpending(TenantModel):
    """The ledger's sum of a calendar month (UTC) for a schema, so that a budget needn't add up a million rows.

    It is written in the transaction that writes the ledger's row. `month` is the month's first day.
    """

    month = models.DateField()
    schema_slug = models.CharField(max_length=63, blank=True)
    usd = models.DecimalField(max_digits=20, decimal_places=9)
    tokens = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "month", "schema_slug"], name="inference_spending_once")
        ]


class StoredBudget(TenantModel):
    """A limit in US dollars, in tokens (prompt and completion), or both. Without a schema it is for all together."""

    schema_slug = models.CharField(max_length=63, blank=True)
    period = models.CharField(max_length=16, choices=[(period.value, period.value) for period in BudgetPeriod])
    usd = models.DecimalField(max_digits=18, decimal_places=9, null=True)
    tokens = models.BigIntegerField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "schema_slug", "period"], name="inference_budget_once"),
            models.CheckConstraint(
                condition=Q(period__in=[period.value for period in BudgetPeriod]), name="inference_budget_period_valid"
            ),
            models.CheckConstraint(
                condition=Q(usd__isnull=False) | Q(tokens__isnull=False), name="inference_budget_limits_something"
            ),
            models.CheckConstraint(
                condition=(Q(usd__isnull=True) | Q(usd__gte=0)) & (Q(tokens__isnull=True) | Q(tokens__gte=0)),
                name="inference_budget_not_negative",
            ),
        ]


class StoredReservation(TenantModel):
    """A reservation: the most that a call under way may cost, and what the ledger says of it should its worker be lost.

    A call that ends deletes its reservation. One that a killed worker left behind holds its money until past
    `expires_at`, by the database's clock; then the sweeper books it: `apps.inference.lost_calls`. `tokens` are those of
    the prompt and the longest reply together.
    """

    document_id = models.UUIDField(null=True)
    schema_slug = models.CharField(max_length=63, blank=True)
    usd = models.DecimalField(max_digits=18, decimal_places=9)
    tokens = models.BigIntegerField()
    expires_at = models.DateTimeField()
    # Database defaults: a worker of the version before writes rows while this one is rolled out.
    engine = models.CharField(max_length=63, blank=True, db_default="")
    prompt_tokens = models.IntegerField(db_default=0)
    images = models.IntegerField(db_default=0)
    price_date = models.DateField(null=True)
    lane = models.CharField(max_length=16, blank=True, db_default="")
    document_pages = models.IntegerField(db_default=0)


class EnginePolicy(TenantModel):
    """The engines that a tenant lets run, in their order: for one schema, or without one for all that have none."""

    schema_slug = models.CharField(max_length=63, blank=True)
    engines = ArrayField(models.CharField(max_length=63))
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "schema_slug"], name="inference_policy_once"),
            models.CheckConstraint(condition=Q(engines__len__gt=0), name="inference_policy_names_engines"),
        ]


class StoredAdapter(TenantModel):
    """The LoRA adapter that a tenant's requests to a model profile name."""

    profile = models.CharField(max_length=63)
    name = models.CharField(max_length=128)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "profile"], name="inference_adapter_once")]


class CacheSalt(TenantModel):
    """The secret that goes with each of a tenant's requests, so that a server shares no prefix with another tenant."""

    salt = models.CharField(max_length=100)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="inference_salt_once")]
