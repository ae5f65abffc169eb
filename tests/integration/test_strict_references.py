"""A strict write that names another record, or removes one that is named: refused before anybody is asked, or made whole."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from tests import declarations
from tests.integration.test_references import Memory, Team
from thirdparty import targets
from thirdparty.connectors.base import RemoteObject
from thirdparty.consistency import strict
from thirdparty.declaration import AtTarget, Synced, of_kind
from thirdparty.models import Record, Ref, Reference, StrictWrite
from thirdparty.models.strict_write import Action
from thirdparty.run.drain import drain
from thirdparty.sandbox.client import SandboxControl
from users.models import RoleMapping

pytestmark = pytest.mark.django_db(transaction=True)
PK = 77


class Seat(Synced[RoleMapping]):
    kind = "test.seat"
    watch = ("remote_role_id", "group")
    references: ClassVar[dict[str, Any]] = {"group": Team}

    def payload(self, obj: RoleMapping, target: AtTarget) -> dict[str, Any]:
        return {"role": obj.remote_role_id, "team": target.remote_id(obj.group)}

    def candidate(self, values: Mapping[str, Any], target: AtTarget) -> dict[str, Any]:
        return {"role": values["role"], "team": target.remote_id(Group.objects.get(pk=values["group"]))}


class Partner(Memory):
    held: ClassVar[dict[str, RemoteObject]] = {}
    calls: ClassVar[list[str]] = []
    _ids: ClassVar[Iterator[int]] = itertools.count(1)


class Saas(Memory):
    held: ClassVar[dict[str, RemoteObject]] = {}
    calls: ClassVar[list[str]] = []
    _ids: ClassVar[Iterator[int]] = itertools.count(1_000)


BOTH: Mapping[str, type[Memory]] = {"partner": Partner, "saas": Saas}


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch, saas: SandboxControl, settings: Any) -> Iterator[None]:
    settings.SYNC_WAIT_PAUSE_SECONDS = 0.02
    with declarations.alone(monkeypatch, Team, Seat):
        monkeypatch.setattr(targets, "connector", lambda name, kind: BOTH[name](targets.config(name), kind))
        for each in BOTH.values():
            each.held.clear()
            each.calls.clear()
        yield


@pytest.fixture
def team() -> Group:
    """At both targets."""
    made: Group = Group.objects.create(name="sales")
    converge()
    return made


def converge() -> None:
    for name in BOTH:
        drain(name)


def calls() -> list[str]:
    return [f"{name}: {call}" for name, each in BOTH.items() for call in each.calls]


def forget_calls() -> None:
    for each in BOTH.values():
        each.calls.clear()


def strictly(action: Action, ref: Ref, write: Callable[[], Any], *, base: str = "", **values: Any) -> None:
    with transaction.atomic():
        candidate = strict.Candidate(ref, action, values, "", base, action == Action.DELETE)
        opened = strict.open_write(candidate)
    strict.carry_out(opened, strict.Course(base=lambda: base, write=write, kept=lambda: None))


def create_seat(team: Group) -> None:
    strictly(
        Action.CREATE,
        of_kind("test.seat").ref(PK),
        lambda: RoleMapping.objects.create(pk=PK, group=team, target="partner", remote_role_id="1"),
        group=team.pk,
        role="1",
    )


def delete(obj: Any) -> None:
    kind = "test.team" if isinstance(obj, Group) else "test.seat"
    strictly(Action.DELETE, of_kind(kind).ref(obj.pk), obj.delete, base="as it was")


def states(kind: str) -> dict[str, str]:
    return dict(Record.objects.filter(kind=kind).order_by("target").values_list("target", "state"))


def refusal(write: Callable[[], None]) -> dict[str, tuple[str, str]]:
    with pytest.raises(strict.NotAccepted) as refused:
        write()
    assert not refused.value.asked
    assert not StrictWrite.objects.exists()
    return {each.target: (each.reason, each.message) for each in refused.value.verdicts}


# -- naming another record ---------------------------------------------------------------


def test_a_strict_create_that_names_a_record_of_every_target_is_made(team: Group) -> None:
    create_seat(team)
    assert states("test.seat") == {"partner": "synced", "saas": "synced"}
    named = {
        name: [obj.payload["team"] for obj in each.held.values() if "team" in obj.payload]
        for name, each in BOTH.items()
    }  # type: ignore[index]
    assert named == {name: [Record.objects.get(kind="test.team", target=name).remote_id] for name in BOTH}


def test_whom_a_strict_write_names_is_kept_as_of_any_other(team: Group) -> None:
    create_seat(team)
    seat_ref, team_ref = of_kind("test.seat").ref(PK), of_kind("test.team").ref(team.pk)
    remote_ids = dict(Record.objects.filter(kind="test.team").values_list("key", "remote_id"))
    kept = Reference.objects.order_by("record").values_list("record", "on_record", "remote_id")
    assert list(kept) == [(seat_ref.key(name), team_ref.key(name), remote_ids[team_ref.key(name)]) for name in BOTH]


def test_a_strict_create_that_names_a_record_which_one_target_does_not_have_is_refused_with_nobody_asked(
    team: Group,
) -> None:
    other = Group.objects.create(name="support")
    drain("partner")
    forget_calls()

    verdicts = refusal(lambda: create_seat(other))

    assert verdicts["saas"][0] == "blocked"
    assert verdicts["saas"][1] == f"it refers to {of_kind('test.team').ref(other.pk)}, which is not at the target yet"
    assert verdicts["partner"][0] == "not_asked"
    assert calls() == []
    assert not Record.objects.filter(kind="test.seat").exists()
    assert not RoleMapping.objects.exists()


@pytest.mark.parametrize(
    ("facts", "said"),
    [({"parked": "invalid", "remote_id": None}, "is parked (invalid)"), ({"deleted": True}, "is gone here")],
    ids=["parked", "gone"],
)
def test_why_the_named_record_will_not_come_is_said(team: Group, facts: dict[str, Any], said: str) -> None:
    Record.objects.filter(kind="test.team", target="saas").update(due_at=None, **facts)
    assert said in refusal(lambda: create_seat(team))["saas"][1]


def test_a_strict_update_to_a_record_that_one_target_does_not_have_is_refused_with_nobody_asked(team: Group) -> None:
    create_seat(team)
    other = Group.objects.create(name="support")
    drain("partner")
    forget_calls()

    seat = RoleMapping.objects.get()
    refused = refusal(
        lambda: strictly(
            Action.UPDATE, of_kind("test.seat").ref(PK), lambda: None, base="as it was", group=other.pk, role="1"
        )
    )

    assert refused["saas"][0] == "blocked"
    assert calls() == []
    assert seat.group == team


def test_a_kind_that_the_declaration_does_not_name_is_refused_with_nobody_asked(
    team: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_calls()
    monkeypatch.setattr(Seat, "references", {})
    assert refusal(lambda: create_seat(team))["partner"][0] == "undeclared_reference"
    assert calls() == []


def test_a_named_record_that_goes_while_the_targets_are_asked_ends_the_write(
    team: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget = Record.objects.filter(kind="test.team", target="partner")

    def then_gone(self: Memory, obj: RemoteObject, **given: Any) -> str:
        made = Memory.add(self, obj, **given)
        forget.update(remote_id=None, generation=9)
        return made

    monkeypatch.setattr(Saas, "add", then_gone)
    with pytest.raises(strict.ChangedMeanwhile, match="it refers to"):
        create_seat(team)
    assert not RoleMapping.objects.exists()


# -- being named -------------------------------------------------------------------------


def test_a_strict_delete_of_a_record_that_another_names_is_refused_with_nobody_asked(team: Group) -> None:
    create_seat(team)
    forget_calls()

    verdicts = refusal(lambda: delete(team))

    for name in BOTH:
        reason, message = verdicts[name]
        assert reason == "blocked"
        assert message.startswith(f"{name}:test.seat:{PK} still names it")
    assert calls() == []
    assert states("test.team") == {"partner": "synced", "saas": "synced"}


def test_once_nobody_names_it_any_more_it_goes_strictly(team: Group) -> None:
    create_seat(team)
    delete(RoleMapping.objects.get())
    assert not Reference.objects.exists()
    delete(team)
    assert Partner.held == Saas.held == {}
    assert not Group.objects.exists()


def test_who_was_held_by_a_record_that_goes_strictly_goes_at_once(team: Group) -> None:
    create_seat(team)
    seat = RoleMapping.objects.get()
    seat_ref = of_kind("test.seat").ref(seat.pk)
    Record.objects.filter(kind="test.team").update(deleted=True, generation=2, due_at=None, held_by=None)
    for row in Record.objects.filter(kind="test.team"):
        Record.objects.filter(pk=row.pk).update(held_by=seat_ref.key(row.target))

    delete(seat)

    assert set(Record.objects.filter(kind="test.team").values_list("held_by", flat=True)) == {None}
    assert not Record.objects.filter(kind="test.team", due_at=None).exists()
