"""The description of the API: what ninja derives, and what it leaves out."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

_TEXT = {"type": "string"}
_PROBLEM = {
    "title": "Problem",
    "description": "An error, as RFC 9457 has it. `code` is stable; `errors` names each faulty part by its place.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": _TEXT,
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"path": _TEXT, "message": _TEXT}},
        },
    },
}
_ERROR = {
    "description": "What is wrong, and what to do",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def file_of(content_type: str) -> dict[str, Any]:
    """Describe an answer that is a file."""
    content = {content_type: {"schema": {"type": "string", "format": "binary"}}}
    return {"responses": {200: {"description": "The file", "content": content}}}


class DescribedAPI(NinjaAPI):
    """An API whose description also tells how errors look."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Return the OpenAPI document."""
        schema = super().get_openapi_schema(**options)
        schema.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"]["default"] = _ERROR
        return schema
