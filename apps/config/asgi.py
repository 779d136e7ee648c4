"""The web server's entry point."""

import os
from typing import cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apps.config.settings.prod")
_django = get_asgi_application()

from django.conf import settings  # noqa: E402 - the application has set Django up

from apps.config.body_limit import Application, BodyLimit  # noqa: E402

application = BodyLimit(cast(Application, _django), max_file_bytes=settings.QUIRE_MAX_UPLOAD_BYTES)
