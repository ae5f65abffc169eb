"""The natural key of an object whose record is gone from the target: others may have it, and nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import Group
from django.db.models import Q

from tests import declarations
from tests.integration.test_renamed_keys import Renaming, converge, held, record, renamed
from thirdparty import targets
from thirdparty.capture import triggers
from thirdparty.connectors.base import RemoteObject
from thirdparty.declaration import AtTarget, KeyChanges, Synced, registry
from thirdparty.sandbox.client import SandboxControl

pytestmark = pytest.mark.django_db(transaction=True)


class Team(Synced[Group]):
    kind = "test.named"
    key = "name"
    watch = ("name",)
    scope: ClassVar[Q] = ~Q(name__startswith="closed")

    def payload(self, obj: Group, target: AtTarget) -> dict[str, Any]:
        return {"name": target.key(obj)}


@pytest.fixture(autouse=True, params=KeyChanges)
def _declared(
    monkeypatch: pytest.MonkeyPatch,
    sandbox: SandboxControl,  # its settings
    request: pytest.FixtureRequest,
) -> Iterator[None]:
    with declarations.alone(monkeypatch, Team):
        monkeypatch.setattr(targets, "connector", lambda name, kind: Renaming(targets.config(name), kind))
        monkeypatch.setattr(Team, "key_changes", request.param)
        for kept in (Renaming.held, Renaming.calls, Renaming.unheard, Renaming.refused):
            kept.clear()
        yield


@pytest.fixture
def closed() -> Group:
    """It was at the target, and has left the scope under another name."""
    made: Group = Group.objects.create(name="sales")
    converge()
    renamed(made, "closed")
    converge()
    return made


def ours(**teams: Group) -> dict[str, str]:
    return {key: registry.of_kind(Team.kind).external_id(str(team.pk)) for key, team in teams.items()}


def test_another_object_may_have_its_key_and_it_does_not_wait_for_that_one(closed: Group) -> None:
    other = Group.objects.create(name="sales")
    converge()
    assert held() == ours(sales=other)
    renamed(closed, "closed since")
    converge()
    assert record(closed).state == "synced"
    assert held() == ours(sales=other)


def test_what_comes_back_comes_under_the_key_that_it_has_by_then(closed: Group) -> None:
    other = Group.objects.create(name="sales")
    converge()
    renamed(closed, "trade")
    converge()
    assert held() == ours(sales=other, trade=closed)
    assert (record(closed).state, record(closed).natural_key) == ("synced", "trade")


def test_what_left_is_not_kept_waiting_by_a_key_that_it_does_not_need(closed: Group) -> None:
    other = Group.objects.create(name="support")
    converge()
    renamed(other, "help")
    renamed(closed, "closed, once support")
    converge()
    assert record(closed).state == "synced"


def test_whoever_is_to_have_a_key_that_another_has_leaves_all_the_same() -> None:
    first, second = Group.objects.create(name="sales"), Group.objects.create(name="support")
    converge()
    for each, name in ((first, "between"), (second, "sales"), (first, "support"), (first, "closed")):
        renamed(each, name)
    converge()
    assert registry.of_kind(Team.kind).external_id(str(first.pk)) not in held().values()
    assert record(first).state == "synced"


def test_what_leaves_the_scope_goes_from_a_target_that_the_declaration_names_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    team = Group.objects.create(name="sales")
    converge()
    monkeypatch.setattr(Team, "targets", ("another",))
    triggers.install()
    renamed(team, "closed")
    converge()
    assert held() == {}


def test_a_record_that_a_restore_brings_back_stays_its_objects(closed: Group) -> None:
    Group.objects.create(name="sales").delete()
    converge()
    external_id = registry.of_kind(Team.kind).external_id(str(closed.pk))
    Renaming.held["r-restored"] = RemoteObject(external_id, "sales", {"name": "sales"})
    renamed(closed, "trade")
    converge()
    other = Group.objects.create(name="sales")
    converge()
    assert record(closed).remote_id is not None
    assert Renaming.held[str(record(closed).remote_id)].external_id == external_id
    assert list(held().values()).count(external_id) == 1
    assert record(other).remote_id != record(closed).remote_id
