"""Promise 4: a lost answer is neither success nor failure; it is found out and settled by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests import alone
from tests.integration.conftest import ALL, converge, effects, held_records, row_of, step, wanted_records
from thirdparty.decide.plan import Call
from thirdparty.models import Attempt, Record
from thirdparty.models.record import EPOCH
from thirdparty.sandbox.client import SandboxControl
from users.models import User

APPLIED_UNANSWERED = ["apply_then_500", "apply_then_cut", "apply_then_hang"]
NOT_APPLIED = ["500", "502", "504", "408", "cut", "hang"]


@pytest.fixture
def user(sandbox: SandboxControl, partner: Callable[..., None]) -> User:
    partner(timeout_seconds=0.25, visibility_seconds=0.4)
    return User.objects.create(name="张伟", phone="13800000001")


def creations(sandbox: SandboxControl) -> int:
    return effects(sandbox).count("created")


@pytest.mark.parametrize("fault", APPLIED_UNANSWERED + NOT_APPLIED)
def test_an_unanswered_add_leaves_the_outcome_unknown(user: User, sandbox: SandboxControl, fault: str) -> None:
    sandbox.faults(rates={fault: 1})
    step(user)
    row = row_of(user)
    assert row.state == "unknown"
    assert row.add_key is not None
    assert Attempt.objects.get().outcome == "unknown"


@pytest.mark.parametrize("capabilities", [ALL, ("query",), ("query", "versions"), ("idempotency",), ()], ids=str)
@pytest.mark.parametrize("fault", APPLIED_UNANSWERED + NOT_APPLIED)
def test_an_unanswered_add_ends_as_exactly_one_level_record(
    user: User, sandbox: SandboxControl, partner: Callable[..., None], fault: str, capabilities: tuple[str, ...]
) -> None:
    partner(capabilities=capabilities)
    sandbox.faults(rates={fault: 1}, capabilities=list(capabilities))
    step(user)
    sandbox.heal()
    converge()
    assert held_records(sandbox) == wanted_records()
    assert creations(sandbox) == 1
    assert row_of(user).state == "synced"


@pytest.mark.parametrize("capabilities", [("query",), ("query", "idempotency"), ("idempotency",)], ids=str)
@pytest.mark.parametrize("fault", [*APPLIED_UNANSWERED, "late_apply", "500"])
def test_no_record_is_doubled_where_usernames_may_be_shared(
    user: User, sandbox: SandboxControl, partner: Callable[..., None], fault: str, capabilities: tuple[str, ...]
) -> None:
    partner(capabilities=capabilities)
    sandbox.faults(rates={fault: 1}, late_seconds=0.4, capabilities=list(capabilities), unique_usernames=False)
    step(user)
    sandbox.heal()
    converge()
    assert held_records(sandbox) == wanted_records()
    assert len(sandbox.users()) == 1


@pytest.mark.parametrize("capabilities", [("query",), ()], ids=str)
@pytest.mark.parametrize("fault", APPLIED_UNANSWERED + NOT_APPLIED)
def test_an_unanswered_update_is_made_again(
    user: User, sandbox: SandboxControl, partner: Callable[..., None], fault: str, capabilities: tuple[str, ...]
) -> None:
    converge()
    partner(capabilities=capabilities)
    User.objects.update(name="New")
    sandbox.faults(rates={fault: 1}, capabilities=list(capabilities))
    step(user)
    assert row_of(user).state == "unknown"
    sandbox.heal()
    converge()
    assert held_records(sandbox) == wanted_records()


@pytest.mark.parametrize("fault", APPLIED_UNANSWERED + NOT_APPLIED)
def test_an_unanswered_delete_ends_deleted(user: User, sandbox: SandboxControl, fault: str) -> None:
    converge()
    user.delete()
    step(Record.objects.get().key)  # it is looked at before it goes
    sandbox.faults(rates={fault: 1})
    step(Record.objects.get().key)
    assert Record.objects.get().state == "unknown"
    sandbox.heal()
    converge()
    assert sandbox.users() == []
    assert Record.objects.get().state == "deleted"


def test_an_old_update_that_lands_after_a_newer_one_is_found_and_overwritten(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(visibility_seconds=4.0)
    converge()
    User.objects.update(name="Old")
    sandbox.faults(rates={"late_apply": 1}, late_seconds=3.0)
    step(user)
    sandbox.heal()
    User.objects.update(name="New")
    step(user)
    assert row_of(user).synced_generation == row_of(user).generation
    assert row_of(user).state == "unknown"
    converge()
    names = [e["record"]["name"] for e in sandbox.ledger() if e["kind"] == "effect"]
    assert names == ["张伟", "New", "Old", "New"]
    assert held_records(sandbox) == wanted_records()


def test_an_old_update_never_lands_where_the_target_honours_versions(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(capabilities=ALL, visibility_seconds=4.0)
    sandbox.faults(capabilities=list(ALL))
    converge()
    User.objects.update(name="Old")
    sandbox.faults(rates={"late_apply": 1}, late_seconds=3.0)
    step(user)
    sandbox.heal()
    User.objects.update(name="New")
    converge()
    names = [e["record"]["name"] for e in sandbox.ledger() if e["kind"] == "effect"]
    assert names == ["张伟", "New"]


def test_a_create_that_lands_after_the_delete_is_found_and_removed(user: User, sandbox: SandboxControl) -> None:
    sandbox.faults(rates={"late_apply": 1}, late_seconds=0.4)
    step(user)
    sandbox.heal()
    user.delete()
    converge()
    assert sandbox.users() == []
    assert effects(sandbox) == ["created", "deleted"]
    assert Record.objects.get().state == "deleted"


@pytest.mark.parametrize("capabilities", [("idempotency",), ()], ids=str)
def test_a_user_gone_after_an_unanswered_add_is_removed_even_where_nothing_can_be_queried(
    user: User, sandbox: SandboxControl, partner: Callable[..., None], capabilities: tuple[str, ...]
) -> None:
    partner(capabilities=capabilities)
    sandbox.faults(rates={"apply_then_cut": 1}, capabilities=list(capabilities))
    step(user)
    sandbox.heal()
    user.delete()
    converge()
    assert sandbox.users() == []
    assert Record.objects.get().state == "deleted"


def test_a_late_delete_of_a_user_who_is_back_is_made_good(user: User, sandbox: SandboxControl) -> None:
    converge()
    User.objects.update(is_active=False)
    sandbox.faults(rates={"late_apply": 1}, late_seconds=0.4)
    step(user)
    sandbox.heal()
    User.objects.update(is_active=True)
    converge()
    assert held_records(sandbox) == wanted_records()
    assert row_of(user).state == "synced"


def test_a_lease_that_ran_out_with_a_write_under_way_is_an_unknown_outcome(
    user: User, sandbox: SandboxControl
) -> None:
    lease = alone.claim(row_of(user).key)
    assert lease is not None
    alone.leave(lease, Call.ADD)
    assert row_of(user).unknown_until is None
    step(user)
    row = row_of(user)
    assert row.unknown_until is not None
    assert row.crashes == 0
    crashed = Attempt.objects.order_by("id").first()
    assert crashed is not None
    assert (crashed.outcome, crashed.reason) == ("crashed", "lease_expired")


def test_a_lease_that_ran_out_while_reading_leaves_no_doubt(user: User, sandbox: SandboxControl) -> None:
    lease = alone.claim(row_of(user).key)
    assert lease is not None
    alone.leave(lease, Call.VERIFY)
    step(user)
    assert row_of(user).state == "synced"


def test_the_later_of_two_windows_is_kept(user: User, sandbox: SandboxControl, partner: Callable[..., None]) -> None:
    converge()
    User.objects.update(name="New")
    far = timezone.now() + timedelta(hours=1)
    Record.objects.update(unknown_until=far)
    sandbox.faults(rates={"500": 1})
    step(user)
    assert row_of(user).unknown_until == far


def test_a_push_that_is_acknowledged_does_not_forget_an_earlier_doubt(user: User, sandbox: SandboxControl) -> None:
    converge()
    User.objects.update(name="New")
    far = timezone.now() + timedelta(hours=1)
    Record.objects.update(unknown_until=far)
    step(user)
    row = row_of(user)
    assert row.synced_generation == row.generation
    assert (row.unknown_until, row.due_at, row.state) == (far, far, "unknown")


@pytest.mark.parametrize("garbage", ["bad_json", "html", "wrong_shape", "giant_body", "slow_body", "slow_headers"])
def test_an_unreadable_answer_is_no_answer(user: User, sandbox: SandboxControl, garbage: str) -> None:
    sandbox.faults(rates={garbage: 1})
    step(user)
    assert row_of(user).state == "unknown"
    sandbox.heal()
    converge()
    assert held_records(sandbox) == wanted_records()
    assert creations(sandbox) == 1


def test_a_worker_that_lost_its_lease_changes_nothing_but_the_generation(
    user: User, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thirdparty.connectors.landcloud.connector import LandcloudConnector

    add = LandcloudConnector.add

    def add_while_robbed(self: LandcloudConnector, *args: Any, **kwargs: Any) -> str:
        Record.objects.update(lease_token="another worker's")
        return add(self, *args, **kwargs)

    monkeypatch.setattr(LandcloudConnector, "add", add_while_robbed)
    pushed = step(user)
    assert pushed is not None
    assert pushed.row is None
    row = row_of(user)
    assert (row.lease_token, row.generation, row.synced_generation) == ("another worker's", 2, 0)


@pytest.mark.parametrize(("sent_hours_ago", "call"), [(23, "add"), (25, "verify"), (-2, "verify")])
@pytest.mark.parametrize("clock_hours", [-2, 2], ids=["behind", "ahead"])
def test_a_key_is_as_old_as_the_database_says_whatever_the_workers_clock_is(
    sandbox: SandboxControl,
    partner: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    clock_hours: int,
    sent_hours_ago: int,
    call: str,
) -> None:
    partner(capabilities=("query", "idempotency"), timeout_seconds=0.25, visibility_seconds=0.1)
    sandbox.faults(capabilities=["query", "idempotency"], rates={"apply_then_cut": 1})
    user = User.objects.create(name="张伟", phone="13800000001")
    step(user)
    sandbox.heal()
    Attempt.objects.update(started_at=timezone.now() - timedelta(hours=sent_hours_ago))
    Record.objects.update(unknown_until=None, due_at=EPOCH)  # the window is over, and was read back
    wrong = timezone.now() + timedelta(hours=clock_hours)
    monkeypatch.setattr(timezone, "now", lambda: wrong)
    step(user)
    assert Attempt.objects.order_by("-id").values_list("call", flat=True).first() == call
