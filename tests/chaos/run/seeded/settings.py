"""The product's settings, and an application that breaks the product as ``CHAOS_BUG`` says."""

from syncproject.settings import *  # noqa: F403  # settings are a namespace
from syncproject.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.run.seeded.apps.SeededConfig"]
