"""What is taken back is only what the strict write made: a record that was at the target before it is never deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.integration.conftest import effects, held_records, row_of, wanted_records
from tests.integration.strictly import STRICT, Killed, converge, create, expire
from thirdparty.consistency.strict import applying, taking_back
from thirdparty.consistency.strict.errors import NotAccepted
from thirdparty.models import Record
from thirdparty.sandbox.client import SandboxControl
from users import consistency, services
from users.models import User

USERNAME, PHONE = "zhangwei13800000001", "13800000001"


@pytest.fixture(autouse=True)
def _short_pauses(settings: Any) -> None:
    settings.SYNC_WAIT_PAUSE_SECONDS = 0.02


@pytest.fixture(params=["match", "trust"])
def adopt(saas: SandboxControl, settings: Any, request: pytest.FixtureRequest) -> str:
    settings.SYNC_TARGETS = {name: replace(item, adopt=request.param) for name, item in settings.SYNC_TARGETS.items()}
    return str(request.param)


def inactive(sandbox: SandboxControl) -> User:
    """A person who has left both targets; since then somebody made a record of the same username at ``partner``."""
    user = create()
    services.update_user(user.uuid, is_active=False)
    converge()
    assert sandbox.users() == []
    sandbox.create(username=USERNAME, name="Old", phone=PHONE)
    return user


def activate(user: User) -> None:
    consistency.update(user.uuid, {"is_active": True}, consistency=STRICT)


def there(sandbox: SandboxControl) -> int:
    return len(sandbox.users())


def test_a_refused_reactivation_does_not_delete_a_record_that_was_there_before(
    saas: SandboxControl, sandbox: SandboxControl, adopt: str
) -> None:
    user = inactive(sandbox)
    before = effects(sandbox)
    saas.faults(invalid=True)
    with pytest.raises(NotAccepted) as refused:
        activate(user)
    assert [v.accepted for v in refused.value.verdicts] == [True, False]
    saas.faults()
    converge()
    assert there(sandbox) == 1
    assert "deleted" not in effects(sandbox)[len(before) :]
    assert (row_of(user).state, row_of(user).remote_id) == ("synced", None)


def test_nor_does_one_whose_process_died(
    saas: SandboxControl, sandbox: SandboxControl, adopt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = inactive(sandbox)

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(applying, "apply", die)
        patch.setattr(taking_back, "take_back", lambda _: False)
        with pytest.raises(Killed):
            activate(user)
    expire()
    converge()
    assert there(sandbox) == 1
    assert saas.users() == []


def test_after_a_refused_reactivation_the_person_can_come_and_go(
    saas: SandboxControl, sandbox: SandboxControl, adopt: str
) -> None:
    user = inactive(sandbox)
    saas.faults(invalid=True)
    with pytest.raises(NotAccepted):
        activate(user)
    saas.faults()
    converge()
    services.update_user(user.uuid, is_active=True)
    converge()
    assert held_records(sandbox) == held_records(saas) == wanted_records()
    services.update_user(user.uuid, is_active=False)
    converge()
    assert there(sandbox) == 1  # it was there before us, and stays
    assert saas.users() == []


def test_an_accepted_reactivation_makes_it_ours_by_the_policy(
    saas: SandboxControl, sandbox: SandboxControl, adopt: str
) -> None:
    user = inactive(sandbox)
    activate(user)
    assert row_of(user).adopted == adopt
    assert held_records(sandbox) == held_records(saas) == wanted_records()


def test_a_record_taken_on_trust_long_ago_stays_so_after_an_accepted_reactivation(
    saas: SandboxControl, sandbox: SandboxControl, settings: Any
) -> None:
    known = settings.SYNC_TARGETS
    settings.SYNC_TARGETS = {name: replace(item, adopt="trust") for name, item in known.items()}
    sandbox.create(username=USERNAME, name="Old", phone="999")
    user = create()
    services.update_user(user.uuid, is_active=False)
    converge()
    settings.SYNC_TARGETS = known
    activate(user)
    assert row_of(user).adopted == "trust"
    consistency.delete(user.uuid, consistency=STRICT)
    assert there(sandbox) == 1


def test_our_own_record_that_somebody_brought_back_is_unlinked_and_not_deleted(
    saas: SandboxControl, sandbox: SandboxControl
) -> None:
    user = create()
    services.update_user(user.uuid, is_active=False)
    converge()
    sandbox.create(username=USERNAME, name="Old", phone=PHONE, externalId=str(user.uuid))
    saas.faults(invalid=True)
    with pytest.raises(NotAccepted):
        activate(user)
    saas.faults()
    converge()
    assert there(sandbox) == 1


def test_a_strict_deletion_takes_away_our_own_record_that_a_restore_has_brought_back(
    saas: SandboxControl, sandbox: SandboxControl
) -> None:
    """The deletion puts nothing there that it would have to take back."""
    user = create()
    sandbox.backup()
    services.update_user(user.uuid, is_active=False)
    converge()
    sandbox.restore()
    assert there(sandbox) == 1
    consistency.delete(user.uuid, consistency=STRICT)
    assert there(sandbox) == 0
    assert set(Record.objects.values_list("state", flat=True)) == {"deleted"}


def test_what_the_strict_write_added_itself_is_deleted_again(saas: SandboxControl, sandbox: SandboxControl) -> None:
    user = create()
    services.update_user(user.uuid, is_active=False)
    converge()
    saas.faults(invalid=True)
    with pytest.raises(NotAccepted):
        activate(user)
    saas.faults()
    converge()
    assert sandbox.users() == saas.users() == []


def test_so_is_what_it_added_and_had_to_look_up(saas: SandboxControl, sandbox: SandboxControl) -> None:
    user = create()
    services.update_user(user.uuid, is_active=False)
    converge()
    sandbox.faults(apply_then_500=True, only={"calls": ["add"], "first": 1})
    saas.faults(invalid=True)
    with pytest.raises(NotAccepted) as refused:
        activate(user)
    assert [v.accepted for v in refused.value.verdicts] == [True, False]
    sandbox.faults()
    saas.faults()
    converge()
    assert sandbox.users() == saas.users() == []


def test_an_active_person_keeps_what_a_refused_update_adopted_by_the_policy(
    saas: SandboxControl, sandbox: SandboxControl
) -> None:
    sandbox.faults(busy=True)
    user = User.objects.create(name="张伟", phone=PHONE)
    sandbox.faults()
    sandbox.create(username=USERNAME, name="Old", phone=PHONE)
    saas.faults(invalid=True)
    with pytest.raises(NotAccepted):
        consistency.update(user.uuid, {"email": "w@example.com"}, consistency=STRICT)
    saas.faults()
    converge()
    assert row_of(user).adopted == "match"
    assert held_records(sandbox) == held_records(saas) == wanted_records()


def test_who_is_created_again_after_a_refused_strict_create_gets_the_record_that_it_took_over(
    saas: SandboxControl, sandbox: SandboxControl, adopt: str
) -> None:
    sandbox.create(username=USERNAME, name="Old", phone=PHONE)
    saas.faults(invalid=True)
    with pytest.raises(NotAccepted):
        create()
    saas.faults()
    converge()
    create()
    assert held_records(sandbox) == held_records(saas) == wanted_records()
