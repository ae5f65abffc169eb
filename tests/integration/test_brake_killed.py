"""A process dies between the brake's reservation and the call: one too many is counted, never one too few."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.integration.braking import deletions, latched, people, work
from tests.integration.conftest import Killed, row_of
from tests.integration.dying import DRAIN
from thirdparty.decisions import brake as decisions
from thirdparty.models import BrakeEntry, Record
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def made(sandbox: SandboxControl, settings: Any) -> list[User]:
    """Ten, of whom one may go."""
    made = people(10)
    settings.SYNC_BRAKE_MIN, settings.SYNC_BRAKE_PERCENT = 1, 0
    return made


def deleted(user: User) -> None:
    User.objects.filter(pk=user.pk).delete()


def dies_before_its_call(killed: Killed, user: User) -> None:
    deleted(user)
    status = killed("claimed, nothing sent", DRAIN, user)
    assert (os.WIFSIGNALED(status), os.WTERMSIG(status)) == (True, signal.SIGKILL)


def lease_runs_out() -> None:
    past = timezone.now() - timedelta(seconds=1)
    Record.objects.filter(leased_until__isnull=False).update(leased_until=past, due_at=past)


def counted() -> list[str]:
    return sorted(BrakeEntry.objects.filter(held=False).values_list("record", flat=True))


def test_what_was_reserved_and_never_sent_counts_against_the_next(
    made: list[User], sandbox: SandboxControl, killed: Killed
) -> None:
    first, second, *_others = made
    dies_before_its_call(killed, first)
    assert (deletions(sandbox), counted()) == (0, [row_of(first).key])
    deleted(second)
    lease_runs_out()
    work()
    assert (deletions(sandbox), latched()) == (0, True)
    operator = get_user_model().objects.create_superuser(username="olga", password="x", phone="1")
    decisions.release("partner", by=operator, reason="right so")
    work()
    assert deletions(sandbox) == 2


def test_what_was_reserved_goes_once_its_lease_has_run_out_and_is_counted_once(
    made: list[User], sandbox: SandboxControl, killed: Killed
) -> None:
    first, second, *_others = made
    dies_before_its_call(killed, first)
    lease_runs_out()
    work()
    assert (deletions(sandbox), counted(), latched()) == (1, [row_of(first).key], False)
    deleted(second)
    work()
    assert (deletions(sandbox), row_of(second).state, latched()) == (1, "held", True)
