"""What deleted documents left in storage: page images of a worker that was killed before it could take them back."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import Error, connection

from apps.documents import operations as documents

log = structlog.get_logger(__name__)

BATCH = 500


def remove_remains(*, grace: timedelta) -> int:
    """Delete what is left of documents that were deleted longer ago than `grace`. Returns of how many it was.

    A worker that lives finds out within seconds that its document is gone, and stores nothing more: after a lease's
    time all that will ever come has come. What storage refuses is tried again with the next sweep.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tenant_id, id FROM lookup_remains(make_interval(secs => %s), %s)", [grace.total_seconds(), BATCH]
        )
        deleted = cursor.fetchall()
    done = 0
    for tenant_id, document_id in deleted:
        try:
            documents.remove_remains(tenant_id=tenant_id, document_id=document_id)
        except Error:
            raise
        except Exception as error:  # noqa: BLE001 - each kind of storage has errors of its own; the sweeper goes on
            log.warning("remains_not_removed", error=type(error).__name__, document_id=str(document_id))
        else:
            done += 1
    return done
