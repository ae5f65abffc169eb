"""The deployment's settings, from the environment. The engine's own are `thirdparty.settings`, and read by itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

from syncproject.env import broker_url, database, log_format, mail, request_rate
from thirdparty.settings import Settings

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("DJANGO_DEBUG", default=False)
_DEVELOPMENT_KEY = "development-only-" + "k" * 40
SECRET_KEY = env.str("DJANGO_SECRET_KEY", default=_DEVELOPMENT_KEY if DEBUG else "")
_NEEDS_NO_SECRET = {"check", "makemigrations", "spectacular", "sandbox", "help", "compilemessages", "collectstatic"}
if not SECRET_KEY:
    if not _NEEDS_NO_SECRET.intersection(sys.argv[1:2]):
        raise ImproperlyConfigured("DJANGO_SECRET_KEY is not set: give it 50 random characters (or DJANGO_DEBUG=1)")
    SECRET_KEY = _DEVELOPMENT_KEY
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("DJANGO_CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "users",  # before auth: of two commands of one name, `createsuperuser`, the first app's is taken
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "thirdparty",
]
MIDDLEWARE = [
    "thirdparty.request_id.RequestIds",
    "django.middleware.security.SecurityMiddleware",
    "syncproject.middleware.ProbesByAnyAddress",
    "syncproject.middleware.Traced",
    "syncproject.middleware.NoNul",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "thirdparty.admin.busy.BusyPages",
]
ROOT_URLCONF = "syncproject.urls"
WSGI_APPLICATION = "syncproject.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": database(
        env.str("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}"),
        timeout_seconds=Settings.SYNC_DATABASE_TIMEOUT_SECONDS.of_environment(),
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "users.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static"
# Without `collectstatic`, as on a developer's machine, files are looked for where the apps keep them.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not STATIC_ROOT.is_dir()

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("DJANGO_SSL", default=False)
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_SSL_REDIRECT
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "users.api.access.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["thirdparty.api.access.HasRights"],
    # Counted for each person, and each process: enough to keep a script that runs wild from the others' throats.
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": request_rate(env, "SYNC_API_RATE", "100/s")},
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["thirdparty.api.parsers.JSONBody"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "thirdparty.api.schema.ProblemSchema",
    "EXCEPTION_HANDLER": "thirdparty.api.problems.answer",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "usersync",
    "DESCRIPTION": "Save the user; the third party follows; and when it cannot, you see why.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
}
UNFOLD = {
    "SITE_TITLE": "usersync",
    "SITE_HEADER": "usersync",
    "SITE_SUBHEADER": _("save the user; the third party follows"),
    "SITE_SYMBOL": "sync",
    "SIDEBAR": {"navigation": "users.admin.navigation.sections"},
    "SCRIPTS": [lambda _: static("users/menu.js")],
}

CELERY_BROKER_URL = broker_url(env.str("CELERY_BROKER_URL", default="redis://127.0.0.1:6379/0"))
# Where people reach Flower, as https://flower.example.org/: the admin's side bar leads there.
FLOWER_URL = env.str("FLOWER_URL", default="")
CELERY_BROKER_MASTER_NAME = env.str("CELERY_BROKER_MASTER_NAME", default="mymaster")

# What alerts are sent with, where SYNC_ALERT_EMAILS names somebody.
globals().update(mail(env.str("EMAIL_URL", default="smtp://localhost:25")))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="usersync@localhost")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"of_request": {"()": "thirdparty.request_id.OfRequest"}},
    "formatters": {
        "line": {
            "()": "syncproject.log.Discreet",
            "fmt": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
            "defaults": {"request_id": "-"},
        },
        "json": {"()": "syncproject.log.DiscreetJson"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": log_format(env, "DJANGO_LOG_FORMAT", "line"),
            "filters": ["of_request"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("DJANGO_LOG_LEVEL", default="INFO")},
}
