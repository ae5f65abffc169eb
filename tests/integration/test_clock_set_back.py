"""The database's clock was ahead for a while and has been set back: nothing waits for the time that it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.integration.conftest import row_of
from thirdparty.consistency.strict import longest_seconds, taking_back
from thirdparty.models import Record, StrictWrite
from thirdparty.models.record import EPOCH, State
from thirdparty.run import reconcile
from thirdparty.settings import settings
from users.models import User

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def user() -> User:
    return User.objects.create(name="张伟", phone="1")


def ahead(seconds: float) -> Any:
    return timezone.now() + HOUR + timedelta(seconds=seconds)


def soon(seconds: float) -> Any:
    return timezone.now() + timedelta(seconds=seconds)


@pytest.mark.parametrize("due_at", [EPOCH, ahead(-60)], ids=["edited since", "as it was claimed"])
@pytest.mark.parametrize("unknown_until", [None, ahead(4)], ids=["without a doubt", "in doubt"])
def test_a_lease_from_then_lasts_no_longer_than_one_from_now(user: User, due_at: Any, unknown_until: Any) -> None:
    Record.objects.update(lease_token="t", leased_until=ahead(9), due_at=due_at, unknown_until=unknown_until)
    assert reconcile.bring_back() == 1
    row = row_of(user)
    assert row.lease_token == "t"
    assert row.leased_until <= soon(settings.SYNC_LEASE_SECONDS)
    assert row.due_at <= timezone.now()
    assert row.unknown_until is None or row.unknown_until < ahead(0)


def test_what_is_edited_under_such_a_lease_stays_ahead_of_what_is_merely_due(user: User) -> None:
    Record.objects.update(lease_token="t", leased_until=ahead(9), due_at=EPOCH)
    reconcile.bring_back()
    assert row_of(user).due_at == EPOCH


def test_a_window_from_then_is_no_longer_than_one_from_now(user: User) -> None:
    Record.objects.update(synced_generation=1, owed_since=None, unknown_until=ahead(4), due_at=ahead(4))
    assert row_of(user).state == State.UNKNOWN
    assert reconcile.bring_back() == 1
    assert row_of(user).unknown_until < ahead(0)
    assert row_of(user).due_at <= timezone.now()


def test_leases_and_windows_of_now_are_left_alone(user: User) -> None:
    lease_seconds = settings.SYNC_LEASE_SECONDS
    Record.objects.update(lease_token="t", leased_until=soon(lease_seconds), due_at=soon(0))
    assert reconcile.bring_back() == 0
    Record.objects.update(lease_token=None, leased_until=None, unknown_until=soon(1), due_at=soon(1))
    assert reconcile.bring_back() == 0


@pytest.mark.parametrize("then", [{"pulled_at": ahead(0)}, {"owed_since": ahead(0)}], ids=["pulled", "owed"])
def test_what_was_owed_or_brought_forward_then_counts_as_long_ago(user: User, then: dict[str, Any]) -> None:
    waiting = {"owed_since": timezone.now() - 100 * HOUR, "pulled_at": None, "due_at": soon(600)}
    Record.objects.update(**(waiting | then))
    assert reconcile.pull_forward() == 1
    assert reconcile.pull_forward() == 0


def test_a_strict_write_from_then_whose_process_died_is_taken_back(user: User) -> None:
    write = {"kind": "users.user", "object_id": user.uuid.hex, "action": "update", "candidate": {}, "token": "t"}
    StrictWrite.objects.create(**write, expires_at=soon(longest_seconds()))
    assert taking_back.sweep() == 0
    StrictWrite.objects.update(expires_at=ahead(longest_seconds()))
    assert taking_back.sweep() == 1
