"""A natural key that changes, of a declaration that has its records replaced: deleted under the old key, added under the new."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from tests.declarations import know_them
from tests.integration.test_references import Memory
from thirdparty import targets
from thirdparty.capture import triggers
from thirdparty.connectors.base import Capabilities, RemoteObject, RemoteRecord
from thirdparty.connectors.errors import AlreadyExists, NotFound, OutcomeUnknown
from thirdparty.consistency import strict
from thirdparty.declaration import AtTarget, KeyChanges, Synced, Unmappable, register, registry
from thirdparty.declaration.misdeclared import faults_of
from thirdparty.models import Brake, Record, Target
from thirdparty.models.record import EPOCH
from thirdparty.models.strict_write import Action
from thirdparty.run.drain import drain
from thirdparty.sandbox.client import SandboxControl
from users.models import RoleMapping

pytestmark = pytest.mark.django_db(transaction=True)


class Team(Synced[Group]):
    kind = "test.named"
    key = "name"
    key_changes = KeyChanges.REPLACED
    watch = ("name",)

    def payload(self, obj: Group, target: AtTarget) -> dict[str, Any]:
        if obj.name == "unspeakable":
            raise Unmappable("no_name", "the target has no word for it")
        return {"name": target.key(obj)}


class Unique(Memory):
    """One record of each key."""

    supports = capabilities = Capabilities(query=True)
    held: ClassVar[dict[str, RemoteObject]] = {}
    calls: ClassVar[list[str]] = []
    unheard: ClassVar[set[str]] = set()
    _ids: ClassVar[Iterator[int]] = itertools.count(1)

    def add(self, obj: RemoteObject, *, version: int, idempotency_key: str) -> str:  # noqa: ARG002  # offers neither
        for remote_id, each in self.held.items():
            if each.key == obj.key:
                raise AlreadyExists(remote_id)
        remote_id = f"r{next(self._ids)}"
        self.held[remote_id] = obj
        self._said("add", obj.key)
        return remote_id

    def update(self, remote_id: str, obj: RemoteObject, *, version: int) -> None:  # noqa: ARG002  # the same
        if remote_id not in self.held:
            raise NotFound
        self.held[remote_id] = obj
        self._said("update", obj.key)

    def delete(self, remote_id: str) -> None:
        gone = self.held.pop(remote_id, None)
        if gone is None:
            raise NotFound
        self._said("delete", gone.key)

    def _said(self, call: str, key: str) -> None:
        self.calls.append(f"{call} {key}")
        if call in self.unheard:
            self.unheard.discard(call)
            raise OutcomeUnknown("timeout")

    def find(
        self, *, remote_id: str | None = None, external_id: str | None = None, key: str | None = None
    ) -> RemoteRecord | None:
        for each, obj in self.held.items():
            if remote_id == each or obj.external_id == external_id or (key and obj.key == key):
                return RemoteRecord(each, obj.external_id, obj.key, obj.payload)
        return None


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxControl) -> Iterator[None]:  # its settings
    monkeypatch.setattr(registry, "_declared", {})
    register(Team)
    triggers.install()
    know_them()
    monkeypatch.setattr(targets, "connector", lambda name, kind: Unique(targets.config(name), kind))
    for kept in (Unique.held, Unique.calls, Unique.unheard):
        kept.clear()
    yield
    triggers.drop()
    monkeypatch.undo()
    triggers.install()
    know_them()
    Target.objects.update(
        unrecorded=False, owing_to=None, owing_left=[], swept_to="", swept_left=[], behind_since=None
    )


@pytest.fixture
def team() -> Group:
    """At the target, and nothing was asked of it since."""
    made: Group = Group.objects.create(name="sales")
    converge()
    Unique.calls.clear()
    return made


def converge() -> None:
    """Until nothing is due; whoever waits for their next try, or for a window to end, has waited."""
    for _ in range(8):
        drain("partner")
        Record.objects.filter(due_at__isnull=False).update(due_at=EPOCH)
        Record.objects.filter(unknown_until__isnull=False).update(unknown_until=EPOCH)
    drain("partner")


def renamed(team: Group, name: str) -> None:
    Group.objects.filter(pk=team.pk).update(name=name)


def record(team: Group) -> Record:
    return Record.objects.get(kind=Team.kind, object_id=str(team.pk))


def held() -> dict[str, Any]:
    return {obj.key: obj.external_id for obj in Unique.held.values()}


def ours(**teams: Group) -> dict[str, str]:
    declaration = registry.of_kind(Team.kind)
    return {key: declaration.external_id(str(team.pk)) for key, team in teams.items()}


def test_the_record_goes_and_comes_again_under_the_new_key(team: Group) -> None:
    before = record(team).remote_id
    renamed(team, "trade")
    converge()
    assert Unique.calls == ["delete sales", "add trade"]
    assert held() == ours(trade=team)
    row = record(team)
    assert (row.state, row.natural_key) == ("synced", "trade")
    assert row.remote_id not in (None, before)
    assert Unique.held[row.remote_id].payload == {"name": "trade"}


def test_the_deletion_acknowledges_nothing(team: Group) -> None:
    renamed(team, "trade")
    Record.objects.update(due_at=EPOCH)
    for _ in range(3):
        drain("partner", seconds=0.0)
        row = record(team)
        assert (row.state == "synced") == (held() == ours(trade=team))
    converge()
    assert record(team).state == "synced"


def test_two_that_take_each_others_key_end_level(team: Group) -> None:
    other = Group.objects.create(name="support")
    converge()
    Group.objects.filter(pk=team.pk).update(name="between")
    Group.objects.filter(pk=other.pk).update(name="sales")
    Group.objects.filter(pk=team.pk).update(name="support")
    converge()
    assert held() == ours(sales=other, support=team)
    assert set(Record.objects.values_list("state", flat=True)) == {"synced"}


def test_nobody_has_the_old_key_before_the_record_is_gone(team: Group) -> None:
    Record.objects.update(lease_token="a worker's", leased_until="2100-01-01T00:00:00Z")
    renamed(team, "trade")
    newcomer = Group.objects.create(name="sales")
    converge()
    assert Unique.calls == []
    assert record(newcomer).state == "pending"
    Record.objects.filter(pk=record(team).pk).update(lease_token=None, leased_until=None)
    converge()
    assert held() == ours(trade=team, sales=newcomer)


@pytest.mark.parametrize("call", ["delete", "add"])
def test_a_call_that_was_not_answered_is_looked_up(team: Group, call: str) -> None:
    renamed(team, "trade")
    Unique.unheard.add(call)
    converge()
    assert held() == ours(trade=team)
    assert Unique.calls.count("add trade") == 1
    assert (record(team).state, record(team).natural_key) == ("synced", "trade")


def test_while_a_deletion_is_not_answered_the_old_key_is_still_its_own(team: Group) -> None:
    renamed(team, "trade")
    Unique.unheard.add("delete")
    drain("partner")
    newcomer = Group.objects.create(name="sales")
    drain("partner")
    assert record(team).natural_key == "sales"
    assert "add sales" not in Unique.calls
    converge()
    assert held() == ours(trade=team, sales=newcomer)


def test_a_key_that_changes_back_in_time_replaces_nothing(team: Group) -> None:
    renamed(team, "trade")
    renamed(team, "sales")
    converge()
    assert Unique.calls == ["update sales"]


def test_a_key_that_changes_again_between_the_two_steps_is_the_one_that_is_added(team: Group) -> None:
    renamed(team, "trade")
    Unique.unheard.add("delete")
    drain("partner")
    renamed(team, "marketing")
    converge()
    assert held() == ours(marketing=team)


def test_an_object_that_goes_meanwhile_is_just_deleted(team: Group) -> None:
    renamed(team, "trade")
    team.delete()
    converge()
    assert Unique.calls == ["delete sales"]
    assert Record.objects.get().state == "deleted"


def test_what_cannot_be_added_is_not_deleted_first(team: Group) -> None:
    renamed(team, "unspeakable")
    converge()
    assert Unique.calls == []
    assert (record(team).parked, record(team).natural_key) == ("no_name", "sales")


def test_the_brake_counts_it_as_a_deletion(team: Group, settings: Any) -> None:
    settings.SYNC_BRAKE_MIN = 0
    settings.SYNC_BRAKE_PERCENT = 0
    renamed(team, "trade")
    converge()
    assert Unique.calls == []
    assert record(team).state == "held"
    assert Brake.objects.get().counts == {"delete": 1}


def test_of_a_declaration_that_keeps_them_the_record_stays_under_its_old_key(
    team: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Team, "key_changes", KeyChanges.KEPT)
    renamed(team, "trade")
    converge()
    assert Unique.calls == ["update sales"]
    assert record(team).natural_key == "sales"


def test_a_declaration_without_a_key_has_nothing_to_replace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Team, "key", None)
    assert [fault.number for fault in faults_of(registry.of_kind(Team.kind))] == [113]


def test_records_that_others_name_are_not_replaced() -> None:
    class Seat(Synced[RoleMapping]):
        kind = "test.seat"
        watch = ("remote_role_id", "group")
        references: ClassVar[dict[str, Any]] = {"group": Team}

    register(Seat)
    [fault] = faults_of(registry.of_kind(Team.kind))
    assert fault.number == 113
    assert "test.seat" in fault.message


def test_a_record_adopted_on_trust_stays_under_its_old_key(team: Group) -> None:
    Record.objects.update(adopted="trust")
    renamed(team, "trade")
    converge()
    assert Unique.calls == ["update sales"]
    assert record(team).natural_key == "sales"


@pytest.mark.parametrize("owed", [False, True], ids=["would change", "has changed"])
def test_a_strict_write_is_refused_with_nobody_asked_where_the_key(team: Group, *, owed: bool) -> None:
    if owed:
        renamed(team, "trade")
    ref = registry.of_kind(Team.kind).ref(team.pk)
    candidate = strict.Candidate(ref, Action.UPDATE, {}, "trade", "", leaves=False)
    with pytest.raises(strict.NotAccepted) as refused, transaction.atomic():
        strict.open_write(candidate)
    assert refused.value.verdicts[0].reason == "key_changes"
    assert Unique.calls == []
