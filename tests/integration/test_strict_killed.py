"""kill -9 of the process of a strict write, at each of its steps: both sides end in the old state or in the new one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from tests.integration.conftest import converge, held_records, wanted_records
from thirdparty.sandbox.client import SandboxControl
from users import consistency
from users.consistency import Consistency, Mode
from users.models import StrictWrite, User, UserSync
from users.sync import ask, outbox, strict
from users.sync.outbox import strict_rows

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # The child makes one write and is killed; it never comes to use what other threads held.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]
STRICT = Consistency(Mode.STRICT)
OLD, NEW = "old", "new"
BEFORE, AFTER = "before", "after"
PLACES: dict[str, tuple[Any, str, str]] = {
    "opened": (strict, "_ask_all", BEFORE),
    "claimed, nothing sent": (ask, "ask", BEFORE),
    "answered, not settled": (outbox, "settle", BEFORE),
    "settled, not applied": (strict, "_apply", BEFORE),
    "written, not committed": (strict_rows, "acknowledge", AFTER),
    "applied": (strict, "_apply", AFTER),
    "taking back": (strict_rows, "owe_undoing", AFTER),
    "taken back": (strict, "take_back", AFTER),
}
REFUSED = ("taking back", "taken back")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_one_of_the_two_states_is_left(kind: str, place: str, sandbox: SandboxControl) -> None:
    user = None
    if kind != "create":
        user = User.objects.create_user(name=OLD, phone="1")
        converge()
    if place in REFUSED:
        sandbox.faults(apply_then_500=True, late_seconds=0.1)

    _killed(lambda: _write(kind, user), place)

    sandbox.faults()
    past = timezone.now()
    StrictWrite.objects.update(expires_at=past)
    UserSync.objects.filter(lease_token__isnull=False).update(leased_until=past, due_at=past)
    strict.sweep()
    converge()
    old, new = {"create": ([], [NEW]), "update": ([OLD], [NEW]), "delete": ([OLD], [])}[kind]
    assert list(User.objects.values_list("name", flat=True)) == (new if place == "applied" else old)
    assert held_records(sandbox) == wanted_records()
    assert not StrictWrite.objects.exists()


def _write(kind: str, user: User | None) -> None:
    if user is None:
        consistency.create({"name": NEW, "phone": "1"}, consistency=STRICT)
    elif kind == "update":
        consistency.update(user.uuid, {"name": NEW}, consistency=STRICT)
    else:
        consistency.delete(user.uuid, consistency=STRICT)


def _killed(write: Callable[[], None], place: str) -> None:
    """Do it in a process of its own, which is killed at this place."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            _die_at(*PLACES[place])
            write()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the write ended before it came to the place"
    assert os.WTERMSIG(status) == signal.SIGKILL


def _die_at(module: Any, name: str, when: str) -> None:
    real = getattr(module, name)

    def dying(*arguments: Any, **options: Any) -> Any:
        if when == AFTER:
            real(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, name, dying)
