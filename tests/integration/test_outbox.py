"""Claims and settlements under competition: one wins, the others find nothing to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from tests import alone
from tests.integration.conftest import at_once, effects, row_of, step
from thirdparty import store, targets
from thirdparty.decide.lease import Lease
from thirdparty.decide.plan import Call
from thirdparty.decide.result import Doubt, Next, Outcome, StepResult
from thirdparty.models import Attempt, Record, Target
from thirdparty.models.record import EPOCH
from thirdparty.protect import Admission
from thirdparty.run import payloads
from thirdparty.run.step import Read, Step, claim_and_plan
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create(name="张伟", phone="1")


def claim(user: User, **options: object) -> Lease | None:
    return alone.claim(row_of(user).key, **options)


def claimed(user: User) -> Lease:
    lease = claim(user)
    assert lease is not None
    return lease


def settle(lease: Lease, **facts: object) -> Record | None:
    result = StepResult(**({"outcome": Outcome.OK, "remote_id": "r1", "adopted": "", "add_key": None} | facts))  # type: ignore[arg-type]
    return alone.settle(lease, None, result)


def begun(user: User, *, read: Read) -> list[Step]:
    claim = partial(store.claim, [row_of(user).key])
    return claim_and_plan(targets.config("partner"), Admission(1), claim, read=read)


def claim_once(key: str) -> Lease | None:
    with transaction.atomic():
        return alone.claim(key)


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_exactly_one_gets_the_lease(user: User) -> None:
    key = row_of(user).key
    leases = at_once(*[partial(claim_once, key)] * 8)
    (won,) = [lease for lease in leases if lease is not None]
    assert row_of(user).lease_token == won.token


@pytest.mark.django_db(transaction=True)
def test_of_two_rows_that_want_one_remote_username_at_once_only_one_gets_it(user: User) -> None:
    twin = User.objects.create(name="Twin", phone="2")
    Record.objects.update(natural_key="wanted", wanted_key="wanted")
    claims = [partial(store.claim, [row_of(person).key]) for person in (user, twin)]
    begun = at_once(*[partial(claim_and_plan, targets.config("partner"), Admission(1), claim) for claim in claims])
    assert sorted(len(steps) for steps in begun) == [0, 1]


def test_what_is_not_due_is_not_claimed(user: User) -> None:
    Record.objects.update(due_at=timezone.now() + timedelta(hours=1))
    assert claim(user) is None


def test_an_expected_due_time_claims_early_only_while_it_is_the_rows_own(user: User) -> None:
    claimed_lease = claimed(user)
    row = settle(claimed_lease, outcome=Outcome.TRANSIENT, remote_id=None, next=Next.LATER, delay_seconds=600.0)
    assert row is not None
    assert row.due_at is not None
    assert claim(user) is None
    assert claim(user, expected_due_at=row.due_at + timedelta(microseconds=1)) is None
    assert claim(user, expected_due_at=row.due_at) is not None


def test_what_is_parked_paused_or_retired_is_not_claimed(user: User) -> None:
    Record.objects.update(parked="invalid")
    assert claim(user) is None
    Record.objects.update(parked="")
    Target.objects.update(paused=True)
    assert claim(user) is None
    Target.objects.update(paused=False, enabled=False)
    assert claim(user) is None
    Target.objects.update(enabled=True)
    assert claim(user) is not None


def test_an_expired_lease_is_taken_over_and_counted(user: User) -> None:
    alone.claim(row_of(user).key, lease_seconds=-1)
    lease = claimed(user)
    assert lease.crashes == 1
    assert row_of(user).lease_token == lease.token


def test_a_settlement_without_the_lease_changes_nothing(user: User) -> None:
    lease = claimed(user)
    Record.objects.update(lease_token="other")
    before = Record.objects.values().get()
    assert settle(lease, acknowledged=True) is None
    assert Record.objects.values().get() == before


def test_a_lost_result_is_repaired_by_raising_the_generation(user: User) -> None:
    before = row_of(user).generation
    store.repair([row_of(user).key])
    assert row_of(user).generation == before + 1


def test_an_acknowledgement_leaves_nothing_due(user: User) -> None:
    settle(claimed(user), acknowledged=True)
    row = row_of(user)
    assert (row.state, row.due_at, row.owed_since, row.lease_token) == ("synced", None, None, None)
    assert row.synced_at is not None


def test_a_user_who_changed_meanwhile_is_due_at_once_and_never_parked(user: User) -> None:
    lease = claimed(user)
    User.objects.update(name="Changed")
    settle(lease, outcome=Outcome.REJECTED, remote_id=None, parked="invalid")
    row = row_of(user)
    assert row.parked == ""
    assert row.due_at is not None
    assert row.due_at <= timezone.now()


def test_owed_since_moves_to_the_first_change_after_the_acknowledged_one(user: User) -> None:
    old = timezone.now() - timedelta(hours=5)
    Record.objects.update(owed_since=old)
    lease = claimed(user)
    User.objects.update(name="Changed")
    settle(lease, acknowledged=True)
    owed_since = row_of(user).owed_since
    assert owed_since is not None
    assert owed_since > old


def test_a_failure_does_not_move_owed_since(user: User) -> None:
    old = timezone.now() - timedelta(hours=5)
    Record.objects.update(owed_since=old)
    settle(claimed(user), outcome=Outcome.TRANSIENT, remote_id=None, next=Next.LATER)
    assert row_of(user).owed_since == old


def test_a_forced_push_goes_above_what_the_target_holds(user: User) -> None:
    settle(claimed(user), raise_above=41, doubt=Doubt.CLEAR, next=Next.NOW)
    assert row_of(user).generation == 42


def test_an_add_is_repeated_under_the_same_key_until_it_is_answered(user: User) -> None:
    lease = claimed(user)
    key = alone.open_attempt(lease, Call.ADD).add_key
    past = timezone.now() - timedelta(seconds=1)
    Record.objects.update(leased_until=past, due_at=past)
    again = claimed(user)
    assert again.add_key == key
    assert alone.open_attempt(again, Call.ADD).add_key == key


def test_a_lease_that_ran_out_before_an_attempt_was_written_down_asks_nothing_and_leaves_no_doubt(
    user: User, sandbox: SandboxControl
) -> None:
    def slowly(target: str, leases: Sequence[Lease]) -> Mapping[str, payloads.Desired]:
        Record.objects.update(leased_until=EPOCH, due_at=EPOCH)
        return payloads.read(target, leases)

    assert begun(user, read=slowly) == []
    assert (sandbox.ledger(), Attempt.objects.count()) == ([], 0)
    step(user)
    assert (row_of(user).state, effects(sandbox)) == ("synced", ["created"])


@pytest.mark.django_db(transaction=True)
def test_no_row_is_locked_while_declared_code_runs(user: User) -> None:
    edited = []

    def edited_meanwhile(target: str, leases: Sequence[Lease]) -> Mapping[str, payloads.Desired]:
        edited.extend(at_once(lambda: User.objects.filter(pk=user.pk).update(name="Edited")))
        return payloads.read(target, leases)

    [planned] = begun(user, read=edited_meanwhile)
    assert edited == [1]
    assert planned.wanted is not None
    assert dict(planned.wanted.payload)["name"] == "Edited"
    assert row_of(user).generation == planned.lease.generation + 1


def test_where_reading_fails_the_lease_is_given_back(user: User, sandbox: SandboxControl) -> None:
    def fails(_target: str, _leases: Sequence[Lease]) -> Mapping[str, payloads.Desired]:
        raise OperationalError("the database went away")

    with pytest.raises(OperationalError):
        begun(user, read=fails)
    assert row_of(user).state == "pending"
    step(user)
    assert (row_of(user).state, row_of(user).crashes, effects(sandbox)) == ("synced", 0, ["created"])


def test_a_lease_is_not_given_back_once_an_attempt_stands_under_it(user: User) -> None:
    lease = alone.claim(row_of(user).key)
    assert lease is not None
    alone.open_attempt(lease, Call.ADD)
    store.release([lease])
    assert row_of(user).state == "in_flight"
