"""References between records: who names whose remote id waits for it, follows it, and goes first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import Group

from tests import declarations
from tests.integration.test_audit import finished, found
from thirdparty import protect, store, targets
from thirdparty.audit import runner
from thirdparty.capture import triggers
from thirdparty.connectors.base import Capabilities, Connector, RemoteObject, RemoteRecord, fields_of
from thirdparty.connectors.errors import NotFound, Rejected
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.decide.plan import LOOKS_BEFORE_A_REMOVAL
from thirdparty.declaration import AtTarget, Synced, Unmappable
from thirdparty.models import Attempt, Record, Reference
from thirdparty.models.record import EPOCH
from thirdparty.observe.explain import explain
from thirdparty.run import calling, results, step
from thirdparty.run.drain import drain
from thirdparty.store import references
from users.models import RoleMapping

pytestmark = pytest.mark.django_db(transaction=True)


class Team(Synced[Group]):
    kind = "test.team"
    watch = ("name",)

    def payload(self, obj: Group, target: AtTarget) -> dict[str, Any] | None:  # noqa: ARG002  # the same at each
        return {"name": obj.name} if obj.name != "nowhere" else None


class Seat(Synced[RoleMapping]):
    kind = "test.seat"
    watch = ("remote_role_id", "group")
    references: ClassVar[dict[str, Any]] = {"group": Team}

    def payload(self, obj: RoleMapping, target: AtTarget) -> dict[str, Any]:
        return {"role": obj.remote_role_id, "team": target.remote_id(obj.group)}


class Memory(Connector):
    """A target in this process's memory."""

    supports = capabilities = Capabilities(query=True)
    held: ClassVar[dict[str, RemoteObject]] = {}
    checks: ClassVar[bool] = False
    calls: ClassVar[list[str]] = []
    _ids: ClassVar[Iterator[int]] = itertools.count(1)

    def add(self, obj: RemoteObject, *, version: int, idempotency_key: str) -> str:  # noqa: ARG002  # offers neither
        self._require_whole(obj)
        remote_id = f"r{next(self._ids)}"
        self.held[remote_id] = obj
        self.calls.append(f"add {self.kind}")
        return remote_id

    def update(self, remote_id: str, obj: RemoteObject, *, version: int) -> None:  # noqa: ARG002  # the same
        if remote_id not in self.held:
            raise NotFound
        self._require_whole(obj)
        self.held[remote_id] = obj
        self.calls.append(f"update {self.kind}")

    def _require_whole(self, obj: RemoteObject) -> None:
        if self.checks and fields_of(obj.payload).get("team") not in {None, *self.held}:
            raise Rejected("no_such_team")

    def delete(self, remote_id: str) -> None:
        if self.checks and any(fields_of(obj.payload).get("team") == remote_id for obj in self.held.values()):
            raise Rejected("named")
        if self.held.pop(remote_id, None) is None:
            raise NotFound
        self.calls.append(f"delete {self.kind}")

    def find(
        self, *, remote_id: str | None = None, external_id: str | None = None, key: str | None = None
    ) -> RemoteRecord | None:
        for each, obj in self.held.items():
            if remote_id == each or obj.external_id == external_id or (key and obj.key == key):
                return RemoteRecord(each, obj.external_id, obj.key, obj.payload)
        return None


def the_partner(monkeypatch: pytest.MonkeyPatch, **facts: Any) -> None:
    """The target is in memory, and these facts are said of it."""
    config = replace(targets.config("partner"), **facts)
    monkeypatch.setattr(targets, "connector", lambda _name, kind: Memory(config, kind))
    monkeypatch.setattr(targets, "config", lambda _name: config)


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch, db: None) -> Iterator[None]:
    with declarations.alone(monkeypatch, Team, Seat):
        the_partner(monkeypatch)
        Memory.held.clear()
        Memory.calls.clear()
        yield


@pytest.fixture
def seat() -> RoleMapping:
    made: RoleMapping = RoleMapping.objects.create(
        group=Group.objects.create(name="sales"), target="partner", remote_role_id="1"
    )
    return made


