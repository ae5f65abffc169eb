"""What the tests of strict writes share."""

from __future__ import annotations

import time
from typing import Any

from django.db.models.functions import Now

from thirdparty.consistency.strict import taking_back
from thirdparty.models import Record, StrictWrite
from thirdparty.run.push import push
from users import consistency
from users.consistency import Consistency, Mode
from users.models import User

STRICT = Consistency(Mode.STRICT)
ZHANG = {"name": "张伟", "phone": "13800000001"}


class Killed(BaseException):
    """Like SIGKILL: nothing of the write runs any more."""


def create(**values: Any) -> User:
    user = consistency.create({**ZHANG, **values}, consistency=STRICT).user  # type: ignore[typeddict-item]
    assert user is not None
    return user


def rows(user: User) -> list[tuple[str, str, int, int]]:
    found = Record.objects.filter(object_id=user.uuid.hex).order_by("target")
    return [(row.target, row.state, row.generation, row.synced_generation) for row in found]


def converge(*, within_seconds: float = 15.0) -> None:
    """Every target's due records, as workers and the reconciler would."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        taking_back.sweep()
        due = list(Record.objects.filter(due_at__isnull=False).values_list("target", "key"))
        if not due:
            return
        if not [pushed for target, key in due if (pushed := push(target, key))]:
            time.sleep(0.02)
    raise AssertionError(f"not settled: {list(Record.objects.filter(due_at__isnull=False).values())}")


def expire() -> None:
    """The time of every open strict write is over."""
    StrictWrite.objects.update(expires_at=Now())
