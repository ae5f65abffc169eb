"""Short-lived processes that save one person each and may crash meanwhile: forks of ``-m tests.chaos.crash.writer``.

Takes pairs of an operation and a person's uuid; ends when all of them have.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from uuid import UUID

import django

from syncproject.celery import app


def main() -> None:
    app.set_default()
    django.setup()
    for operation, user_uuid in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        _fork(partial(_save, operation, UUID(user_uuid)))
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _fork(work: Callable[[], None]) -> None:
    # Nothing is open yet that both would use.
    if os.fork():
        return
    try:
        work()
    except BaseException:  # noqa: BLE001  # whatever it is, this process ends here
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _save(operation: str, user_uuid: UUID) -> None:
    from django.db import transaction

    from syncproject.demo.stack import TARGET
    from tests.chaos.crash import writes
    from tests.chaos.crash.points import Points
    from users.synced import person

    key = person(user_uuid).key(TARGET)
    points = Points()
    points.install_in_writer(key)

    def save() -> None:
        with transaction.atomic():
            writes.write(operation, user_uuid)
            points.reached(key, "save", "uncommitted")

    writes.insist(save)


if __name__ == "__main__":
    main()
