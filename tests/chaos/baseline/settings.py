"""The product's settings, with the textbook application in the product's place."""

from syncproject.settings import *  # noqa: F403  # settings are a namespace
from syncproject.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.baseline.apps.BaselineConfig"]
