"""A schema's `pattern`, matched in linear time: an author's expression can't hang a worker.

The expressions are those of the Rust crate `regex`, as pydantic-core carries it: JSON Schema's, without look-around
and back references.
"""

from __future__ import annotations

from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema

MAX_PATTERN = 500


def pattern_fault(pattern: str) -> str | None:
    """Return what is wrong with a pattern, in words, or None."""
    if len(pattern) > MAX_PATTERN:
        return f"the pattern is longer than {MAX_PATTERN} characters"
    try:
        _compiled(pattern)
    except SchemaError as error:
        reason = str(error).rstrip().rsplit("error: ", 1)[-1].rsplit("SchemaError: ", 1)[-1].splitlines()[0]
        return f"the pattern can't be used: {reason}"
    return None


def matches(*, pattern: str, text: str) -> bool:
    """Return whether the pattern is found in the text, unanchored, as JSON Schema has it."""
    return _compiled(pattern).isinstance_python(text)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> SchemaValidator:
    return SchemaValidator(core_schema.str_schema(pattern=pattern))
