"""The best one-message-per-user design that we know: gevent, our own client, one SQL statement each way.

``celery -A bench.lean worker --pool gevent``: it keeps no promise, and records the remote id in the textbook's table.
"""

# ruff: noqa: ANN001, ANN201, E402  # gevent has to patch first; a task as its authors write it

from __future__ import annotations

import gevent.monkey

gevent.monkey.patch_all()

import os
from urllib.parse import urlsplit

import django
from celery import Celery
from psycopg_pool import ConnectionPool

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.chaos.baseline.settings")
django.setup()

from syncproject.demo.stack import TARGET
from thirdparty import targets
from thirdparty.connectors.base import RemoteObject

app = Celery("lean", broker=os.environ["CELERY_BROKER_URL"])
app.conf.update(
    task_default_queue=os.environ["SYNC_QUEUE"], task_ignore_result=True, worker_prefetch_multiplier=4,
    task_acks_late=True, worker_hijack_root_logger=False, CELERY_DB_REUSE_MAX=10**9,
    broker_transport_options={"max_connections": 256},  # with kombu's ten, a quick worker cannot acknowledge
)  # fmt: skip
pool = ConnectionPool(
    urlsplit(os.environ["DATABASE_URL"])._replace(scheme="postgresql").geturl(),
    min_size=4, max_size=16, kwargs={"autocommit": True}, open=False,
)  # fmt: skip


@app.task(name="bench.lean")
def push(user_id):
    pool.open()
    with pool.connection() as connection:
        row = connection.execute(
            "SELECT uuid::text, username, name, phone, email FROM users_user WHERE id = %s", [user_id]
        ).fetchone()
    external_id, username, name, phone, email = row
    user = RemoteObject(external_id, username, {"name": name, "phone": phone, "email": email, "role_ids": []})
    remote_id = targets.any_connector(TARGET).add(user, version=1, idempotency_key="")
    with pool.connection() as connection:
        connection.execute("INSERT INTO baseline_remoteid VALUES (%s, %s)", [user_id, remote_id])
