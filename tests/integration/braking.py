"""What the tests of the brake share: many records, a drain as a worker has it, and what the third party saw of it."""

from __future__ import annotations

import time
from collections import Counter

from tests.integration.conftest import effects
from thirdparty import store
from thirdparty.models import Brake, Record
from thirdparty.run import reconcile
from thirdparty.run.drain import drain
from thirdparty.sandbox.client import SandboxControl
from users.models import User


def people(count: int, *, first: int = 0) -> list[User]:
    """So many people with all fields, at the target already."""
    made = [
        User(username=f"p{n:05}", name=f"P{n}", phone=f"138{n:08}", email=f"p{n}@x.example")
        for n in range(first, first + count)
    ]
    User.objects.bulk_create(made)
    work()
    return made


def work(*, within_seconds: float = 30.0) -> None:
    """Drain, and tick as the reconciler does, until nothing is due or will ever be."""
    deadline = time.monotonic() + within_seconds
    while Record.objects.filter(due_at__isnull=False).exists():
        assert time.monotonic() < deadline, list(Record.objects.filter(due_at__isnull=False).values()[:3])
        drain("partner", seconds=5.0)
        store.held.wake(reconcile.ROWS_PER_TICK)


def states() -> Counter[str]:
    return Counter(Record.objects.values_list("state", flat=True))


def latched() -> bool:
    return Brake.objects.filter(target="partner", latched_at__isnull=False).exists()


def deletions(sandbox: SandboxControl) -> int:
    """How many records the third party has really deleted."""
    return effects(sandbox).count("deleted")


def updates(sandbox: SandboxControl) -> int:
    return effects(sandbox).count("updated")
