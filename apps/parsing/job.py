"""What a child is asked to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from apps.parsing.limits import Limits


class Operation(StrEnum):
    """What is done with the document."""

    PROBE = "probe"
    READ = "read"
    RENDER = "render"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A request. Pages count from 1; `last` None is the end of the document. `tables`: look for them when rendering."""

    operation: Operation
    media_type: str
    password: str | None
    first: int
    last: int | None
    limits: Limits
    tables: bool = False

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
            }
        )
