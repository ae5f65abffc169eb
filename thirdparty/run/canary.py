"""Whether work gets done, end to end: a question goes through the broker, and a worker's answer comes back by the database.

It touches no record and asks no target. What beat sends by itself is told by the tick (`thirdparty.run.tick`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import uuid4

from django.db import Error
from django.db.models.functions import Now

from thirdparty.models import Canary
from thirdparty.notify import hints

KEPT_FOR = timedelta(days=1)
"""So long a question stays whose asker was killed."""
_LOOK_EVERY_SECONDS = 0.1


class Part(StrEnum):
    """Which part did not answer."""

    DATABASE = "database"
    BROKER = "broker"
    WORKERS = "workers"


@dataclass(frozen=True, slots=True)
class Heard:
    """``silent``: the part that did not answer; None where all did. ``seconds``: from the question to its answer, or to the end of the
    patience, by this process's clock. ``answered_by``: the worker's node; empty without an answer.
    """

    silent: Part | None
    seconds: float
    answered_by: str = ""


def ask(*, within_seconds: float) -> Heard:
    """Ask, and wait for so long. The database and the broker have limits of their own, which may take longer. Raises nothing for what does not answer."""
    began = time.monotonic()
    try:
        silent, answered_by = _asked(began + within_seconds)
    except Error:
        silent, answered_by = Part.DATABASE, ""
    return Heard(silent, time.monotonic() - began, answered_by)


def _asked(deadline: float) -> tuple[Part | None, str]:
    token = uuid4().hex
    mine = Canary.objects.filter(token=token)
    Canary.objects.bulk_create([Canary(token=token, sent_at=Now())])
    try:
        if not hints.ask_whoever_works(token):
            return Part.BROKER, ""
        while True:
            by = mine.filter(answered_at__isnull=False).values_list("answered_by", flat=True).first()
            if by is not None:
                return None, by
            if time.monotonic() >= deadline:
                return Part.WORKERS, ""
            time.sleep(_LOOK_EVERY_SECONDS)
    finally:
        mine.delete()


def answer(token: str, by: str) -> bool:
    """Answer this question, as this worker's node; False where nobody waits for it any more."""
    waits = Canary.objects.filter(token=token, answered_at__isnull=True)
    return bool(waits.update(answered_at=Now(), answered_by=by[:200]))


def prune_some(kept_for: timedelta) -> int:
    """Forget the questions of those who were killed while they waited."""
    return Canary.objects.filter(sent_at__lt=Now() - kept_for).delete()[0]
