"""The shop's settings, and an order that is renumbered is renamed at the ERP: the settings of every process of a run."""

from config.settings import *  # noqa: F403  # as settings are extended
from config.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.shop.renumbering.Renumbering"]
