"""What clients send."""

from __future__ import annotations

from collections.abc import Iterable

from ninja import Schema
from ninja.errors import ValidationError
from pydantic import ConfigDict


class Sent(Schema):
    """A body, or a part of one, in which only what is known may stand.

    A misspelt key that is passed over does nothing, and its sender believes that it did.
    """

    model_config = ConfigDict(extra="forbid")


def refuse_unknown_fields(sent: Iterable[str], *, form: type[Sent]) -> None:
    """Raise ValidationError where a multipart form has a field that isn't known: ninja passes on only what is."""
    known = {field.alias or name for name, field in form.model_fields.items()}
    unknown = [{"loc": ["form", name], "msg": "Extra inputs are not permitted"} for name in sent if name not in known]
    if unknown:
        raise ValidationError(unknown)
