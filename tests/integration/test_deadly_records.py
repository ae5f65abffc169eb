"""A record that kills its workers: it is parked, whoever is claimed with it is not, and a person can have it tried again."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from tests import alone
from tests.integration.conftest import Killed, converge, held_records, row_of, step, wanted_records
from tests.integration.dying import DRAIN
from thirdparty import store
from thirdparty.decide.failures import CRASH_LIMIT
from thirdparty.decide.plan import Call
from thirdparty.models import Record
from thirdparty.sandbox.client import SandboxControl
from users.models import User


@pytest.fixture
def user(sandbox: SandboxControl) -> User:
    return User.objects.create(name="张伟", phone="13800000001")


def a_minute_passes() -> None:
    past = timezone.now() - timedelta(seconds=1)
    Record.objects.filter(leased_until__isnull=False).update(leased_until=past, due_at=past)


def workers_die(user: User, times: int, *, during: Call) -> None:
    for _ in range(times):
        lease = alone.claim(row_of(user).key)
        assert lease is not None
        alone.open_attempt(lease, during)
        a_minute_passes()


@pytest.mark.django_db(transaction=True)
def test_a_record_that_kills_every_process_is_parked_and_those_claimed_with_it_are_pushed(
    user: User, sandbox: SandboxControl, killed: Killed
) -> None:
    for number in range(5):
        User.objects.create(name=f"Other {number}", phone=f"1390000000{number}")
    died = 0
    while not row_of(user).parked and died <= CRASH_LIMIT:
        status = killed("about to ask", DRAIN, user)
        died += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        a_minute_passes()
    assert (row_of(user).parked, died) == ("crashed", CRASH_LIMIT)
    converge()
    others = [record for record in wanted_records() if record["externalId"] != str(user.uuid)]
    assert held_records(sandbox) == others


def test_it_is_parked_without_another_request(user: User, sandbox: SandboxControl) -> None:
    workers_die(user, CRASH_LIMIT, during=Call.CONFIRM)
    before = len(sandbox.ledger())
    step(user)
    row = row_of(user)
    assert (row.state, row.parked, row.crashes) == ("parked", "crashed", 0)
    assert "the worker died" in row.last_error
    assert len(sandbox.ledger()) == before


def test_a_write_that_was_under_way_stays_in_doubt_with_its_key(user: User) -> None:
    workers_die(user, CRASH_LIMIT + 1, during=Call.ADD)
    step(user)
    row = row_of(user)
    assert row.parked == "crashed"
    assert row.unknown_until is not None
    assert row.add_key is not None


def test_one_death_fewer_parks_nothing(user: User, sandbox: SandboxControl) -> None:
    workers_die(user, CRASH_LIMIT - 1, during=Call.CONFIRM)
    a_minute_passes()
    step(user)
    assert held_records(sandbox) == wanted_records()


def test_a_retry_by_hand_really_tries_it(user: User, sandbox: SandboxControl) -> None:
    workers_die(user, CRASH_LIMIT, during=Call.CONFIRM)
    step(user)
    assert row_of(user).parked
    store.look_now([row_of(user).key])
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_record_with_which_several_workers_died_is_claimed_alone_and_last(user: User) -> None:
    workers_die(user, store.SUSPECT_CRASHES, during=Call.CONFIRM)
    others = [User.objects.create(name=f"Other {number}", phone=str(number)) for number in range(2)]
    terms = alone.Terms(60, 60)
    first = {lease.object_id for lease in store.claim_due("partner", 10, terms)}
    second = [lease.object_id for lease in store.claim_due("partner", 10, terms)]
    assert (first, second) == ({other.uuid.hex for other in others}, [user.uuid.hex])