def record(obj: Any) -> Record:
    kind = "test.team" if isinstance(obj, Group) else "test.seat"
    return Record.objects.get(kind=kind, object_id=str(obj.pk))


def converge() -> None:
    """Until nothing is due; whoever waits for their next try has waited."""
    for _ in range(6):
        drain("partner")
        Record.objects.filter(due_at__isnull=False, waits_for=None, held_by=None).update(due_at=EPOCH)


def five_minutes_later() -> None:
    """Who waits for another is looked at, and nobody has read anything lately."""
    Attempt.objects.update(finished_at=EPOCH)
    Record.objects.filter(due_at__isnull=False).update(due_at=EPOCH)
    converge()


def team_of_seat() -> Any:
    return next(fields_of(obj.payload)["team"] for obj in Memory.held.values() if "team" in fields_of(obj.payload))


def test_an_object_is_sent_after_the_one_it_refers_to_with_its_remote_id(seat: RoleMapping) -> None:
    Record.objects.filter(kind="test.team").update(due_at=None)
    drain("partner")
    row = record(seat)
    assert (row.state, row.waits_for, row.failed_tries) == ("pending", record(seat.group).key, 0)
    assert Memory.calls == []

    Record.objects.filter(kind="test.team").update(due_at=EPOCH)
    converge()
    assert Memory.calls == ["add test.team", "add test.seat"]
    assert team_of_seat() == record(seat.group).remote_id
    assert (record(seat).state, record(seat).waits_for) == ("synced", None)


def test_who_waits_is_explained(seat: RoleMapping) -> None:
    Record.objects.filter(kind="test.team").update(due_at=None)
    drain("partner")
    [explained] = explain(record(seat).ref)
    assert any(record(seat.group).key in sentence for sentence in explained.blocked_by)
    assert "not at the target yet" in explained.wanted_note


def test_one_that_refers_to_an_object_that_is_not_to_be_there_says_so(seat: RoleMapping) -> None:
    Group.objects.update(name="nowhere")
    converge()
    [explained] = explain(record(seat).ref)
    assert "is not to be at this target" in explained.wanted_note
    assert record(seat).parked == ""


def test_one_that_refers_to_a_parked_record_says_so(seat: RoleMapping) -> None:
    Record.objects.filter(kind="test.team").update(parked="invalid", due_at=None)
    drain("partner")
    [explained] = explain(record(seat).ref)
    assert "is parked (invalid)" in explained.wanted_note


def test_a_remote_id_that_changes_is_sent_to_the_target_by_all_who_named_it(seat: RoleMapping) -> None:
    converge()
    del Memory.held[record(seat.group).remote_id]
    Group.objects.update(name="Sales")
    converge()
    assert team_of_seat() == record(seat.group).remote_id
    assert record(seat.group).remote_id in Memory.held
    assert record(seat).state == "synced"


def test_who_is_named_is_deleted_after_those_who_name_it(seat: RoleMapping) -> None:
    converge()
    seat_id, team_id = record(seat).key, record(seat.group).key
    Record.objects.filter(key=seat_id).update(lease_token="somebody", leased_until="2999-01-01T00:00:00Z")
    seat.group.delete()
    converge()
    team = Record.objects.get(key=team_id)
    assert (team.state, team.held_by) == ("pending", seat_id)
    assert Memory.calls == ["add test.team", "add test.seat"]

    Record.objects.filter(key=seat_id).update(lease_token=None, leased_until=None, due_at=EPOCH)
    converge()
    assert Memory.calls[2:] == ["delete test.seat", "delete test.team"]
    assert set(Record.objects.values_list("state", flat=True)) == {"deleted"}
    assert not Reference.objects.exists()


def test_a_reference_is_forgotten_once_the_target_has_acknowledged_another(seat: RoleMapping) -> None:
    converge()
    first = record(seat.group).key
    seat.group = Group.objects.create(name="support")
    seat.save()
    converge()
    assert [each.on_record for each in Reference.objects.all()] == [record(seat.group).key]
    Group.objects.get(name="sales").delete()
    converge()
    assert Record.objects.get(key=first).state == "deleted"


