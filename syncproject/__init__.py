"""The deployed project: settings, Celery application, URLs."""

from syncproject.celery import app as celery_app

__all__ = ["celery_app"]
