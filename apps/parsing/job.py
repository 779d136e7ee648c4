"""What a child is asked to do."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from enum import StrEnum

from apps.parsing.limits import Limits


class Operation(StrEnum):
    """What is done with the document."""

    PROBE = "probe"
    READ = "read"
    RENDER = "render"
    LOOK = "look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A request. Pages count from 1; `last` None is the end of the document. `tables`: look for them when rendering.

    `places` are what is looked at: a page, and a box [x0, y0, x1, y1] in [0, 1].
    """

    operation: Operation
    media_type: str
    password: str | None
    first: int
    last: int | None
    limits: Limits
    tables: bool = False
    places: tuple[tuple[int, tuple[float, float, float, float]], ...] = ()

    @property
    def cpu_seconds_at_most(self) -> int:
        """What the kernel lets the job have, however many pages the document turns out to have, before it kills it."""
        if self.operation is Operation.LOOK:
            pages = len({page for page, _ in self.places})
        else:
            last = self.limits.max_pages if self.last is None else min(self.last, self.limits.max_pages)
            pages = last - self.first + 1
        return math.ceil(self.limits.cpu_seconds_for(max(1, pages))) + 1

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Job:
        fields = json.loads(data)
        return cls(
            **{
                **fields,
                "operation": Operation(fields["operation"]),
                "limits": Limits(**fields["limits"]),
                "places": tuple((page, tuple(box)) for page, box in fields["places"]),
            }
        )