def test_while_an_answer_is_missing_no_reference_is_forgotten_and_then_it_is(seat: RoleMapping) -> None:
    converge()
    Record.objects.filter(kind="test.seat").update(unknown_until="2999-01-01T00:00:00Z")
    seat.group = Group.objects.create(name="support")
    seat.save()
    converge()
    assert Reference.objects.count() == 2
    Record.objects.filter(kind="test.seat").update(unknown_until=EPOCH, due_at=EPOCH)
    converge()
    assert [each.on_record for each in Reference.objects.all()] == [record(seat.group).key]


def test_a_worker_that_dies_right_after_it_has_settled_leaves_no_reference_behind(
    seat: RoleMapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Group.objects.create(name="support")
    converge()
    seat.group = other
    seat.save()
    with monkeypatch.context() as dying:
        dying.setattr(results, "follow_references", lambda _keys: None)
        converge()
    assert [each.on_record for each in Reference.objects.all()] == [record(seat.group).key]


def test_who_was_left_waiting_by_a_worker_that_died_is_found_by_the_next_tick(seat: RoleMapping) -> None:
    converge()
    Record.objects.filter(kind="test.seat").update(waits_for=record(seat.group).key, due_at=None)
    assert references.release() == [record(seat).key]
    assert record(seat).due_at is not None


def test_records_that_wait_for_each_other_are_parked(seat: RoleMapping) -> None:
    Record.objects.filter(kind="test.team").update(due_at=None, waits_for=record(seat).key)
    drain("partner")
    assert record(seat).parked == "reference_cycle"


def test_a_circle_that_somebody_breaks_is_taken_up_again(seat: RoleMapping) -> None:
    Record.objects.filter(kind="test.team").update(due_at=None, waits_for=record(seat).key)
    drain("partner")
    Record.objects.filter(kind="test.team").update(due_at=EPOCH, waits_for=None)
    converge()
    assert (record(seat).state, record(seat).parked) == ("synced", "")
    assert team_of_seat() == record(seat.group).remote_id


def test_who_was_refused_for_naming_a_record_that_is_gone_is_sent_when_that_has_an_id_again(
    seat: RoleMapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    converge()
    monkeypatch.setattr(Memory, "checks", True)
    del Memory.held[record(seat.group).remote_id]
    RoleMapping.objects.update(remote_role_id="2")
    converge()
    assert record(seat).parked == "no_such_team"
    Group.objects.update(name="Sales")
    converge()
    assert (record(seat).state, record(seat).parked) == ("synced", "")
    assert team_of_seat() == record(seat.group).remote_id


@pytest.fixture
def refused_seat(seat: RoleMapping, monkeypatch: pytest.MonkeyPatch) -> RoleMapping:
    """Refused for its team, which left the scope long ago, waits for it, and is lost at the target."""
    the_partner(monkeypatch, capabilities=Memory.capabilities)
    converge()
    monkeypatch.setattr(Memory, "checks", True)
    Group.objects.update(name="nowhere")
    converge()
    for _ in range(LOOKS_BEFORE_A_REMOVAL):
        five_minutes_later()
    assert record(seat.group).held_by == record(seat).key
    del Memory.held[record(seat.group).remote_id]
    RoleMapping.objects.update(remote_role_id="2")
    converge()
    assert record(seat).parked == "no_such_team"
    return seat


def test_one_that_waits_to_be_deleted_and_is_lost_at_the_target_waits_no_longer_for_who_was_refused_for_naming_it(
    refused_seat: RoleMapping,
) -> None:
    for _ in range(2):
        five_minutes_later()
    team = record(refused_seat.group)
    assert (team.state, team.remote_id, team.held_by) == ("synced", None, None)


def test_who_was_refused_for_naming_one_that_left_and_is_lost_waits_for_it_and_says_so(
    refused_seat: RoleMapping,
) -> None:
    for _ in range(2):
        five_minutes_later()
    team, seat = record(refused_seat.group), record(refused_seat)
    assert (seat.state, seat.parked, seat.waits_for) == ("pending", "", team.key)
    [explained] = explain(seat.ref)
    assert f"refers to {team.ref}, which is not to be at this target" in explained.wanted_note


def test_and_is_sent_by_itself_once_that_one_is_there_again(refused_seat: RoleMapping) -> None:
    for _ in range(2):
        five_minutes_later()
    Group.objects.update(name="sales")
    converge()
    assert (record(refused_seat).state, team_of_seat()) == ("synced", record(refused_seat.group).remote_id)


def test_an_audit_that_mends_reads_back_what_was_left_there_and_is_lost_for_who_was_refused_for_naming_it(
    seat: RoleMapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    the_partner(monkeypatch, capabilities=Memory.capabilities, leaving=Leaving(OnLeave.LEAVE))
    converge()
    monkeypatch.setattr(Memory, "checks", True)
    Group.objects.update(name="nowhere")
    converge()
    del Memory.held[record(seat.group).remote_id]
    RoleMapping.objects.update(remote_role_id="2")
    converge()
    assert (record(seat.group).state, record(seat).parked) == ("left", "no_such_team")

    assert found(finished(runner.begin("partner", "test.team", mends=True))) == {"equal": 1}
    converge()
    assert (record(seat.group).remote_id, record(seat).parked) == (None, "")
    assert record(seat).waits_for == record(seat.group).key


def test_a_deletion_that_is_refused_since_another_record_names_it_by_now_waits_for_that_one(
    seat: RoleMapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    converge()
    monkeypatch.setattr(Memory, "checks", True)
    Group.objects.update(name="nowhere")
    with monkeypatch.context() as unseen:
        unseen.setattr(store.references, "holders_of", lambda _keys: {})
        [begun] = step.claim_and_plan(
            targets.config("partner"), protect.admit("partner"), partial(store.claim, [record(seat.group).key])
        )
    results.write_results(targets.config("partner"), [calling.call_target(begun)], grace_seconds=0)
    team = record(seat.group)
    assert (team.parked, team.held_by) == ("", record(seat).key)
    seat.delete()
    converge()
    assert record(seat.group).state == "synced"
    assert Memory.held == {}


def test_what_a_blocked_step_comes_to_is_known_without_the_database(
    seat: RoleMapping, django_assert_num_queries: Any
) -> None:
    Record.objects.filter(kind="test.team").update(due_at=None, waits_for=record(seat).key)
    admission = protect.admit("partner")
    [begun] = step.claim_and_plan(targets.config("partner"), admission, partial(store.claim, [record(seat).key]))
    with django_assert_num_queries(0):
        ended = calling.call_target(begun)
    assert ended.settlement.parked == "reference_cycle"


def test_the_natural_key_is_the_one_that_the_target_knows(seat: RoleMapping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Team, "key", "name")
    monkeypatch.setattr(Team, "payload", lambda _self, obj, target: {"name": target.key(obj)})
    monkeypatch.setattr(Seat, "payload", lambda _self, obj, target: {"team": target.key(obj.group)})
    triggers.install()
    for name in ("sale", "sales"):
        Group.objects.update(name=name)
    converge()
    Group.objects.update(name="Sales")
    RoleMapping.objects.update(remote_role_id="2")
    converge()
    assert {fields_of(obj.payload).get("name", "sales") for obj in Memory.held.values()} == {"sales"}
    assert team_of_seat() == "sales"


def test_one_that_cannot_be_sent_is_owed_once_for_an_id_that_changed_and_stays_parked_then(
    seat: RoleMapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    converge()
    monkeypatch.setattr(Seat, "payload", unmappable)
    Memory.held["r999"] = Memory.held.pop(str(record(seat.group).remote_id))
    Record.objects.filter(kind="test.team").update(remote_id="r999")
    references.release()
    converge()
    parked = record(seat)
    assert parked.state == "parked"
    references.release()
    assert (record(seat).state, record(seat).generation) == ("parked", parked.generation)


def test_one_whose_change_a_person_rejected_is_not_sent_for_an_id_that_changed(seat: RoleMapping) -> None:
    converge()
    Record.objects.filter(kind="test.seat").update(parked="rejected", due_at=None)
    Record.objects.filter(kind="test.team").update(remote_id="r999")
    references.release()
    assert record(seat).state == "rejected"


def unmappable(*_: Any) -> Any:
    raise Unmappable("no_role", "it has no role there")
