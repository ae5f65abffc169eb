"""The Celery application of the use that crashes."""

from __future__ import annotations

from importlib import import_module

from celery import Celery

from tests.chaos.crash import uses

_MODULES = {"users": "syncproject.celery", "shop": "config.celery"}
SETTINGS = {"users": "syncproject.settings", "shop": "config.settings"}


def application() -> Celery:
    """What is imported last publishes the hints."""
    app: Celery = import_module(_MODULES[uses.project()]).app
    return app
