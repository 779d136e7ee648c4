"""Points in time as every page of the portal writes them."""

from __future__ import annotations

from datetime import UTC, datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def moment(value: datetime) -> SafeString:
    """Return `<time>` with a day, an hour of 24 and the zone: `2026-11-25 10:06 UTC`.

    The portal's script writes it in the reader's own zone, in the same form.
    """
    utc = value.astimezone(UTC)
    return format_html('<time datetime="{}">{} UTC</time>', utc.isoformat(timespec="seconds"), f"{utc:%Y-%m-%d %H:%M}")
