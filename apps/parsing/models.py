"""What a blob's bytes were parsed into."""

from __future__ import annotations

from django.db import models

from apps.tenants.models import TenantModel


class StoredParse(TenantModel):
    """One blob, parsed once. `version` is the parser's; `language` ISO 639-1 or empty."""

    blob_id = models.UUIDField()
    version = models.CharField(max_length=32)
    page_count = models.IntegerField()
    language = models.CharField(max_length=8, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "blob_id"], name="parsing_parse_once")]


class StoredPage(TenantModel):
    """One page. `words` is what `codec.encode_page` wrote: text, words and boxes, opaque to the database.

    `image_key` is the page image's place in storage, empty until it is rendered; sizes are pixels. `tables` are ruled
    tables as JSON.
    """

    blob_id = models.UUIDField()
    number = models.IntegerField()
    width = models.FloatField()
    height = models.FloatField()
    source = models.CharField(max_length=8)
    words = models.BinaryField()
    image_key = models.CharField(max_length=300, blank=True, default="")
    image_width = models.IntegerField(default=0)
    image_height = models.IntegerField(default=0)
    tables = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "blob_id", "number"], name="parsing_page_once"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="parsing_page_number_from_one"),
        ]


class StoredAttachment(TenantModel):
    """A file that the document carries, e.g. the XML of an e-invoice."""

    blob_id = models.UUIDField()
    name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100)
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "blob_id", "name"], name="parsing_attachment_once")]
