"""A natural key that changes, of a declaration that has its records replaced: deleted under the old key, added under the new."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from tests import declarations
from tests.integration.test_references import Memory
from thirdparty import store, targets
from thirdparty.connectors.base import Capabilities, RemoteObject, RemoteRecord
from thirdparty.connectors.errors import AlreadyExists, NotFound, OutcomeUnknown
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.consistency import strict
from thirdparty.decide.lease import Lease
from thirdparty.declaration import AtTarget, KeyChanges, Synced, Unmappable, register, registry
from thirdparty.declaration.misdeclared import faults_of
from thirdparty.models import Brake, Record
from thirdparty.models.record import EPOCH
from thirdparty.models.strict_write import Action
from thirdparty.observe.preview import preview
from thirdparty.protect import Admission
from thirdparty.run import payloads, step
from thirdparty.run.drain import drain
from thirdparty.run.push import push
from thirdparty.sandbox.client import SandboxControl
from users.models import RoleMapping

pytestmark = pytest.mark.django_db(transaction=True)


class Team(Synced[Group]):
    kind = "test.named"
    key = "name"
    key_changes = KeyChanges.REPLACED
    watch = ("name",)

    def payload(self, obj: Group, target: AtTarget) -> dict[str, Any] | None:
        if obj.name == "unspeakable":
            raise Unmappable("no_name", "the target has no word for it")
        if obj.name == "nowhere":
            return None
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

    def deactivate(self, remote_id: str, *, version: int) -> None:  # noqa: ARG002  # offers none
        self._said("deactivate", self.held[remote_id].key)

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
    with declarations.alone(monkeypatch, Team):
        monkeypatch.setattr(targets, "connector", lambda name, kind: Unique(targets.config(name), kind))
        for kept in (Unique.held, Unique.calls, Unique.unheard):
            kept.clear()
        yield


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
    for _ in range(2):  # one looks whether it is still ours
        push("partner", record(team).key)
    assert Unique.calls == ["delete sales"]
    assert record(team).state == "pending"
    for _ in range(2):  # one looks whether it is gone
        push("partner", record(team).key)
    assert Unique.calls == ["delete sales", "add trade"]
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


def test_a_preview_tells_the_deletion_that_comes_first(team: Group) -> None:
    renamed(team, "trade")
    foreseen = preview("partner")
    assert (foreseen.counts["delete"], foreseen.counts["update"], foreseen.changes) == (1, 0, {"delete": 1})


# -- what leaves -------------------------------------------------------------------------

POLICIES = {
    "left": Leaving(OnLeave.LEAVE),
    "deactivated": Leaving(OnLeave.DEACTIVATE),
    "deleted later": Leaving(OnLeave.DELETE, 30),
}


@pytest.mark.parametrize("policy", POLICIES)
def test_replacing_is_not_leaving_whatever_the_policy_of_the_target(
    team: Group, partner: Callable[..., None], policy: str
) -> None:
    partner(leaving=POLICIES[policy])
    renamed(team, "trade")
    converge()
    assert Unique.calls == ["delete sales", "add trade"]
    assert (record(team).state, record(team).left_at) == ("synced", None)


@pytest.mark.parametrize(
    ("policy", "asked"), [("left", []), ("deactivated", ["deactivate sales"]), ("deleted later", [])]
)
def test_an_object_that_leaves_under_another_key_is_not_replaced_but_treated_as_any_that_leaves(
    team: Group, partner: Callable[..., None], policy: str, asked: list[str]
) -> None:
    partner(leaving=POLICIES[policy])
    renamed(team, "nowhere")
    for _ in range(3):
        drain("partner")
    assert Unique.calls == asked
    assert (record(team).state, record(team).natural_key) == ("left", "sales")


def test_whoever_comes_back_under_another_key_is_replaced(team: Group, partner: Callable[..., None]) -> None:
    partner(leaving=POLICIES["left"])
    renamed(team, "nowhere")
    converge()
    renamed(team, "trade")
    converge()
    assert Unique.calls == ["delete sales", "add trade"]
    assert (record(team).state, record(team).left_at) == ("synced", None)


def test_whoever_leaves_again_before_the_old_record_is_gone_has_all_days(
    team: Group, partner: Callable[..., None]
) -> None:
    partner(leaving=POLICIES["deleted later"])
    renamed(team, "nowhere")
    converge()
    renamed(team, "trade")
    Unique.unheard.add("delete")
    drain("partner")
    assert (record(team).state, record(team).left_at) == ("unknown", None)


# -- between the claim and the attempt ---------------------------------------------------


def begun(team: Group, meanwhile: Callable[[], None]) -> list[step.Step]:
    """What a worker begins, after whose claim this happened."""

    def read(target: str, leases: Sequence[Lease]) -> Mapping[str, payloads.Desired]:
        meanwhile()
        return payloads.read(target, leases)

    claim = partial(store.claim, [record(team).key])
    return step.claim_and_plan(targets.config("partner"), Admission(1), claim, read=read)


def lease_runs_out() -> None:
    Record.objects.update(leased_until=EPOCH, due_at=EPOCH)


def test_whose_lease_ran_out_before_anything_was_sent_replaces_nothing_twice(team: Group) -> None:
    def another_takes_over() -> None:
        lease_runs_out()
        converge()

    renamed(team, "trade")
    assert begun(team, another_takes_over) == []
    assert Unique.calls == ["delete sales", "add trade"]
    converge()
    assert Unique.calls == ["delete sales", "add trade"]


def test_a_new_key_that_was_only_claimed_is_given_up_for_a_newer_one(team: Group) -> None:
    def renamed_and_run_out() -> None:
        renamed(team, "marketing")
        lease_runs_out()

    renamed(team, "trade")
    Unique.held.clear()
    Record.objects.update(remote_id=None)
    assert begun(team, renamed_and_run_out) == []
    assert record(team).natural_key == "trade"
    converge()
    assert Unique.calls == ["add marketing"]
    assert (record(team).state, record(team).natural_key) == ("synced", "marketing")


def test_a_key_that_changes_back_after_the_claim_replaces_nothing(team: Group) -> None:
    renamed(team, "trade")
    [planned] = begun(team, lambda: renamed(team, "sales"))
    assert planned.call == "update"
    lease_runs_out()
    converge()
    assert {*Unique.calls} == {"update sales"}


# -- what is not replaced ----------------------------------------------------------------


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
