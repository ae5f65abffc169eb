"""The Celery application: ``celery -A syncproject worker | beat | flower``."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import worker_init, worker_process_init, worker_process_shutdown

from syncproject import traces
from thirdparty.celery import install

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncproject.settings")

app = Celery("syncproject")
app.config_from_object("syncproject.celeryconfig")
install(app)
# In the processes that work: threads do not survive the fork. Neither beat nor a worker's parent makes a span.
worker_init.connect(traces.prepare, weak=False)
worker_process_init.connect(traces.set_up, weak=False)
worker_process_shutdown.connect(traces.end, weak=False)
