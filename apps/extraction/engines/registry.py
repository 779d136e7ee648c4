"""Engines by the names that a policy uses."""

from __future__ import annotations

from collections.abc import Sequence

from apps.extraction.engines.protocol import Engine

LOCAL = ("einvoice", "layout")
MODEL_PREFIX = "sglang:"


def local_engines(names: Sequence[str]) -> tuple[Engine, ...]:
    """Return those engines of a policy that need no model, in its order."""
    return tuple(_local(name) for name in names if name in LOCAL)


def model_profiles(names: Sequence[str]) -> tuple[str, ...]:
    """Return the model profiles of a policy as `apps.inference.queries.policy` has it, in its order: `small`, ..."""
    return tuple(name.removeprefix(MODEL_PREFIX) for name in names if name.startswith(MODEL_PREFIX))


def _local(name: str) -> Engine:
    if name == "einvoice":
        from apps.extraction.engines.einvoice import EInvoiceEngine  # noqa: PLC0415 - a policy without it loads no XML

        return EInvoiceEngine()
    from apps.extraction.engines.layout import LayoutEngine  # noqa: PLC0415

    return LayoutEngine()
