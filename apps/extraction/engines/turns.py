"""Engines that take their turns: one that is stopped ends them, and keeps what it found and those before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from apps.common.errors import RetryableError
from apps.extraction.engines.protocol import Engine, Extraction, ExtractionRequest
from apps.extraction.engines.stopping import StoppedError, told
from apps.extraction.progress import NOTHING_YET, Turn


class Turns:
    """Engines for a cascade. Where one raises RetryableError, no later one is asked, and the error is kept.

    `taken` are the turns of earlier attempts, in their order: what was answered there is told again as it was, so that
    the cascade weighs it as if nothing had been stopped, and only what is open is asked, if its engine is there still.
    `done` names those that came to their end: they aren't asked again, since they would be paid for again.
    """

    def __init__(self, engines: Iterable[Engine], *, done: Iterable[str] = (), taken: Sequence[Turn] = ()) -> None:
        self._engines = {engine.name: engine for engine in engines}
        self._before = (tuple(done), tuple(taken))
        self._taken = {turn.engine: turn for turn in taken}
        self.done = list(self._before[0])
        self.stopped_by: RetryableError | None = None

    def __iter__(self) -> Iterator[Engine]:
        for name in dict.fromkeys([*self._taken, *self._engines]):
            turn = self._taken.get(name)
            engine = self._engines.get(name)
            if turn is not None and (turn.is_done or engine is None or self.stopped_by is not None):
                yield _Told(turn=turn)
            elif engine is not None and name not in self.done and self.stopped_by is None:
                yield _Turn(engine=engine, turns=self, before=turn)

    @property
    def taken(self) -> tuple[Turn, ...]:
        """All turns until now."""
        return tuple(self._taken.values())

    @property
    def is_new(self) -> bool:
        """Whether an engine came further in this attempt."""
        return (tuple(self.done), self.taken) != self._before

    def note(self, turn: Turn, *, stopped_by: RetryableError | None) -> None:
        """Put down how far an engine came."""
        self._taken[turn.engine] = turn
        self.stopped_by = stopped_by
        if turn.is_done:
            self.done.append(turn.engine)


@dataclass(frozen=True, slots=True)
class _Turn:
    engine: Engine
    turns: Turns
    before: Turn | None

    @property
    def name(self) -> str:
        return self.engine.name

    def extract(self, request: ExtractionRequest) -> Extraction:
        # An answer fits the question that was put: what is wanted now beside it wasn't asked for.
        wanted = request.wanted if self.before is None else self.before.wanted
        progress = NOTHING_YET if self.before is None else self.before.progress
        stopped_by: RetryableError | None = None
        found: Extraction | None = None
        try:
            found = self.engine.extract(replace(request, wanted=wanted, progress=progress))
            if not found.asked:
                # Another attempt may meet a server; what was answered while there was one stays.
                earlier = told(self.before, schema=request.schema) if self.before else Extraction(values=())
                return replace(earlier, notes=(*earlier.notes, *found.notes), asked=False)
            progress = found.progress
        except StoppedError as error:
            stopped_by, progress = error.by, error.progress
        except RetryableError as error:
            stopped_by = error
        turn = Turn(engine=self.name, wanted=wanted, is_done=found is not None, progress=progress)
        if found is not None or progress != NOTHING_YET:
            self.turns.note(turn, stopped_by=stopped_by)
        else:
            self.turns.stopped_by = stopped_by
        found = told(turn, schema=request.schema) if found is None else found
        return replace(found, unread=found.unread | (request.wanted - wanted))


@dataclass(frozen=True, slots=True)
class _Told:
    turn: Turn

    @property
    def name(self) -> str:
        return self.turn.engine

    def extract(self, request: ExtractionRequest) -> Extraction:
        found = told(self.turn, schema=request.schema)
        return replace(found, unread=found.unread | (request.wanted - self.turn.wanted))
