"""`sync preview`: what would be sent if all of it went now, with nothing written and nothing sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db.models import Q

from tests.declarations import rescope
from tests.integration.braking import people, work
from tests.integration.conftest import converge, row_of
from thirdparty.declaration import Unmappable
from thirdparty.models import Brake, Record
from thirdparty.observe.preview import preview
from thirdparty.sandbox.client import SandboxControl
from users import synced
from users.models import RoleMapping, User

pytestmark = pytest.mark.django_db(transaction=True)


def counts(**options: Any) -> dict[str, int]:
    return {outcome: count for outcome, count in preview("partner", **options).counts.items() if count}


def mapped(monkeypatch: pytest.MonkeyPatch, change: Callable[[User], dict[str, Any]]) -> None:
    """New code: a mapping that gives other values."""
    payload = synced.Person.payload
    monkeypatch.setattr(
        synced.Person, "payload", lambda self, user, target: {**payload(self, user, target), **change(user)}
    )


def test_what_is_level_is_nothing(sandbox: SandboxControl) -> None:
    people(3)
    shown = preview("partner")
    assert counts() == {"nothing": 3}
    assert (shown.calls, shown.brake, shown.examples) == (0, "", ())


def test_nothing_is_written_and_nothing_is_sent(sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> None:
    people(3)
    mapped(monkeypatch, lambda _: {"phone": ""})
    before, asked = list(Record.objects.order_by("key").values()), len(sandbox.ledger())
    preview("partner")
    assert list(Record.objects.order_by("key").values()) == before
    assert len(sandbox.ledger()) == asked
    assert not Brake.objects.exists()


def test_a_changed_mapping_names_the_fields_and_how_many_records_they_change_in(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(10)
    mapped(monkeypatch, lambda user: {"phone": "", **({"email": "new@x.example"} if user.name == "P1" else {})})
    shown = preview("partner")
    assert shown.counts["update"] == 10
    assert shown.fields == {"phone": 10, "email": 1}
    assert shown.changes == {"empty": 10}
    assert {"phone"} in [set(example.fields) for example in shown.examples]
    assert len(shown.examples) == 5


def test_it_says_whether_the_brake_would_stop_it(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.SYNC_BRAKE_MIN = 5
    people(10)
    mapped(monkeypatch, lambda _: {"phone": ""})
    assert "10 of the 10 records" in preview("partner").brake
    settings.SYNC_BRAKE_MIN = 10
    assert preview("partner").brake == ""


def whoever_is_in_scope(_self: Any, user: User, _target: Any) -> dict[str, Any]:
    return {"name": user.name, "phone": user.phone, "email": user.email}


def test_a_changed_scope_adds_whom_it_brings_in_and_deletes_whom_it_leaves_out(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = people(4)
    User.objects.create(name="Out", is_active=False)
    converge()
    Record.objects.filter(natural_key="", remote_id=None).delete()
    inside = [made[0].pk, User.objects.get(name="Out").pk]
    rescope(synced.Person, Q(pk__in=inside), monkeypatch)
    monkeypatch.setattr(synced.Person, "payload", whoever_is_in_scope)
    assert counts() == {"add": 1, "delete": 3, "nothing": 1}


def test_what_is_owed_is_shown_too(sandbox: SandboxControl) -> None:
    made = people(4)
    made[0].delete()
    User.objects.filter(pk=made[1].pk).update(name="Edited")
    User.objects.create(name="New", phone="1")
    assert counts() == {"add": 1, "update": 1, "delete": 1, "nothing": 2}


def test_what_cannot_be_mapped_is_counted_with_its_reason(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(2)

    def refuse(_: User) -> dict[str, Any]:
        raise Unmappable("no_role", "the role has no id there")

    mapped(monkeypatch, refuse)
    shown = preview("partner")
    assert shown.counts["unmappable"] == 2
    assert {example.note for example in shown.examples} == {"the role has no id there"}


def test_what_is_not_known_is_said_to_be_so_and_asking_the_target_tells(sandbox: SandboxControl) -> None:
    people(3)
    Record.objects.update(sent=None)
    [first, *_] = sandbox.users()
    sandbox.edit(first["userId"], name="Edited there")
    assert counts() == {"not_known": 3}
    shown = preview("partner", ask=True)
    assert {outcome: count for outcome, count in shown.counts.items() if count} == {"update": 1, "nothing": 2}
    assert shown.fields == {"name": 1}


def test_asking_finds_what_the_target_lost(sandbox: SandboxControl) -> None:
    people(3)
    [first, *_] = sandbox.users()
    sandbox.delete(first["userId"])
    assert counts() == {"nothing": 3}
    assert counts(ask=True) == {"add": 1, "nothing": 2}


def test_a_role_whose_id_has_changed_is_an_update_of_each_of_its_members(sandbox: SandboxControl) -> None:
    managers = Group.objects.create(name="Managers")
    role = RoleMapping.objects.create(group=managers, target="partner", remote_role_id="7")
    members = people(5)[:3]
    managers.user_set.add(*members)
    converge()
    assert counts() == {"nothing": 5}

    role.remote_role_id = "8"
    role.save()

    shown = preview("partner")
    assert (shown.counts["update"], shown.counts["nothing"]) == (3, 2)
    assert shown.fields == {"role_ids": 3}
    assert shown.calls == 3
    assert {example.key for example in shown.examples} == {row_of(member).key for member in members}


def test_a_role_that_has_no_id_any_more_is_nothing_that_its_members_could_be_sent_with(
    sandbox: SandboxControl,
) -> None:
    managers = Group.objects.create(name="Managers")
    role = RoleMapping.objects.create(group=managers, target="partner", remote_role_id="7")
    managers.user_set.add(people(2)[0])
    converge()

    role.delete()

    assert counts() == {"unmappable": 1, "nothing": 1}


def test_parked_records_stay_as_they_are(sandbox: SandboxControl) -> None:
    [user, _] = people(2)
    Record.objects.filter(key=row_of(user).key).update(parked="invalid")
    assert counts() == {"parked": 1, "nothing": 1}


def test_a_sample_looks_at_some_and_reckons_for_all(sandbox: SandboxControl) -> None:
    people(200)
    User.objects.all().delete()
    shown = preview("partner", percent=50)
    assert 60 < shown.looked_at < 140
    assert (shown.calls, shown.counts["delete"]) == (2 * 200, shown.looked_at)  # each is looked at before it goes
    assert preview("partner", percent=50) == shown


def test_the_time_is_that_of_the_allowed_rate(sandbox: SandboxControl, partner: Callable[..., None]) -> None:
    people(10)
    User.objects.update(name="All of them")
    assert preview("partner").seconds is None
    partner(rate_per_second=5.0)
    shown = preview("partner")
    assert (shown.calls, shown.rate_per_second, shown.seconds) == (10, 5.0, 2.0)


def command(*words: str) -> str:
    out = StringIO()
    call_command("sync", "preview", *words, stdout=out)
    return out.getvalue()


def test_the_command_shows_it(sandbox: SandboxControl) -> None:
    [user, _] = people(2)
    User.objects.filter(pk=user.pk).update(name="Margarethe")
    text = command("--target", "partner", "--kind", "users.user")
    assert "2 records looked at, nothing written" in text
    assert "updates change name (1)" in text
    assert "Margarethe" not in text
    assert json.loads(command("--target", "partner", "--json"))["counts"]["update"] == 1


@pytest.mark.parametrize("words", [("--target", "nobody"), ("--target", "partner", "--kind", "no.kind")])
def test_the_command_says_what_there_is_not(sandbox: SandboxControl, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        command(*words)


def test_after_it_all_goes_as_it_said(sandbox: SandboxControl) -> None:
    made = people(6)
    made[0].delete()
    User.objects.filter(pk__in=[made[1].pk, made[2].pk]).update(name="Edited")
    shown, before = preview("partner"), len([entry for entry in sandbox.ledger() if entry["kind"] == "effect"])
    work()
    after = [entry["effect"] for entry in sandbox.ledger() if entry["kind"] == "effect"][before:]
    assert sorted(after) == ["deleted", "updated", "updated"]
    assert (shown.counts["delete"], shown.counts["update"]) == (1, 2)
