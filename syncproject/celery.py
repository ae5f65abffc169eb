"""The Celery application: ``celery -A syncproject worker | beat | flower``."""

from __future__ import annotations

import os

from celery import Celery

from thirdparty.celery import install

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncproject.settings")

app = Celery("syncproject")
app.config_from_object("syncproject.celeryconfig")
install(app)
