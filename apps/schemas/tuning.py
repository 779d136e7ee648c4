"""What a tenant tells models beside its schemas: instructions, a glossary, and how many of its corrections to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.common.errors import TerminalError
from apps.common.text import storable

MAX_INSTRUCTIONS = 1000
MAX_TERMS = 100
MAX_TERM = 80
MAX_MEANING = 300
MAX_EXAMPLES = 8


class BadTuningError(TerminalError):
    """Something of the tuning is empty, there twice, too long or too much."""

    code = "bad_tuning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word of the tenant's trade, and what it means."""

    term: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """For all schemas of a tenant, or for one. `examples` is how many corrections are shown at most.

    None leaves the number to the tuning for all schemas, and there means 0.
    """

    instructions: str = ""
    glossary: tuple[Term, ...] = ()
    examples: int | None = None


def checked(tuning: Tuning) -> Tuning:
    """Return it as it is kept, white space collapsed but for the lines of the instructions. Raises BadTuningError."""
    instructions = "\n".join(_flat(line) for line in tuning.instructions.strip().splitlines())
    if len(instructions) > MAX_INSTRUCTIONS:
        raise BadTuningError(f"the instructions have {len(instructions)} characters: at most {MAX_INSTRUCTIONS} may be")
    if len(tuning.glossary) > MAX_TERMS:
        raise BadTuningError(f"the glossary has {len(tuning.glossary)} terms: at most {MAX_TERMS} may be")
    glossary = tuple(Term(term=_flat(one.term), meaning=_flat(one.meaning)) for one in tuning.glossary)
    for place, one in enumerate(glossary, start=1):
        if not one.term or not one.meaning:
            raise BadTuningError(f"term {place} of the glossary is empty, or its meaning is: give both")
        if len(one.term) > MAX_TERM or len(one.meaning) > MAX_MEANING:
            raise BadTuningError(
                f"term {place} of the glossary is too long: a term has at most {MAX_TERM} characters, a meaning "
                f"{MAX_MEANING}"
            )
    twice = _twice([one.term.casefold() for one in glossary])
    if twice:
        raise BadTuningError(f"term {twice} of the glossary is there already: give each once")
    if tuning.examples is not None and not 0 <= tuning.examples <= MAX_EXAMPLES:
        raise BadTuningError(f"'examples' is a number from 0 to {MAX_EXAMPLES}")
    return Tuning(instructions=instructions, glossary=glossary, examples=tuning.examples)


def together(*, schema: Tuning, everywhere: Tuning) -> Tuning:
    """Return what holds for a schema's documents.

    Instructions add up, those for all schemas first. Of a term that both have, the schema's meaning counts; the
    schema's terms come first, since the last ones are the first to be left out of a question without room.
    """
    own = {one.term.casefold() for one in schema.glossary}
    return Tuning(
        instructions="\n".join(words for words in (everywhere.instructions, schema.instructions) if words),
        glossary=(*schema.glossary, *(one for one in everywhere.glossary if one.term.casefold() not in own)),
        examples=schema.examples if schema.examples is not None else everywhere.examples or 0,
    )


def _flat(text: str) -> str:
    return " ".join(storable(text).split())


def _twice(names: Sequence[str]) -> int:
    """Return the place, from 1, of the first name that stands before already, 0 where none does."""
    return next((place for place, name in enumerate(names, start=1) if name in names[: place - 1]), 0)
