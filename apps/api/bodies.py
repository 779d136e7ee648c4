"""What clients send."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import wraps
from typing import Any

from django.http import HttpRequest
from ninja import Schema
from ninja.errors import ValidationError
from ninja.operation import Operation
from pydantic import BaseModel, ConfigDict

from apps.common.text import is_storable

Place = tuple[str | int, ...]

UNKNOWN = "Extra inputs are not permitted"
REPEATED = "send this once: of several only one would count"
UNSTORABLE = "holds the character NUL or half of a surrogate pair, which no text may: leave it out"


class Sent(Schema):
    """A body, or a part of one, in which only what is known may stand.

    A misspelt key that is passed over does nothing, and its sender believes that it did.
    """

    model_config = ConfigDict(extra="forbid")


def strict(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a view that refuses query parameters that it doesn't know, and text that can't be stored, with 422.

    For ninja's `add_decorator`: the view is an operation's.
    """
    operation: Operation = getattr(view, "_ninja_operation")  # noqa: B009 - ninja puts it there, for decorators
    places: dict[str, Place] = {}
    known: list[str] = []
    for model in operation.models:
        source = str(model.__ninja_param_source__)
        for name, field in model.model_fields.items():
            sent_as = field.alias or name
            # A body or a form is one parameter, whose name isn't sent.
            places[name] = (source,) if source in {"body", "form"} else (source, sent_as)
            if source == "query":
                known.append(sent_as)

    @wraps(view)
    def checked(request: HttpRequest, **arguments: Any) -> Any:
        errors = [_error(("query", name), _no_such(known)) for name in request.GET if name not in known]
        errors += [_error(("query", name), REPEATED) for name in known if len(request.GET.getlist(name)) > 1]
        for name, value in arguments.items():
            errors += [_error(place, UNSTORABLE) for place in _unstorable(places.get(name, (name,)), value)]
        if errors:
            raise ValidationError(errors)
        return view(request, **arguments)

    return checked


def refuse_other_parts(request: HttpRequest, *, form: type[Sent], files: Collection[str]) -> None:
    """Raise ValidationError where a multipart form has a part that isn't known, or one twice: ninja takes one of each.

    `form` are the fields, `files` the names of the files.
    """
    fields = {field.alias or name for name, field in form.model_fields.items()}
    errors = []
    for source, sent, known in (("form", request.POST, fields), ("file", request.FILES, files)):
        errors += [_error((source, name), UNKNOWN) for name in sent if name not in known]
        errors += [_error((source, name), REPEATED) for name in sent if name in known and len(sent.getlist(name)) > 1]
    if errors:
        raise ValidationError(errors)


def _no_such(known: Collection[str]) -> str:
    if not known:
        return "there is no such parameter: this address takes none"
    return f"there is no such parameter; there are: {', '.join(known)}"


def _error(place: Place, message: str) -> dict[str, Any]:
    return {"loc": list(place), "msg": message}


def _unstorable(place: Place, value: object) -> Iterator[Place]:
    """Yield the places of text that no column takes, within what was sent at a place."""
    if isinstance(value, str):
        if not is_storable(value):
            yield place
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _unstorable((*place, field.alias or name), getattr(value, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _unstorable((*place, name), name)
            yield from _unstorable((*place, name), item)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _unstorable((*place, number), item)
