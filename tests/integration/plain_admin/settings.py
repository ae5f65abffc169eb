"""A project with Django's own admin and REST framework as it comes: no unfold, and nobody's pages but the engine's."""

from syncproject.settings import *  # noqa: F403  # everything else is as in the deployment

INSTALLED_APPS = [  # of the star
    {"django.contrib.admin": "django.contrib.admin.apps.SimpleAdminConfig"}.get(app, app)
    for app in INSTALLED_APPS  # noqa: F405  # of the star
    if app != "unfold"
]
ROOT_URLCONF = "tests.integration.plain_admin.urls"
REST_FRAMEWORK: dict[str, str] = {}
STATIC_ROOT = None
MIDDLEWARE = [name for name in MIDDLEWARE if "whitenoise" not in name]  # noqa: F405  # of the star
