"""The embedded stack on one machine."""

from apps.config.settings.base import *  # noqa: F403

# Static files come straight from the source tree: there is nothing to collect before the server can start.
STORAGES["staticfiles"] = {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"}  # noqa: F405
WHITENOISE_USE_FINDERS = True
