"""The content security policy: our own scripts and styles only, nothing inline, no framing."""

from __future__ import annotations

from typing import Any

from csp.constants import NONE, SELF


def content_security_policy() -> dict[str, Any]:
    """Return django-csp's setting."""
    return {
        "DIRECTIVES": {
            "default-src": [NONE],
            "script-src": [SELF],
            "style-src": [SELF],
            "img-src": [SELF, "data:"],
            "font-src": [SELF],
            "connect-src": [SELF],
            "form-action": [SELF],
            "base-uri": [NONE],
            "frame-ancestors": [NONE],
        },
    }
