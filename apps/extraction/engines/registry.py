"""Engines by the names that a policy uses."""

from __future__ import annotations

from collections.abc import Sequence

from apps.extraction.engines.protocol import Engine
from apps.schemas.fields import Schema

LOCAL = ("einvoice", "layout")
MODEL_PREFIX = "sglang:"


def local_engines(schema: Schema) -> tuple[Engine, ...]:
    """Return the engines of a schema's policy that need no model, in its order."""
    return tuple(_local(name) for name in schema.engines if name in LOCAL)


def model_profiles(schema: Schema) -> Sequence[str]:
    """Return the model profiles of a schema's policy, in its order: `small`, `medium`, ..."""
    return tuple(name.removeprefix(MODEL_PREFIX) for name in schema.engines if name.startswith(MODEL_PREFIX))


def _local(name: str) -> Engine:
    if name == "einvoice":
        from apps.extraction.engines.einvoice import EInvoiceEngine  # noqa: PLC0415 - a policy without it loads no XML

        return EInvoiceEngine()
    from apps.extraction.engines.layout import LayoutEngine  # noqa: PLC0415

    return LayoutEngine()
