"""An engine that is stopped in the middle gives what it has."""

from __future__ import annotations

from dataclasses import replace

from apps.common.errors import RetryableError
from apps.extraction.engines.protocol import Extraction
from apps.extraction.merging import merged
from apps.extraction.progress import Progress, Turn
from apps.schemas.fields import Kind, Schema


class StoppedError(RetryableError):
    """An engine was stopped `by` an error after it had answered some of its questions: its `progress`."""

    def __init__(self, *, by: RetryableError, progress: Progress) -> None:
        super().__init__(by.message, code=by.code, retry_after=by.retry_after)
        self.by = by
        self.progress = progress


def together(progress: Progress, *, schema: Schema) -> Extraction:
    """Make one answer of those to all questions."""
    arrays = frozenset(field.name for field in schema.fields if field.kind is Kind.ARRAY)
    found = merged([one.values for one in progress.answered], arrays=arrays)
    return Extraction(
        values=found.values,
        notes=(*(note for one in progress.answered for note in one.notes), *found.notes),
        alternatives=found.alternatives,
        unread=frozenset[str]().union(*(one.unread for one in progress.answered)),
        progress=progress,
    )


def told(turn: Turn, *, schema: Schema) -> Extraction:
    """Return what an engine answered in an earlier attempt; of what was left, nobody knows whether there is any."""
    found = together(turn.progress, schema=schema)
    return found if turn.is_done else replace(found, unread=turn.wanted)
