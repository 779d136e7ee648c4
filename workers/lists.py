"""Which hints wait together: a queue has a list in the broker for each priority, and the lowest is read first."""

from __future__ import annotations

from itertools import product

from apps.documents.models import Lane
from apps.pipeline.dispatcher import Kind
from apps.pipeline.stages import BY_NAME, STAGES

# The lists that kombu's Redis transport keeps for a queue: one for each priority step, 0 is read first.
STEPS = {
    Lane.INTERACTIVE.value: {"begun": 0, "new": 3, "further": 4, "unawaited": 5},
    Lane.BULK.value: {"begun": 6, "further": 6, "unawaited": 7, "new": 9},
}
STEP_SEPARATOR = "\x06\x16"
KINDS = tuple(
    Kind(stage=stage.name, lane=lane.value, further=further)
    for stage, lane, further in product(STAGES, Lane, (False, True))
)


def priority_of(kind: Kind) -> int:
    """Return the step of a hint, the lowest first: interactive before bulk, and what is begun before what is new.

    So a document is finished before the next one is parsed, rather than all parsed before one is done. The further
    pieces of a long document come behind: in the interactive lane behind every document's first ones, so that nobody
    waits for a long one; in bulk only those that no other stage waits for, since what is begun shall end there.
    """
    if kind.further:
        group = "further" if any(kind.stage in other.after for other in STAGES) else "unawaited"
    else:
        group = "begun" if BY_NAME[kind.stage].after else "new"
    return STEPS[kind.lane][group]


def place_of(kind: Kind) -> str:
    """Return the key of the list that a kind's hints wait in."""
    queue = BY_NAME[kind.stage].queue
    priority = priority_of(kind)
    return f"{queue}{STEP_SEPARATOR}{priority}" if priority else queue


def together_with(kind: Kind) -> tuple[Kind, ...]:
    """Return the kinds whose hints wait in the same list: whoever takes one of these hints may do work of any."""
    place = place_of(kind)
    return tuple(other for other in KINDS if place_of(other) == place)
