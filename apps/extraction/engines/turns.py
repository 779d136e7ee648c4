"""Engines that take their turns: one that is stopped ends them, and keeps what those before it found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apps.common.errors import RetryableError
from apps.extraction.engines.protocol import Engine, Extraction, ExtractionRequest


class Turns:
    """Engines for a cascade. Where one raises RetryableError, no later one is asked, and the error is kept.

    `done` names those that came to their end, in this attempt and in earlier ones: they aren't asked again, since they
    would be paid for again.
    """

    def __init__(self, engines: Iterable[Engine], *, done: Iterable[str] = ()) -> None:
        self._engines = engines
        self._before = frozenset(done)
        self.done = list(done)
        self.stopped_by: RetryableError | None = None

    def __iter__(self) -> Iterator[Engine]:
        for engine in self._engines:
            if self.stopped_by is not None:
                return
            if engine.name not in self._before:
                yield _Turn(engine=engine, turns=self)

    @property
    def is_new(self) -> bool:
        """Whether an engine came to its end in this attempt."""
        return len(self.done) > len(self._before)


@dataclass(frozen=True, slots=True)
class _Turn:
    engine: Engine
    turns: Turns

    @property
    def name(self) -> str:
        return self.engine.name

    def extract(self, request: ExtractionRequest) -> Extraction:
        try:
            found = self.engine.extract(request)
        except RetryableError as error:
            self.turns.stopped_by = error
            return Extraction(values=())
        self.turns.done.append(self.engine.name)
        return found
