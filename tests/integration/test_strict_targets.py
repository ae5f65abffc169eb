"""Before anything is asked, every target has to be open for a strict write; the least certain one is asked first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from tests.integration.conftest import effects, held_records, row_of, wanted_records
from tests.integration.strictly import STRICT, ZHANG, converge, create
from thirdparty import protect, targets
from thirdparty.consistency.strict import applying
from thirdparty.consistency.strict.errors import ChangedMeanwhile, NotAccepted, TargetsDiffer
from thirdparty.models import Record, StrictWrite, Target
from thirdparty.sandbox.client import SandboxControl
from users import consistency, services
from users.consistency import Consistency, Mode
from users.models import User


@pytest.fixture(autouse=True)
def _short_pauses(settings: Any) -> None:
    settings.SYNC_WAIT_PAUSE_SECONDS = 0.02


@pytest.fixture
def both(saas: SandboxControl, sandbox: SandboxControl) -> tuple[SandboxControl, SandboxControl]:
    return sandbox, saas


def asked(control: SandboxControl) -> list[str]:
    return [entry["path"].rpartition("/")[2] for entry in control.ledger() if entry["kind"] == "request"]


def write(kind: str, user: User) -> None:
    if kind == "create":
        create(phone="2")
    elif kind == "update":
        consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    else:
        consistency.delete(user.uuid, consistency=STRICT)


def stored() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (User, Record, StrictWrite)]


CLOSED: dict[str, dict[str, Any]] = {
    "paused": {"paused": True, "paused_reason": "the partner moves house"},
    "breaker": {"breaker": "open", "breaker_reason": "timeout", "blocked_until": "later"},
    "breaker, some calls try": {"breaker": "half_open"},
    "silent": {"blocked_until": "later"},
}


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_nobody_is_asked_and_nothing_changes_where_one_target_is_closed(
    both: tuple[SandboxControl, SandboxControl], kind: str, closed: str
) -> None:
    user = create()
    later = timezone.now() + timedelta(hours=1)
    state = {name: later if value == "later" else value for name, value in CLOSED[closed].items()}
    Target.objects.filter(name="saas").update(**state)
    before, ledgers = stored(), [len(control.ledger()) for control in both]
    with pytest.raises(NotAccepted) as refused:
        write(kind, user)
    assert [(v.target, v.reason) for v in refused.value.verdicts] == [
        ("partner", "not_asked"), ("saas", closed.partition(",")[0])
    ]  # fmt: skip
    assert not refused.value.asked
    assert stored() == before
    assert [len(control.ledger()) for control in both] == ledgers


def test_the_reason_of_a_pause_is_told(both: tuple[SandboxControl, SandboxControl]) -> None:
    Target.objects.filter(name="partner").update(paused=True, paused_reason="the partner moves house")
    with pytest.raises(NotAccepted) as refused:
        create()
    assert "the partner moves house" in refused.value.verdicts[0].message


def test_a_record_that_a_worker_holds_keeps_all_targets_from_being_asked(
    both: tuple[SandboxControl, SandboxControl],
) -> None:
    user = create()
    held = Record.objects.filter(key=row_of(user, "saas").key)
    held.update(lease_token="t" * 32, leased_until=timezone.now() + timedelta(hours=1))
    before, ledgers = stored(), [len(control.ledger()) for control in both]
    with pytest.raises(NotAccepted) as refused:
        consistency.delete(user.uuid, consistency=STRICT)
    assert [v.reason for v in refused.value.verdicts] == ["not_asked", "busy"]
    assert stored() == before
    assert [len(control.ledger()) for control in both] == ledgers


def test_a_worker_that_is_done_in_a_moment_is_waited_for(
    both: tuple[SandboxControl, SandboxControl], settings: Any
) -> None:
    settings.SYNC_WAIT_TRIES, settings.SYNC_WAIT_PAUSE_SECONDS = 20, 0.1
    user = create()
    Record.objects.filter(key=row_of(user, "saas").key).update(
        lease_token="t" * 32, leased_until=Now() + timedelta(seconds=0.3)
    )
    consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    assert held_records(both[0]) == held_records(both[1]) == wanted_records()


def test_a_username_that_another_record_still_holds_keeps_all_targets_from_being_asked(
    both: tuple[SandboxControl, SandboxControl],
) -> None:
    sandbox, saas = both
    before = create()
    saas.faults(busy=True)
    services.delete_user(before.uuid)
    ledgers = [len(control.ledger()) for control in both]
    with pytest.raises(NotAccepted) as refused:
        create(username=before.username)
    assert {v.reason for v in refused.value.verdicts} == {"key_held"}
    assert [len(control.ledger()) for control in both] == ledgers
    saas.faults()
    converge()
    create(username=before.username)
    assert held_records(sandbox) == held_records(saas) == wanted_records()


# -- which targets there are --------------------------------------------------------------


def test_a_process_that_does_not_know_a_target_accepts_nothing(
    both: tuple[SandboxControl, SandboxControl], settings: Any
) -> None:
    user = create()
    ledgers = [len(control.ledger()) for control in both]
    settings.SYNC_TARGETS = {"partner": settings.SYNC_TARGETS["partner"]}
    before = stored()
    for kind in ("create", "update", "delete"):
        with pytest.raises(TargetsDiffer, match="saas"):
            write(kind, user)
    assert stored() == before
    assert [len(control.ledger()) for control in both] == ledgers


def test_a_process_that_names_a_target_which_the_database_has_not_enabled_accepts_nothing(
    sandbox: SandboxControl, settings: Any
) -> None:
    partner = settings.SYNC_TARGETS["partner"]
    settings.SYNC_TARGETS = {"partner": partner, "saas": replace(partner, name="saas")}
    with pytest.raises(TargetsDiffer, match="saas"):
        create()
    assert sandbox.ledger() == []
    assert not Record.objects.exists()


def test_a_target_that_is_enabled_while_the_others_are_asked_has_not_accepted(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = create()
    real: Callable[..., None] = applying.apply

    def apply(*arguments: Any) -> None:
        Target.objects.create(name="saas", enabled=True)
        real(*arguments)

    monkeypatch.setattr(applying, "apply", apply)
    with pytest.raises(ChangedMeanwhile, match="saas"):
        consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    Target.objects.filter(name="saas").delete()
    converge()
    assert User.objects.get().name == "张伟"
    assert held_records(sandbox) == wanted_records()


def test_a_wait_is_not_over_before_a_target_that_this_process_does_not_know_has_followed(
    both: tuple[SandboxControl, SandboxControl], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr("thirdparty.notify.hints.push_record", lambda target, *_: woken.append(target) or True)
    known = dict(settings.SYNC_TARGETS)
    settings.SYNC_TARGETS = {"partner": known["partner"]}
    written = consistency.create(ZHANG, consistency=Consistency(Mode.WAIT, 0.3))  # type: ignore[typeddict-item]
    assert not written.level
    assert "saas" in woken
    settings.SYNC_TARGETS = known
    converge()
    assert held_records(both[1]) == wanted_records()


# -- in which order -----------------------------------------------------------------------


def first_asked(both: tuple[SandboxControl, SandboxControl], kind: str, user: User) -> str:
    """The target that is asked first, which refuses everything, so that the other is not asked."""
    for control in both:
        control.faults(invalid=True, only={"calls": ["add", "update", "delete"]})
    with pytest.raises(NotAccepted) as refused:
        write(kind, user)
    return next(v.target for v in refused.value.verdicts if v.reason != "not_asked")


def test_targets_of_which_nothing_speaks_against_are_asked_in_the_order_of_the_settings(
    both: tuple[SandboxControl, SandboxControl],
) -> None:
    assert first_asked(both, "update", create()) == "partner"


def test_a_target_that_failed_a_moment_ago_is_asked_first(both: tuple[SandboxControl, SandboxControl]) -> None:
    user = create()
    Target.objects.filter(name="saas").update(failed_keys=["saas:another"])
    assert first_asked(both, "update", user) == "saas"


def test_a_target_where_this_very_record_failed_is_asked_first(both: tuple[SandboxControl, SandboxControl]) -> None:
    user = create()
    both[1].faults(busy=True)
    services.update_user(user.uuid, phone="555")
    converge_at = [row_of(user, "partner").key, row_of(user, "saas").key]
    assert len(converge_at) == 2
    Record.objects.filter(key=row_of(user, "saas").key).update(failed_tries=2)
    assert first_asked(both, "update", user) == "saas"


def test_a_target_that_cannot_be_queried_is_asked_before_one_that_can(
    both: tuple[SandboxControl, SandboxControl], settings: Any
) -> None:
    user = create()
    saas = settings.SYNC_TARGETS["saas"]
    without = replace(saas, capabilities=replace(saas.capabilities, query=False))
    settings.SYNC_TARGETS = settings.SYNC_TARGETS | {"saas": without}
    assert first_asked(both, "update", user) == "saas"


def test_a_target_with_the_lower_rate_is_asked_first(
    both: tuple[SandboxControl, SandboxControl], settings: Any
) -> None:
    user = create()
    saas = settings.SYNC_TARGETS["saas"]
    settings.SYNC_TARGETS = settings.SYNC_TARGETS | {"saas": replace(saas, rate_per_second=100.0)}
    assert first_asked(both, "update", user) == "saas"


def test_a_delete_that_cannot_be_taken_back_comes_last(
    both: tuple[SandboxControl, SandboxControl], settings: Any
) -> None:
    """At ``saas`` the record was taken on trust: there it is only unlinked, which harms nobody, so it goes first."""
    sandbox, saas = both
    policy = settings.SYNC_TARGETS["saas"]
    settings.SYNC_TARGETS = settings.SYNC_TARGETS | {"saas": replace(policy, adopt="trust")}
    saas.create(username="zhangwei13800000001", name="Old", phone="999")
    user = create()
    Target.objects.filter(name="partner").update(failed_keys=["partner:another"])
    sandbox.faults(invalid=True, only={"calls": ["delete"]})
    with pytest.raises(NotAccepted) as refused:
        consistency.delete(user.uuid, consistency=STRICT)
    assert [(v.target, v.accepted) for v in refused.value.verdicts] == [("saas", True), ("partner", False)]
    sandbox.faults()
    Target.objects.filter(name="partner").update(failed_keys=[])
    converge()
    assert held_records(sandbox) == held_records(saas) == wanted_records()
    assert "deleted" not in effects(saas)


def test_a_target_goes_on_being_open_for_those_who_resume_it(both: tuple[SandboxControl, SandboxControl]) -> None:
    Target.objects.filter(name="saas").update(paused=True)
    with pytest.raises(NotAccepted):
        create()
    protect.resume("saas")
    targets.publish_rows()
    create()
    assert held_records(both[0]) == held_records(both[1]) == wanted_records()
