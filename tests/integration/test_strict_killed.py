"""kill -9 of the process of a strict write, at each of its steps: both sides end in the old state or in the new one."""

from __future__ import annotations

import os
import signal

import pytest
from django.utils import timezone

from tests.integration.conftest import Killed, converge, held_records, wanted_records
from tests.integration.dying import NEW, OLD, PLACES
from thirdparty.consistency.strict import taking_back
from thirdparty.models import Record, StrictWrite
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED = ("taking back", "taken back")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_one_of_the_two_states_is_left(kind: str, place: str, sandbox: SandboxControl, killed: Killed) -> None:
    user = None
    if kind != "create":
        user = User.objects.create_user(name=OLD, phone="1")
        converge()
    if place in REFUSED:
        sandbox.faults(apply_then_500=True, late_seconds=0.1)

    status = killed(place, kind, user)
    assert os.WIFSIGNALED(status), "the write ended before it came to the place"
    assert os.WTERMSIG(status) == signal.SIGKILL

    sandbox.faults()
    past = timezone.now()
    StrictWrite.objects.update(expires_at=past)
    Record.objects.filter(lease_token__isnull=False).update(leased_until=past, due_at=past)
    taking_back.sweep()
    converge()
    old, new = {"create": ([], [NEW]), "update": ([OLD], [NEW]), "delete": ([OLD], [])}[kind]
    assert list(User.objects.values_list("name", flat=True)) == (new if place == "applied" else old)
    assert held_records(sandbox) == wanted_records()
    assert not StrictWrite.objects.exists()
