"""Promise 3: an older state never ends up over a newer one, whoever is ahead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import alone
from tests.integration.conftest import ALL, converge, held_records, row_of, step, wanted_records
from thirdparty import store
from thirdparty.capture import backfill
from thirdparty.models import Record
from thirdparty.sandbox.client import SandboxControl
from users.models import User


@pytest.fixture
def user(sandbox: SandboxControl) -> User:
    return User.objects.create(name="张伟", phone="1")


@pytest.mark.parametrize("capabilities", [ALL, ("versions",)], ids=["with query", "without query"])
def test_a_database_restored_from_backup_goes_above_the_target(
    user: User, sandbox: SandboxControl, partner: Callable[..., None], capabilities: tuple[str, ...]
) -> None:
    partner(capabilities=capabilities)
    sandbox.faults(capabilities=list(capabilities))
    converge()
    sandbox.edit(row_of(user).remote_id, version=500)
    User.objects.update(name="After the restore")
    converge()
    assert held_records(sandbox) == wanted_records()
    assert row_of(user).generation > 500


def test_a_target_restored_from_backup_is_brought_level_by_looking_again(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(capabilities=ALL)
    sandbox.faults(capabilities=list(ALL))
    converge()
    sandbox.edit(row_of(user).remote_id, name="from the backup")
    store.look_now([row_of(user).key])
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_target_that_lost_everything_is_filled_again_by_looking_again(user: User, sandbox: SandboxControl) -> None:
    converge()
    sandbox.delete(row_of(user).remote_id)
    store.look_now([row_of(user).key])
    converge()
    assert held_records(sandbox) == wanted_records()


def test_looking_again_always_raises_the_generation_of_a_level_record(user: User, sandbox: SandboxControl) -> None:
    converge()
    before = row_of(user).generation
    store.look_now([row_of(user).key])
    assert row_of(user).generation == before + 1


def test_a_backfill_pushes_every_record_again(user: User, sandbox: SandboxControl) -> None:
    User.objects.create(name="Other", phone="2")
    converge()
    for record in sandbox.users():
        sandbox.delete(record["userId"])
    assert sum(backfill.steps("partner")) == 2
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_confirmed_tombstone_is_not_looked_at_again(user: User, sandbox: SandboxControl) -> None:
    converge()
    user.delete()
    converge()
    assert store.look_now([Record.objects.get().key]) == 0


def test_a_record_is_never_pushed_twice_at_once(user: User, sandbox: SandboxControl) -> None:
    assert alone.claim(row_of(user).key) is not None
    assert step(user) is None
    assert sandbox.ledger() == []
