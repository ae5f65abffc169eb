"""The database holds each declaration's version: only a process that has this one works on its objects (PROTOCOL 16)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from tests.declarations import people_of_version, rescope
from tests.integration.conftest import converge, held_records, row_of, step
from thirdparty import protect, store, targets
from thirdparty.capture import catch_up, triggers, versions
from thirdparty.capture.triggers import postgresql, sqlite
from thirdparty.capture.triggers.version import Found
from thirdparty.consistency.strict import NotAccepted, applying
from thirdparty.decide.lease import Terms
from thirdparty.declaration import AtTarget, Synced, of_kind, registry
from thirdparty.models import Declaration, Record, Target
from thirdparty.observe.explain import explain
from thirdparty.observe.reasons import reasons
from thirdparty.observe.status import status
from thirdparty.run import calling
from thirdparty.run.drain import drain
from thirdparty.run.reconcile import drains_needed
from thirdparty.run.results import write_results
from thirdparty.run.step import Step, claim_and_plan
from thirdparty.sandbox.client import SandboxControl
from thirdparty.tasks import drain_target, push_record, reconcile_tick, run_reconcile
from users import consistency
from users.consistency import Consistency, Mode
from users.models import User
from users.synced import Person

pytestmark = pytest.mark.django_db(transaction=True)
KIND = "users.user"
TERMS = Terms(60.0, 1.0)


@pytest.fixture(autouse=True)
def _level(db: None) -> Iterator[None]:
    catch_up.go_on("partner", seconds=30)
    versions._log.__init__()  # type: ignore[misc]
    yield
    Declaration.objects.filter(kind=KIND).update(version=1)
    # A test may have left those of another version, or of another declaration, which the present code does not replace.
    triggers.drop()
    triggers.install()


def user(name: str = "张伟", phone: str = "1") -> User:
    made: User = User.objects.create(name=name, phone=phone)
    return made


def database_has(version: int) -> None:
    """As after the ``migrate`` of another version of the code: this process is older, or newer."""
    Declaration.objects.filter(kind=KIND).update(version=version, since=Now())


def claimed(of: User) -> Step:
    target = targets.config("partner")
    [begun] = claim_and_plan(target, protect.admit("partner"), partial(store.claim, [row_of(of).key]))
    return begun


def test_migrate_tells_the_database_which_version_it_has() -> None:
    assert Declaration.objects.get(kind=KIND).version == of_kind(KIND).version


@pytest.mark.parametrize("version", [2, 0], ids=["older", "newer"])
def test_a_process_of_another_version_claims_nothing(sandbox: SandboxControl, version: int) -> None:
    ada = user()
    database_has(version)
    assert step(ada) is None
    assert drain("partner").settled == 0
    assert not store.is_claimable(row_of(ada).key)
    assert not store.is_any_claimable("partner")
    assert row_of(ada).state == "pending"
    assert not sandbox.ledger()


@pytest.mark.parametrize("version", [2, 0], ids=["older", "newer"])
def test_a_process_of_another_version_wakes_no_drain_for_what_it_may_not_claim(version: int) -> None:
    user()
    assert drains_needed() == {"partner": 1}

    database_has(version)

    assert drains_needed() == {}


def test_with_the_databases_version_again_it_goes_on(sandbox: SandboxControl) -> None:
    ada = user()
    database_has(2)
    drain("partner")
    database_has(1)
    converge()
    assert row_of(ada).state == "synced"


def test_what_an_older_process_settles_late_stays_owed_with_what_it_learned(sandbox: SandboxControl) -> None:
    ada = user()
    begun = claimed(ada)
    ended = calling.call_target(begun)
    database_has(2)
    write_results(targets.config("partner"), [ended], grace_seconds=0.0)
    row = row_of(ada)
    assert row.state == "pending"
    assert (row.synced_generation, row.generation) == (1, 2)
    assert row.remote_id is not None
    assert row.owed_since is not None
    assert row.due_at is not None
    database_has(1)
    converge()
    assert [held["name"] for held in held_records(sandbox)] == ["张伟"]


def test_what_an_older_process_would_park_late_is_tried_with_the_new_version(sandbox: SandboxControl) -> None:
    ada = user()
    begun = claimed(ada)
    sandbox.faults(invalid=True)
    ended = calling.call_target(begun)
    assert ended.settlement.parked
    database_has(2)
    write_results(targets.config("partner"), [ended], grace_seconds=0.0)
    assert row_of(ada).state == "pending"


def test_a_doubt_that_an_older_process_leaves_is_kept(sandbox: SandboxControl) -> None:
    ada = user()
    begun = claimed(ada)
    sandbox.faults(apply_then_cut=True)
    ended = calling.call_target(begun)
    database_has(2)
    write_results(targets.config("partner"), [ended], grace_seconds=0.0)
    assert row_of(ada).unknown_until is not None


def test_an_edit_made_meanwhile_is_still_due_before_everything_else(sandbox: SandboxControl) -> None:
    ada = user()
    begun = claimed(ada)
    ended = calling.call_target(begun)
    User.objects.filter(pk=ada.pk).update(name="王芳")
    database_has(2)
    write_results(targets.config("partner"), [ended], grace_seconds=0.0)
    row = row_of(ada)
    assert row.due_at is not None
    assert row.due_at.year == 1970
    assert row.synced_generation < row.generation


# The version rises.


def names_held(sandbox: SandboxControl) -> set[str]:
    return {held["name"] for held in held_records(sandbox)}


def outdated() -> int:
    counted: int = status().targets["partner"]["outdated"]
    return counted


def test_a_raised_version_owes_its_objects_by_itself(sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> None:
    for phone, name in enumerate(("ada", "bob", "eve")):
        user(name, phone=str(phone))
    converge()
    people_of_version(2, monkeypatch)
    call_command("migrate", verbosity=0)
    assert outdated() == 3
    run_reconcile()
    assert set(Record.objects.values_list("state", flat=True)) == {"pending"}
    assert outdated() == 3
    converge()
    assert names_held(sandbox) == {"ADA", "BOB", "EVE"}
    assert outdated() == 0
    assert Target.objects.get(name="partner").behind_since is None


@pytest.mark.parametrize("dies", ["before its row", "after its row"])
def test_a_migrate_that_dies_half_way_leaves_the_triggers_of_the_version_that_the_database_has(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    """Processes of that version would take those of a newer one for their own, though it watches less than they do."""
    ada = user("ada")
    converge()
    with monkeypatch.context() as newer:
        newer.setattr(Person, "watch", tuple(name for name in Person.watch if name != "phone"))
        rescope(Person, Person.scope, newer)
        people_of_version(2, newer)
        publish = versions.publish

        def killed(kind: str, *, using: str) -> None:
            if dies == "after its row":
                publish(kind, using=using)
            raise SystemExit

        newer.setattr(versions, "publish", killed)
        with pytest.raises(SystemExit):
            call_command("migrate", verbosity=0)
    assert versions.differences() == []
    assert triggers.missing() == []
    User.objects.filter(pk=ada.pk).update(phone="2")
    converge()
    assert [held["phone"] for held in held_records(sandbox)] == ["2"]


def test_what_is_owed_for_a_raised_version_goes_behind_what_people_wait_for(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    user("ada")
    converge()
    people_of_version(2, monkeypatch)
    call_command("migrate", verbosity=0)
    run_reconcile()
    user("bob", phone="2")
    assert [lease.natural_key for lease in store.claim_due("partner", 1, TERMS)] == ["bob2"]


def test_it_owes_in_batches_and_goes_on_where_a_kill_has_left_it(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "AT_ONCE", 2)
    for phone in range(5):
        user(f"ada{phone}", phone=str(phone))
    converge()
    people_of_version(2, monkeypatch)
    call_command("migrate", verbosity=0)
    assert catch_up.take_step("partner").owed == 2
    assert Record.objects.filter(state="pending").count() == 2
    call_command("migrate", verbosity=0)
    catch_up.go_on("partner", seconds=30)
    assert set(Record.objects.values_list("generation", flat=True)) == {2}


def test_other_kinds_are_not_owed(sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> None:
    Record.objects.create(
        key="partner:other.kind:1", target="partner", kind="other.kind", object_id="1", synced_generation=1
    )
    people_of_version(2, monkeypatch)
    call_command("migrate", verbosity=0)
    catch_up.go_on("partner", seconds=30)
    assert Record.objects.get(kind="other.kind").generation == 1


def test_one_that_was_parked_under_the_old_version_is_tried_with_the_new_one(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = user("ada")
    sandbox.faults(invalid=True)
    step(ada)
    assert row_of(ada).state == "parked"
    sandbox.faults()
    people_of_version(2, monkeypatch)
    call_command("migrate", verbosity=0)
    catch_up.go_on("partner", seconds=30)
    converge()
    assert names_held(sandbox) == {"ADA"}


def test_a_version_that_rises_during_a_backfill_loses_neither(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = user("ada")
    converge()
    targets.begin_backfill("partner")
    people_of_version(2, monkeypatch)
    call_command("migrate", verbosity=0)
    target = Target.objects.get(name="partner")
    assert (target.backfill, target.raised) == (True, {KIND: None})
    catch_up.go_on("partner", seconds=30)
    target.refresh_from_db()
    assert (target.backfill, target.raised) == (False, {})
    assert row_of(ada).state == "pending"


def test_who_comes_into_scope_with_a_version_gets_a_record(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = User.objects.create_superuser("root")
    catch_up.go_on("partner", seconds=30)
    people_of_version(2, monkeypatch)
    rescope(Person, None, monkeypatch)
    call_command("migrate", verbosity=0)
    catch_up.go_on("partner", seconds=30)
    assert row_of(root).state == "pending"


def test_an_older_process_owes_nothing_for_a_version_that_it_does_not_know(sandbox: SandboxControl) -> None:
    ada = user("ada")
    converge()
    database_has(2)
    targets.owe_anew("partner")
    run_reconcile()
    assert row_of(ada).state == "synced"
    with pytest.raises(CommandError, match="the database has 2: restart it"):
        call_command("sync", "backfill", "--target", "partner")
    database_has(1)
    run_reconcile()
    assert row_of(ada).state == "pending"


def test_the_migrate_of_an_older_process_leaves_the_version_alone() -> None:
    database_has(2)
    call_command("migrate", verbosity=0)
    assert Declaration.objects.get(kind=KIND).version == 2


# What differs is said.


def sentences(code: str) -> list[str]:
    return [reason.sentence for reason in reasons() if reason.code == code]


def test_readiness_names_an_older_process_and_serves(client: Client) -> None:
    database_has(2)
    answer = client.get("/health/ready/")
    assert answer.status_code == 200
    assert "This process has version 1 of users.user; the database has 2: restart it." in answer.json()["warnings"]


def test_a_process_newer_than_the_database_is_not_ready(client: Client) -> None:
    database_has(0)
    answer = client.get("/health/ready/")
    assert answer.status_code == 503
    wrong = "This process has version 1 of users.user; the database has 0: run manage.py migrate."
    assert answer.json()["reasons"] == [wrong]


def test_the_status_names_it() -> None:
    database_has(2)
    said = "This process has version 1 of users.user; the database has 2: restart it."
    assert sentences("declaration_outdated") == [said]
    out = StringIO()
    call_command("sync", "status", stdout=out)
    assert said in " ".join(out.getvalue().split())


def test_an_explanation_names_it() -> None:
    ada = user()
    database_has(2)
    [explained] = explain(row_of(ada).ref)
    assert explained.blocked_by == ("this process has version 1 of users.user; the database has 2: restart it",)


@pytest.mark.parametrize("how", ["push", "drain", "tick"])
def test_it_is_logged_once(sandbox: SandboxControl, caplog: pytest.LogCaptureFixture, how: str) -> None:
    ada = user()
    database_has(2)
    for _ in range(3):
        match how:
            case "push":
                push_record("partner", row_of(ada).key)
            case "drain":
                drain_target("partner")
            case _:
                reconcile_tick(True)
    assert [record.message.partition(";")[0] for record in caplog.records if "version 1" in record.message] == [
        "this process has version 1 of users.user"
    ]


def test_a_strict_write_of_an_older_process_is_refused_with_nobody_asked(sandbox: SandboxControl) -> None:
    database_has(2)
    with pytest.raises(NotAccepted) as refused:
        consistency.create({"name": "ada", "phone": "1"}, consistency=Consistency(Mode.STRICT))
    assert [verdict.reason for verdict in refused.value.verdicts] == ["other_version"]
    assert not refused.value.asked
    assert not sandbox.ledger()


def test_a_strict_write_that_was_accepted_under_an_older_version_stays_owed(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = applying.apply

    def rises_before_it_is_applied(*arguments: Any) -> None:
        database_has(2)
        asks(*arguments)

    monkeypatch.setattr(applying, "apply", rises_before_it_is_applied)
    consistency.create({"name": "ada", "phone": "1"}, consistency=Consistency(Mode.STRICT))
    assert Record.objects.get().state == "pending"


# A declaration is removed.


class Team(Synced[Group]):
    key = "name"

    def payload(self, obj: Group, target: AtTarget) -> Mapping[str, Any]:  # noqa: ARG002  # the same at every target
        return {"name": obj.name}


TEAM = Team.kind


@pytest.fixture
def team(monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    """A group whose declaration was migrated, and is gone by now."""
    with monkeypatch.context() as before:
        before.setitem(registry._declared, TEAM, Team())
        call_command("migrate", verbosity=0)
        catch_up.go_on("partner", seconds=30)
        assert any(found.name.startswith("thirdparty_auth_group") for found in present())
        group = Group.objects.create(name="sales")
    yield group
    call_command("migrate", verbosity=0)


def present() -> list[Found]:
    vendor = postgresql if connection.vendor == "postgresql" else sqlite
    return [found for found in vendor.present(connection) if f" of {TEAM} " in found.text]


def test_a_removed_declaration_loses_its_triggers_at_the_next_migrate_and_keeps_its_records(team: Group) -> None:
    before = Record.objects.filter(kind=TEAM).values("generation", "state", "owed_since").get()
    call_command("migrate", verbosity=0)
    assert present() == []
    assert not Declaration.objects.filter(kind=TEAM).exists()
    Group.objects.update(name="Sales")
    assert Record.objects.filter(kind=TEAM).values("generation", "state", "owed_since").get() == before


def test_the_records_of_a_removed_declaration_count_as_owed_no_more(team: Group) -> None:
    assert status().targets["partner"]["pending"] == 1
    call_command("migrate", verbosity=0)
    report = status()
    assert report.targets["partner"]["pending"] == 0
    assert report.targets["partner"]["oldest_unsynced_seconds"] is None
    assert sentences("left_over") == [
        "auth.group is declared no more: its 1 record is kept as it is, not counted and not sent."
    ]
    assert drains_needed() == {}


def test_a_declaration_that_comes_back_owes_everything(team: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("migrate", verbosity=0)
    Group.objects.update(name="Sales")
    Record.objects.filter(kind=TEAM).update(synced_generation=1, owed_since=None)
    with monkeypatch.context() as again:
        again.setitem(registry._declared, TEAM, Team())
        call_command("migrate", verbosity=0)
        catch_up.go_on("partner", seconds=30)
        row = Record.objects.get(kind=TEAM)
        assert (row.state, row.wanted_key) == ("pending", "Sales")
        assert row.due_at is not None


def test_until_migrate_has_run_a_removed_declaration_is_named(team: Group) -> None:
    [said] = sentences("declaration_outdated")
    assert said.startswith("This process has no declaration of auth.group; the database has version 1")


def test_the_migrate_of_an_older_process_removes_nothing_that_it_does_not_know(team: Group) -> None:
    database_has(2)
    call_command("migrate", verbosity=0)
    assert present() != []
    assert Declaration.objects.filter(kind=TEAM).exists()


def test_a_flush_removes_no_declaration(team: Group) -> None:
    call_command("flush", verbosity=0, interactive=False)
    assert present() != []
