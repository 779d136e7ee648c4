"""The embedded stack on one machine."""

from apps.config.settings.base import *  # noqa: F403
