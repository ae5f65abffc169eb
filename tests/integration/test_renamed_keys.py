"""A natural key that changes, of a declaration that has its records renamed: an update gives them the new one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from tests import declarations
from tests.integration.test_replaced_keys import Unique
from thirdparty import store, targets
from thirdparty.capture import triggers
from thirdparty.checks.of_declarations import connectors_can_be_made
from thirdparty.connectors.base import Capabilities, RemoteObject
from thirdparty.connectors.errors import AlreadyExists, Rejected, Transient
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.consistency import strict
from thirdparty.decide.lease import Lease
from thirdparty.declaration import AtTarget, KeyChanges, Synced, register, registry
from thirdparty.declaration.misdeclared import faults_of
from thirdparty.models import Record
from thirdparty.models.record import EPOCH
from thirdparty.models.strict_write import Action
from thirdparty.observe.explain import explain
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
    key_changes = KeyChanges.RENAMED
    watch = ("name",)

    def payload(self, obj: Group, target: AtTarget) -> dict[str, Any] | None:
        return None if obj.name == "nowhere" else {"name": target.key(obj)}


class Renaming(Unique):
    """One record of each key, and an update may give it another one."""

    supports = capabilities = Capabilities(query=True, rename=True)
    held: ClassVar[dict[str, RemoteObject]] = {}
    calls: ClassVar[list[str]] = []
    unheard: ClassVar[set[str]] = set()
    refused: ClassVar[dict[str, Exception]] = {}
    _ids: ClassVar[Iterator[int]] = itertools.count(1)

    def update(self, remote_id: str, obj: RemoteObject, *, version: int) -> None:
        if obj.key in self.refused:
            raise self.refused[obj.key]
        if any(each.key == obj.key and other != remote_id for other, each in self.held.items()):
            self.calls.append(f"refused {obj.key}")
            raise AlreadyExists(None)
        super().update(remote_id, obj, version=version)


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxControl) -> Iterator[None]:  # its settings
    with declarations.alone(monkeypatch, Team):
        monkeypatch.setattr(targets, "connector", lambda name, kind: Renaming(targets.config(name), kind))
        monkeypatch.setattr(Renaming, "__init__", _with_capabilities)
        for kept in (Renaming.held, Renaming.calls, Renaming.unheard, Renaming.refused):
            kept.clear()
        yield


def _with_capabilities(self: Renaming, config: Any, kind: str) -> None:
    super(Renaming, self).__init__(config, kind)
    self.capabilities = Renaming.supports


@pytest.fixture
def team() -> Group:
    """At the target, and nothing was asked of it since."""
    made: Group = Group.objects.create(name="sales")
    converge()
    Renaming.calls.clear()
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


def keys(team: Group) -> tuple[str, str]:
    """The two natural keys of its record: the one it is to have, and the one it had."""
    return Record.objects.values_list("natural_key", "former_key").get(pk=record(team).pk)


def held() -> dict[str, Any]:
    return {obj.key: obj.external_id for obj in Renaming.held.values()}


def ours(**teams: Group) -> dict[str, str]:
    declaration = registry.of_kind(Team.kind)
    return {key: declaration.external_id(str(team.pk)) for key, team in teams.items()}


def test_the_record_keeps_its_id_and_has_the_new_key(team: Group) -> None:
    before = record(team).remote_id
    renamed(team, "trade")
    converge()
    assert Renaming.calls == ["update trade"]
    assert held() == ours(trade=team)
    row = record(team)
    assert (row.state, row.remote_id, keys(team)) == ("synced", before, ("trade", ""))
    assert Renaming.held[str(before)].payload == {"name": "trade"}


def test_one_that_was_never_sent_comes_under_the_newest(team: Group) -> None:
    newcomer = Group.objects.create(name="support")
    renamed(newcomer, "help")
    converge()
    assert Renaming.calls == ["add help"]
    assert keys(newcomer) == ("help", "")


# -- while it is not known which of the two it has ----------------------------------------


def test_while_an_update_is_not_answered_both_keys_are_its_own(team: Group) -> None:
    renamed(team, "trade")
    Renaming.unheard.add("update")
    drain("partner")
    assert keys(team) == ("trade", "sales")
    newcomers = [Group.objects.create(name=name) for name in ("sales", "trade!")]
    renamed(newcomers[1], "sales!")
    drain("partner")
    assert "add sales" not in Renaming.calls
    assert "add sales!" in Renaming.calls
    converge()
    assert held() == ours(**{"trade": team, "sales": newcomers[0], "sales!": newcomers[1]})


def test_an_update_that_was_not_answered_and_took_effect_is_found_to_have(team: Group) -> None:
    renamed(team, "trade")
    Renaming.unheard.add("update")
    converge()
    assert {*Renaming.calls} == {"update trade"}
    assert (record(team).state, keys(team)) == ("synced", ("trade", ""))


def test_one_that_was_not_answered_and_did_not_is_sent_again(team: Group) -> None:
    renamed(team, "trade")
    Renaming.unheard.add("update")
    drain("partner")
    remote_id = str(record(team).remote_id)
    before = Renaming.held[remote_id]
    Renaming.held[remote_id] = RemoteObject(before.external_id, "sales", {"name": "sales"})
    converge()
    assert (held(), keys(team)) == (ours(trade=team), ("trade", ""))


def test_no_third_key_is_sent_before_it_is_known_which_of_the_two_it_has(team: Group) -> None:
    renamed(team, "trade")
    Renaming.unheard.add("update")
    drain("partner")
    renamed(team, "marketing")
    drain("partner")
    assert {*Renaming.calls} == {"update trade"}
    assert (record(team).state, keys(team)) == ("unknown", ("trade", "sales"))
    converge()
    assert Renaming.calls[-1] == "update marketing"
    assert (record(team).state, held(), keys(team)) == ("synced", ours(marketing=team), ("marketing", ""))


def test_an_edit_whose_key_is_yet_to_follow_is_not_acknowledged(team: Group) -> None:
    renamed(team, "trade")
    Renaming.unheard.add("update")
    drain("partner")
    renamed(team, "marketing")
    drain("partner")
    row = record(team)
    assert row.synced_generation < row.generation


def test_a_doubt_of_before_is_cleared_first(team: Group) -> None:
    Record.objects.update(unknown_until="2100-01-01T00:00:00Z")
    renamed(team, "trade")
    drain("partner")
    assert Renaming.calls == ["update sales"]
    converge()
    assert Renaming.calls[-1] == "update trade"
    assert (record(team).state, held()) == ("synced", ours(trade=team))


def test_a_key_that_differs_in_its_case_alone_is_not_taken_for_the_other(team: Group) -> None:
    renamed(team, "Sales")
    Renaming.unheard.add("update")
    drain("partner")
    remote_id = str(record(team).remote_id)
    Renaming.held[remote_id] = RemoteObject(Renaming.held[remote_id].external_id, "sales", {"name": "Sales"})
    converge()
    assert (held(), keys(team)) == (ours(Sales=team), ("Sales", ""))


# -- what takes no effect -----------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [Rejected("invalid", "not such a name"), Transient("busy")], ids=["refused", "not now"]
)
def test_a_key_that_the_target_did_not_take_is_given_up(team: Group, error: Exception) -> None:
    Renaming.refused["trade"] = error
    renamed(team, "trade")
    drain("partner")
    assert keys(team) == ("sales", "")
    renamed(team, "marketing")
    converge()
    assert (record(team).state, held(), keys(team)) == ("synced", ours(marketing=team), ("marketing", ""))


def test_a_key_that_was_given_up_may_be_another_ones(team: Group) -> None:
    Renaming.refused["trade"] = Rejected("invalid", "not such a name")
    renamed(team, "trade")
    drain("partner")
    renamed(team, "marketing")
    newcomer = Group.objects.create(name="trade")
    converge()
    assert held() == ours(marketing=team, trade=newcomer)


def test_a_key_that_a_strangers_record_has_parks_it_under_the_old_one(team: Group) -> None:
    Renaming.held["theirs"] = RemoteObject("somebody's", "trade", {})
    renamed(team, "trade")
    converge()
    assert (record(team).parked, keys(team)) == ("identity_conflict", ("sales", ""))
    assert held() == ours(sales=team) | {"trade": "somebody's"}


def test_where_a_restore_gave_another_record_its_old_key_back_that_one_is_renamed_again(team: Group) -> None:
    renamed(team, "trade")
    converge()
    newcomer = Group.objects.create(name="support")
    converge()
    remote_id = str(record(team).remote_id)
    Renaming.held[remote_id] = RemoteObject(Renaming.held[remote_id].external_id, "sales", {"name": "sales"})
    renamed(newcomer, "sales")
    converge()
    assert held() == ours(trade=team, sales=newcomer)
    assert set(Record.objects.values_list("state", flat=True)) == {"synced"}


def test_where_a_restore_gave_a_record_its_old_key_back_nobody_who_comes_takes_it_over(team: Group) -> None:
    renamed(team, "trade")
    converge()
    remote_id = str(record(team).remote_id)
    Renaming.held[remote_id] = RemoteObject(Renaming.held[remote_id].external_id, "sales", {"name": "sales"})
    Group.objects.create(name="gone").delete()
    newcomer = Group.objects.create(name="sales")
    converge()
    assert held() == ours(trade=team, sales=newcomer)
    assert record(team).remote_id == remote_id


# -- between two ----------------------------------------------------------------------------


def test_one_that_takes_the_key_that_another_leaves_waits_for_it(team: Group) -> None:
    other = Group.objects.create(name="support")
    converge()
    Renaming.calls.clear()
    Record.objects.filter(pk=record(team).pk).update(lease_token="a worker's", leased_until="2100-01-01T00:00:00Z")
    renamed(team, "trade")
    renamed(other, "sales")
    converge()
    assert Renaming.calls == []
    assert "still holds the natural key 'sales'" in str(explain(record(other).ref))
    Record.objects.filter(pk=record(team).pk).update(lease_token=None, leased_until=None)
    converge()
    assert Renaming.calls == ["update trade", "update sales"]
    assert held() == ours(trade=team, sales=other)


def test_two_that_take_each_others_wait_and_it_is_told_what_to_do(team: Group) -> None:
    other = Group.objects.create(name="support")
    converge()
    Renaming.calls.clear()
    for each, name in ((team, "between"), (other, "sales"), (team, "support")):
        renamed(each, name)
    converge()
    assert Renaming.calls == []
    assert "give one of the objects another key" in str(explain(record(team).ref))
    renamed(team, "between")
    converge()
    renamed(team, "support")
    converge()
    assert held() == ours(sales=other, support=team)


def test_a_record_that_is_gone_leaves_both_keys(team: Group) -> None:
    renamed(team, "trade")
    Renaming.unheard.add("update")
    drain("partner")
    team.delete()
    converge()
    newcomers = [Group.objects.create(name=name) for name in ("sales", "trade")]
    converge()
    assert held() == ours(sales=newcomers[0], trade=newcomers[1])


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


def test_a_worker_that_died_before_it_sent_anything_leaves_no_doubt(team: Group) -> None:
    renamed(team, "trade")
    assert begun(team, lease_runs_out) == []
    converge()
    assert (Renaming.calls, keys(team)) == (["update trade"], ("trade", ""))


def test_a_worker_that_gives_its_lease_back_gives_the_new_key_back(team: Group) -> None:
    def fails() -> None:
        raise ZeroDivisionError

    renamed(team, "trade")
    with pytest.raises(ZeroDivisionError):
        begun(team, fails)
    assert keys(team) == ("sales", "")


def test_a_claim_that_saw_no_other_gives_its_lease_back_where_there_is_one_by_now(
    team: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer = Group.objects.create(name="support")
    converge()
    renamed(newcomer, "trade")
    Renaming.calls.clear()

    def claim(terms: Any) -> Sequence[Lease]:
        leases = store.claim([record(newcomer).key], terms)
        Record.objects.filter(pk=record(team).pk).update(former_key="trade")
        return leases

    assert step.claim_and_plan(targets.config("partner"), Admission(1), claim) == []
    assert keys(newcomer) == ("support", "")
    assert record(newcomer).lease_token is None
    converge()
    assert Renaming.calls == []


# -- what leaves, and what is done by hand ---------------------------------------------------


@pytest.mark.parametrize("on_leave", [OnLeave.LEAVE, OnLeave.DEACTIVATE])
def test_an_object_that_leaves_under_another_key_is_known_by_the_old_one(
    team: Group, partner: Callable[..., None], on_leave: OnLeave
) -> None:
    partner(leaving=Leaving(on_leave))
    renamed(team, "nowhere")
    for _ in range(3):
        drain("partner")
    assert (record(team).state, keys(team)) == ("left", ("sales", ""))
    assert held() == ours(sales=team)


def test_whoever_comes_back_under_another_key_is_renamed(team: Group, partner: Callable[..., None]) -> None:
    partner(leaving=Leaving(OnLeave.LEAVE))
    renamed(team, "nowhere")
    converge()
    renamed(team, "trade")
    converge()
    assert (held(), record(team).state) == (ours(trade=team), "synced")


def test_a_decision_by_hand_keeps_the_key_that_an_unanswered_update_may_give_it(team: Group) -> None:
    renamed(team, "trade")
    Renaming.unheard.add("update")
    drain("partner")
    row = record(team)
    link = store.manual.RemoteLink(row.remote_id, "sales", "by hand", None, look_first=False)
    assert store.manual.adopt(row.key, link, seen=row.generation)
    assert keys(team) == ("sales", "trade")
    converge()
    assert (held(), keys(team)) == (ours(trade=team), ("trade", ""))


@pytest.mark.parametrize("owed", [False, True], ids=["would change", "has changed"])
def test_a_strict_write_is_refused_with_nobody_asked_where_the_key(team: Group, *, owed: bool) -> None:
    if owed:
        renamed(team, "trade")
    ref = registry.of_kind(Team.kind).ref(team.pk)
    candidate = strict.Candidate(ref, Action.UPDATE, {}, "trade", "", leaves=False)
    with pytest.raises(strict.NotAccepted) as refused, transaction.atomic():
        strict.open_write(candidate)
    assert refused.value.verdicts[0].reason == "key_changes"
    assert Renaming.calls == []


def test_a_preview_tells_the_key_among_the_fields_that_change(team: Group) -> None:
    renamed(team, "trade")
    foreseen = preview("partner")
    assert (foreseen.counts["update"], foreseen.fields["key"]) == (1, 1)


def test_the_brake_counts_it_as_a_change_that_rewrites_the_record(team: Group, settings: Any) -> None:
    settings.SYNC_BRAKE_MIN = 0
    settings.SYNC_BRAKE_PERCENT = 0
    renamed(team, "trade")
    converge()
    assert (Renaming.calls, record(team).state, keys(team)) == ([], "held", ("sales", ""))
    assert preview("partner").changes == {"rewrite": 1}


def test_neither_of_its_two_keys_is_shown_in_what_the_target_answers(team: Group) -> None:
    Renaming.refused["trade"] = Rejected("invalid", "cannot rename sales to trade")
    renamed(team, "trade")
    converge()
    assert "sales" not in record(team).last_error
    assert "trade" not in record(team).last_error


def test_a_process_that_keeps_records_clears_what_one_that_renames_them_left(
    team: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed(team, "trade")
    Renaming.unheard.add("update")
    drain("partner")
    monkeypatch.setattr(Team, "key_changes", KeyChanges.KEPT)
    converge()
    assert keys(team) == ("trade", "")


# -- what is declared --------------------------------------------------------------------


def test_a_declaration_without_a_key_has_nothing_to_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Team, "key", None)
    assert [fault.number for fault in faults_of(registry.of_kind(Team.kind))] == [113]


@pytest.mark.parametrize("without", ["rename", "query"])
def test_a_target_that_does_not_offer_it_is_refused(monkeypatch: pytest.MonkeyPatch, without: str) -> None:
    offered = Capabilities(**({"query": True, "rename": True} | {without: False}))
    monkeypatch.setattr(Renaming, "supports", offered)
    [refused] = connectors_can_be_made()
    assert refused.id == "thirdparty.E114"
    assert "'partner'" in refused.msg


class Seat(Synced[RoleMapping]):
    kind = "test.seat"
    watch = ("remote_role_id", "group")
    references: ClassVar[dict[str, Any]] = {"group": Team}

    def payload(self, obj: RoleMapping, target: AtTarget) -> dict[str, Any]:
        name = target.key(obj.group) if obj.remote_role_id == "by key" else target.remote_id(obj.group)
        return {"team": name}


def with_seats() -> None:
    register(Seat)
    triggers.install()
    declarations.know_them()


def test_records_that_others_name_by_their_id_are_renamed_and_nothing_else_is_owed(team: Group) -> None:
    with_seats()
    assert faults_of(registry.of_kind(Team.kind)) == []
    RoleMapping.objects.create(group=team, remote_role_id="1")
    converge()
    seat = Record.objects.get(kind=Seat.kind)
    renamed(team, "trade")
    converge()
    assert Record.objects.get(kind=Seat.kind).generation == seat.generation
    assert (record(team).state, keys(team)) == ("synced", ("trade", ""))


def test_what_names_another_by_a_key_that_an_update_changes_is_parked_with_the_reason(team: Group) -> None:
    with_seats()
    RoleMapping.objects.create(group=team, remote_role_id="by key")
    converge()
    assert Record.objects.get(kind=Seat.kind).parked == "renamed_reference"


def test_of_a_push_by_itself_the_same_is_true(team: Group) -> None:
    renamed(team, "trade")
    push("partner", record(team).key)
    assert (Renaming.calls, record(team).state) == (["update trade"], "synced")
