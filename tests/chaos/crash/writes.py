"""The one write of a case, while somebody else may have the database in their hands."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import OperationalError, transaction

from tests.chaos.crash.uses import current_use
from thirdparty import store

_PATIENCE_SECONDS = 20.0


def write_in_question(operation: str, word: str) -> None:
    """Silently, and what is at the target has been asked about: it is read back before anything is written to it."""
    with transaction.atomic():
        store.look_now(list(current_use().external_ids(word)))
        current_use().write_silently(operation, word)


def attempted(work: Callable[[], object]) -> bool:
    """Write; False where somebody has the database in their hands."""
    try:
        work()
    except OperationalError:
        return False
    return True


def insist(work: Callable[[], object]) -> None:
    """Write, again and again if need be. Raises `TimeoutError`."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not attempted(work):
        if time.monotonic() > deadline:
            raise TimeoutError("somebody has the database in their hands and does not let go")
