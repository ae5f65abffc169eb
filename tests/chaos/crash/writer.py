"""Short-lived processes that save one object each and may crash meanwhile: forks of ``-m tests.chaos.crash.writer``.

Takes an operation, an object's word, and which of its records, again and again; ends when all of them have.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import django

from tests.chaos.crash.application import application


def main() -> None:
    application().set_default()
    django.setup()
    words = sys.argv[1:]
    for operation, word, record in zip(words[::3], words[1::3], words[2::3], strict=True):
        _fork(partial(_save, operation, word, record))
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


def _save(operation: str, word: str, record: str) -> None:
    from django.db import transaction

    from tests.chaos.crash import writes
    from tests.chaos.crash.points import Points
    from tests.chaos.crash.uses import current_use

    key = current_use().key(word, record)
    points = Points()
    points.install_in_writer(key)

    def save() -> None:
        with transaction.atomic():
            current_use().write(operation, word)
            points.reached(key, "save", "uncommitted")

    writes.insist(save)


if __name__ == "__main__":
    main()
