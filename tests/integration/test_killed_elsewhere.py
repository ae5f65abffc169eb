"""kill -9 where no push is the only one concerned: two rows on one remote id, a batch that is owed anew, a question of people."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.integration.conftest import Killed, converge, held_records, row_of, wanted_records
from tests.integration.dying import CATCH_UP, CATCH_UP_PLACES, DRAIN, MEETING_PLACES, QUESTION, QUESTION_PLACES
from thirdparty import targets
from thirdparty.capture import catch_up
from thirdparty.models import Attempt, Record, Target
from thirdparty.observe import inquiry
from thirdparty.run.drain import drain
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def assert_killed(status: int) -> None:
    assert os.WIFSIGNALED(status), "the work ended before it came to the place"
    assert os.WTERMSIG(status) == signal.SIGKILL


def leases_run_out() -> None:
    past = timezone.now()
    Record.objects.filter(lease_token__isnull=False).update(leased_until=past, due_at=past)


def windows_end() -> None:
    past = timezone.now() - timedelta(seconds=1)
    Record.objects.filter(unknown_until__isnull=False).update(unknown_until=past, due_at=past)


def assert_level(sandbox: SandboxControl) -> None:
    assert held_records(sandbox) == wanted_records()
    assert set(Record.objects.values_list("state", flat=True)) == {"synced"}
    ids = [record["userId"] for record in sandbox.users()]
    assert sorted(Record.objects.values_list("remote_id", flat=True)) == sorted(ids)
    assert not Attempt.objects.filter(finished_at=None).exists()


@pytest.mark.parametrize("place", MEETING_PLACES)
def test_two_rows_that_met_on_one_remote_id_end_level(place: str, sandbox: SandboxControl, killed: Killed) -> None:
    sandbox.backup()
    old = User.objects.create(name="Old", phone="1")
    converge()
    sandbox.restore()
    newcomer = User.objects.create(name="New", phone="2")

    assert_killed(killed(place, DRAIN, newcomer))

    for _ in range(4):
        leases_run_out()
        windows_end()
        drain("partner")
        converge()
    assert_level(sandbox)
    assert row_of(old).remote_id != row_of(newcomer).remote_id


@pytest.mark.parametrize("place", CATCH_UP_PLACES)
def test_a_batch_that_is_owed_anew_is_owed_all_the_same(place: str, sandbox: SandboxControl, killed: Killed) -> None:
    catch_up.go_on("partner", seconds=30)
    for number in range(5):
        User.objects.create(name=f"Person {number}", phone=str(number))
    converge()
    drain("partner")
    for record in sandbox.users():
        sandbox.edit(record["userId"], name="changed by somebody else")
    targets.begin_backfill("partner")

    assert_killed(killed(place, CATCH_UP, None))

    catch_up.go_on("partner", seconds=30)
    drain("partner")
    converge()
    assert_level(sandbox)
    found = Target.objects.get(name="partner")
    assert (found.owing_to, found.owing_left, found.backfill) == (None, [], False)


@pytest.mark.parametrize("place", QUESTION_PLACES)
def test_a_question_whose_asker_dies_holds_up_neither_the_record_nor_the_next_who_asks(
    place: str, sandbox: SandboxControl, killed: Killed
) -> None:
    user = User.objects.create(name="Before", phone="1")
    converge()

    assert_killed(killed(place, QUESTION, user))

    with pytest.raises(inquiry.NotAsked, match="less than"):
        inquiry.held(row_of(user), polled=True)
    User.objects.update(name="After")
    converge()
    assert_level(sandbox)
    Record.objects.update(asked_at=timezone.now() - timedelta(seconds=inquiry.INTERVAL_SECONDS + 1))
    found = inquiry.held(row_of(user), polled=True)
    assert found is not None
    assert found.remote_id == row_of(user).remote_id
