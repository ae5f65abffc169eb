"""Celery's settings of this deployment, each for a reason. Delivery is a hint here: the database is the truth."""

from __future__ import annotations

from django.conf import settings

from thirdparty.settings import settings as engine

# Both, since the variable CELERY_BROKER_URL, as it was before it was read here, comes before `broker_url`.
broker_read_url = broker_write_url = settings.CELERY_BROKER_URL
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_pool_limit = 8
broker_transport_options = (
    {
        # Longer than any countdown, or Redis delivers a waiting task twice.
        "visibility_timeout": 3600,
        # Without these two, Redis takes up to 100 s to redeliver what a killed worker held.
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        # Read for sentinel:// only.
        "master_name": settings.CELERY_BROKER_MASTER_NAME,
    }
    if broker_write_url.startswith(("redis", "sentinel"))
    else {"confirm_publish": True}
)

accept_content = ["json"]
task_send_sent_event = True
# There are no tasks but the engine's.
task_default_queue = engine.SYNC_QUEUE
worker_prefetch_multiplier = 1
# A message is only a hint: a step whose message is lost had better finish and settle than be cut off in doubt.
worker_cancel_long_running_tasks_on_connection_loss = False
worker_soft_shutdown_timeout = 10.0
worker_send_task_events = True
worker_hijack_root_logger = False
timezone = "UTC"
