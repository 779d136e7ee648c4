"""What the person at the terminal has to act on."""

from __future__ import annotations


class StackError(Exception):
    """The stack can't start or go on; the message says why and what to do, and never holds a secret."""
