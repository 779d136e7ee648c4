"""What a tenant's administrators change, as lines in the log: who, what, from what, to what.

Names and numbers only: no instruction, no term and no secret goes in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

log = structlog.get_logger(__name__)

Figures = Mapping[str, str | int | None] | Sequence[str] | None


def log_change(*, tenant_id: UUID, by: str, what: str, before: Figures, after: Figures) -> None:
    """Write one line once the change is committed. `by` is a kind and an id, as `key ID`; `what` names the setting."""
    log.info("changed", tenant_id=str(tenant_id), by=by, what=what, before=before, after=after)
