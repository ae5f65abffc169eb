"""Celery's settings, each for a reason. Delivery is a hint here: the database is the truth."""

from __future__ import annotations

from django.conf import settings
from kombu import Exchange, Queue

from thirdparty.settings import settings as engine

broker_url = settings.CELERY_BROKER_URL
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_pool_limit = 8
_amqp = not broker_url.startswith(("redis", "sentinel"))
broker_transport_options = (
    {"confirm_publish": True}
    if _amqp
    else {
        # Longer than any countdown, or Redis delivers a waiting task twice.
        "visibility_timeout": 3600,
        # Without these two, Redis takes up to 100 s to redeliver what a killed worker held.
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        # Read for sentinel:// only.
        "master_name": settings.CELERY_BROKER_MASTER_NAME,
    }
)

accept_content = ["json"]
task_serializer = "json"
task_ignore_result = True
task_acks_late = True
task_reject_on_worker_lost = True
task_send_sent_event = True
task_default_queue = engine.SYNC_QUEUE
# Said of the queue itself: where a virtual host makes quorum queues of those that say nothing, Celery asks for a prefetch
# count that RabbitMQ refuses there, and never consumes. An existing classic queue counts as the same.
task_queues = [
    Queue(
        engine.SYNC_QUEUE,
        Exchange(engine.SYNC_QUEUE),
        routing_key=engine.SYNC_QUEUE,
        queue_arguments={"x-queue-type": "classic"} if _amqp else None,
    )
]
worker_prefetch_multiplier = 1
# A message is only a hint: a step whose message is lost had better finish and settle than be cut off in doubt.
worker_cancel_long_running_tasks_on_connection_loss = False
worker_soft_shutdown_timeout = 10.0
worker_send_task_events = True
worker_hijack_root_logger = False
timezone = "UTC"

# Celery closes the database connection around every task whatever CONN_MAX_AGE says: 6 ms each on
# PostgreSQL. Broken ones are dropped by Django's own check before each task instead.
CELERY_DB_REUSE_MAX = 10**9

beat_schedule = {
    "reconcile": {
        "task": "thirdparty.reconcile",
        "schedule": engine.SYNC_RECONCILE_EVERY_SECONDS,
        # No expiry: a worker whose clock is ahead would drop every tick. Those that come together run once.
    }
}
beat_scheduler = "syncproject.beat:ClockWaryScheduler"
