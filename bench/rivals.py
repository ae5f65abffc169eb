"""The same job, as the textbook does it, on other task queues; each with the concurrency that it recommends.

``python -m bench.rivals dramatiq|huey|procrastinate work`` is a worker, ``… fill`` publishes a job for every user.
"""

# ruff: noqa: ANN001, ANN201, PLC0415, E402  # Django first; one queue at a time is imported

from __future__ import annotations

import asyncio
import os
import sys
from urllib.parse import urlsplit

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.chaos.baseline.settings")
django.setup()

from django.db import close_old_connections

from tests.chaos.baseline import tasks
from users.models import User

QUEUE = os.environ["SYNC_QUEUE"]
BROKER = os.environ["CELERY_BROKER_URL"]
DATABASE = urlsplit(os.environ["DATABASE_URL"])._replace(scheme="postgresql").geturl()
HUEY_THREADS = 16
"""Its guide says "many" for work that waits."""
PROCRASTINATE_JOBS = 20
"""Its guide's example for work that waits."""


def push(user_id):
    close_old_connections()
    tasks.push.run(user_id)


def dramatiq_actor():
    """Imported by its workers as ``bench.rivals:dramatiq_actor``, which sets the broker."""
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker

    dramatiq.set_broker(RedisBroker(url=BROKER, namespace=QUEUE))
    return dramatiq.actor(push)


def dramatiq(what):
    if what == "work":
        # Its default: as many processes as cores, with eight threads each.
        os.execv(sys.executable, [sys.executable, "-m", "dramatiq", "bench.rivals:dramatiq_actor"])
    actor = dramatiq_actor()
    for user_id in user_ids():
        actor.send(user_id)


def huey(what):
    from huey import RedisHuey

    queue = RedisHuey(QUEUE, url=BROKER, results=False)
    task = queue.task()(push)
    if what == "work":
        queue.create_consumer(workers=HUEY_THREADS, worker_type="thread", initial_delay=0.01).run()
    for user_id in user_ids():
        task(user_id)


def procrastinate(what):
    from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

    if what == "work":
        app = App(connector=PsycopgConnector(conninfo=DATABASE))
        app.task(name="push")(push)
        asyncio.run(procrastinate_worker(app))
    app = App(connector=SyncPsycopgConnector(conninfo=DATABASE))
    task = app.task(name="push")(push)
    with app.open():
        if not app.check_connection():
            app.schema_manager.apply_schema()
        app.connector.execute_query("TRUNCATE procrastinate_jobs CASCADE")
        task.batch_defer(*({"user_id": user_id} for user_id in user_ids()))


async def procrastinate_worker(app):
    async with app.open_async():
        await app.run_worker_async(concurrency=PROCRASTINATE_JOBS, install_signal_handlers=False)


def user_ids():
    return list(User.objects.values_list("pk", flat=True))


if __name__ == "__main__":
    {"dramatiq": dramatiq, "huey": huey, "procrastinate": procrastinate}[sys.argv[1]](sys.argv[2])
