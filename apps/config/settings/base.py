"""What every deployment shares."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from apps.config.environment import environment
from apps.config.model_servers import house
from apps.config.settings.database import databases
from apps.config.settings.log import logging_config
from apps.config.settings.security import content_security_policy

_env = environment()
_house = house(os.environ, _env)

BASE_DIR = Path(__file__).resolve().parents[3]
SECRET_KEY = _env.secret_key.get_secret_value()
DEBUG = False
ALLOWED_HOSTS = [host.strip() for host in _env.allowed_hosts.split(",") if host.strip()]
ROOT_URLCONF = "apps.config.urls"
ASGI_APPLICATION = "apps.config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "tenants.User"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "csp",
    "django_prometheus",
    "ninja",
    "apps.common",
    "apps.audit",
    "apps.tenants",
    "apps.inference",
    "apps.documents",
    "apps.parsing",
    "apps.schemas",
    "apps.extraction",
    "apps.results",
    "apps.search",
    "apps.exports",
    "apps.pipeline",
    "apps.portal",
    "apps.api",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "apps.api.middleware.ProblemMiddleware",
    "apps.config.unavailable.DatabaseUnavailable",
    "apps.config.addresses.RefuseNul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = databases()
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": url2pathname(urlsplit(_env.storage_url.get_secret_value()).path)},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "portal:sign-in"
LOGIN_REDIRECT_URL = "portal:documents"
LOGOUT_REDIRECT_URL = "portal:sign-in"

CONTENT_SECURITY_POLICY = content_security_policy()
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# The portal's own address tells whether browsers speak TLS to it, also behind a proxy that ends TLS.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _env.portal_url.get_secret_value().startswith("https://")
CSRF_TRUSTED_ORIGINS = [_env.portal_url.get_secret_value().rstrip("/")]

# Uploads are streamed to storage by the API's own parser; what Django buffers for other forms stays small.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

LOGGING = logging_config(level=_env.log_level)
LOGGING_CONFIG = "logging.config.dictConfig"

# What the apps read of the environment; they know django.conf.settings only.
QUIRE_MAX_UPLOAD_BYTES = _env.max_upload_bytes
QUIRE_MAX_PAGES = _env.max_pages
QUIRE_PARSE_MEMORY_MIB = _env.parse_memory_mib
QUIRE_PARSE_CPU_SECONDS = _env.parse_cpu_seconds
QUIRE_PARSE_WALL_SECONDS = _env.parse_wall_seconds
QUIRE_LEASE_SECONDS = float(_env.lease_seconds)
QUIRE_SWEEP_SECONDS = _env.sweep_seconds
QUIRE_REDIS_URL = _env.redis_url.get_secret_value()
QUIRE_INFERENCE_URL = _env.inference_url.get_secret_value() if _env.inference_url else None
QUIRE_INFERENCE_API_KEY = _env.inference_api_key.get_secret_value() if _env.inference_api_key else None
QUIRE_INFERENCE_MODEL = _env.inference_model
QUIRE_INFERENCE_PROFILE = _house.profile
QUIRE_INFERENCE_SERVERS = _house.servers
QUIRE_WORKER_NICENESS = _env.worker_niceness
QUIRE_METRICS_TOKEN = _env.metrics_token.get_secret_value() if _env.metrics_token else None
QUIRE_EMBEDDINGS_URL = _env.embeddings_url.get_secret_value() if _env.embeddings_url else None
QUIRE_EMBEDDINGS_API_KEY = _env.embeddings_api_key.get_secret_value() if _env.embeddings_api_key else None
QUIRE_EMBEDDINGS_MODEL = _env.embeddings_model
QUIRE_EMBEDDINGS_PROFILE = _env.embeddings_profile
QUIRE_DISPATCHER = "workers.dispatch.CeleryDispatcher"
