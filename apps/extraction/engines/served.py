"""A model engine that is asked only where its model is served; where it isn't, the others answer and a note says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apps.extraction.engines.protocol import Engine, Extraction, ExtractionRequest
from apps.extraction.notes import not_served


@dataclass(frozen=True, slots=True, kw_only=True)
class IfServed:
    """An engine by its name. `find` returns it, or None where nobody serves its model; it raises as an engine does.

    `setting` is where such a server would be named.
    """

    name: str
    setting: str
    find: Callable[[], Engine | None]

    def extract(self, request: ExtractionRequest) -> Extraction:
        """Ask the engine, if there is one: what none was asked for is missing, as where a policy doesn't name it."""
        engine = self.find()
        if engine is None:
            return Extraction(values=(), notes=(not_served(setting=self.setting),), asked=False)
        return engine.extract(request)
