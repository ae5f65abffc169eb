"""The product's settings, broken where ``CHAOS_BUG`` says so, with the version of the mapping that ``CHAOS_MAPPING`` says."""

from tests.chaos.run.seeded.settings import *  # noqa: F403  # settings are a namespace
from tests.chaos.run.seeded.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.run.upgraded.apps.UpgradedConfig"]
