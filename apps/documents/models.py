"""Blobs and the documents that they are the bytes of."""

from __future__ import annotations

from django.db import models

from apps.tenants.models import TenantModel


class Blob(TenantModel):
    """Bytes that a tenant uploaded, once, however often. `key` is their place in storage."""

    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=100)
    key = models.CharField(max_length=300)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "sha256"], name="documents_blob_once")]


class DocumentStatus(models.TextChoices):
    """received -> parsed -> extracted -> (needs_review) -> done; beside it the other ends."""

    RECEIVED = "received", "Received"
    PARSED = "parsed", "Parsed"
    EXTRACTED = "extracted", "Extracted"
    NEEDS_REVIEW = "needs_review", "Needs review"
    DONE = "done", "Done"
    QUARANTINED = "quarantined", "Quarantined"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    DELETED = "deleted", "Deleted"


TERMINAL_STATUSES = frozenset(
    {
        DocumentStatus.NEEDS_REVIEW,
        DocumentStatus.DONE,
        DocumentStatus.QUARANTINED,
        DocumentStatus.FAILED,
        DocumentStatus.CANCELLED,
        DocumentStatus.DELETED,
    }
)


LOCKED_CODES = frozenset({"encrypted", "wrong_password"})
"""The reasons of quarantine that a password takes away."""


class Lane(models.TextChoices):
    """Interactive work goes before bulk."""

    INTERACTIVE = "interactive", "Interactive"
    BULK = "bulk", "Bulk"


class Document(TenantModel):
    """A document.

    `reason_code` and `reason` say to its owner why it was quarantined or failed, what it waits for, or, where it needs
    review, what is wrong with its file.
    `password` is what opens an encrypted file, sealed with the deployment's key, and erased at the document's end.
    A deleted document is a tombstone: its row stays, without its bytes and all that was made of them. `remains_id` is
    the blob that it was, until the page images are gone that a worker may have stored at that moment.
    """

    blob_id = models.UUIDField(null=True)
    name = models.CharField(max_length=255)
    external_id = models.CharField(max_length=200, blank=True)
    schema_slug = models.CharField(max_length=63, blank=True)
    lane = models.CharField(max_length=16, choices=Lane, default=Lane.INTERACTIVE)
    status = models.CharField(max_length=16, choices=DocumentStatus, default=DocumentStatus.RECEIVED)
    reason_code = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    page_count = models.IntegerField(null=True)
    password = models.BinaryField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    remains_id = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=DocumentStatus.values), name="documents_document_status_valid"
            ),
            models.CheckConstraint(condition=models.Q(lane__in=Lane.values), name="documents_document_lane_valid"),
            # One living document for the same bytes, so that two uploads at once are one document.
            models.UniqueConstraint(
                fields=["tenant_id", "blob_id"],
                condition=~models.Q(status=DocumentStatus.DELETED),
                name="documents_document_once",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant_id", "-created_at", "-id"], name="documents_document_newest"),
            models.Index(fields=["tenant_id", "updated_at", "id"], name="documents_document_changed"),
            models.Index(fields=["tenant_id", "external_id"], name="documents_document_external"),
            models.Index(
                fields=["updated_at"], condition=models.Q(remains_id__isnull=False), name="documents_document_remains"
            ),
        ]
