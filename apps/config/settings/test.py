"""The test suite. The services' addresses come from the environment, which the suite's own start sets."""

import os

os.environ.setdefault("QUIRE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
os.environ.setdefault("QUIRE_SECRET_KEY", "only-for-tests")

from apps.config.settings.base import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
QUIRE_DISPATCHER = "apps.pipeline.dispatcher.InlineDispatcher"
WHITENOISE_USE_FINDERS = True
