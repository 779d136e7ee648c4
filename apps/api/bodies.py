"""What clients send."""

from __future__ import annotations

from ninja import Schema
from pydantic import ConfigDict


class Sent(Schema):
    """A body, or a part of one, in which only what is known may stand.

    A misspelt key that is passed over does nothing, and its sender believes that it did.
    """

    model_config = ConfigDict(extra="forbid")
