"""Promise 1: a committed change is owed from the same transaction on, whatever wrote it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from tests.integration.conftest import row_of
from thirdparty.capture import catch_up, triggers
from thirdparty.models import Record, Target
from thirdparty.models.record import EPOCH
from thirdparty.store import look_now
from users.models import RoleMapping, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create(name="张伟", phone="13800000001")


def execute(sql: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def uuid_parameter(user: User) -> Any:
    return user.uuid if connection.vendor == "postgresql" else user.uuid.hex


def save(user: User) -> None:
    user.name = "New"
    user.save()


def save_one_field(user: User) -> None:
    user.phone = "2"
    user.save(update_fields=["phone"])


def bulk_update(user: User) -> None:
    user.email = "a@example.com"
    User.objects.bulk_update([user], ["email"])


def upsert(user: User) -> None:
    twin = User(uuid=user.uuid, username="other", name="Upserted")
    User.objects.bulk_create([twin], update_conflicts=True, unique_fields=["uuid"], update_fields=["name"])


def load_fixture(user: User) -> None:
    path = Path(connection.settings_dict["NAME"]).parent if connection.vendor == "sqlite" else Path("/tmp")
    fixture = path / f"{uuid4()}.json"
    fields = {"uuid": str(user.uuid), "username": user.username, "name": "Loaded", "password": "", "phone": "1"}
    fixture.write_text(json.dumps([{"model": "users.user", "pk": user.pk, "fields": fields}]))
    call_command("loaddata", str(fixture), verbosity=0)
    fixture.unlink()


def add_to_group(user: User) -> None:
    group = Group.objects.create(name="g")
    group.user_set.add(user)


CHANGES: dict[str, Callable[[User], Any]] = {
    "save()": save,
    "save(update_fields)": save_one_field,
    "update()": lambda user: User.objects.filter(pk=user.pk).update(name="New"),
    "bulk_update()": bulk_update,
    "bulk_create() with conflicts": upsert,
    "update_or_create()": lambda user: User.objects.update_or_create(pk=user.pk, defaults={"name": "New"}),
    "loaddata": load_fixture,
    "plain SQL": lambda user: execute("UPDATE users_user SET name = 'New' WHERE id = %s", user.pk),
    "deactivation": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "becoming an operator": lambda user: User.objects.filter(pk=user.pk).update(is_superuser=True),
    "groups.add()": lambda user: user.groups.add(Group.objects.create(name="g")),
    "group.user_set.add()": add_to_group,
    "plain SQL on the membership": lambda user: execute(
        "INSERT INTO users_user_groups (user_id, group_id) VALUES (%s, %s)",
        user.pk,
        Group.objects.create(name="g").pk,
    ),
}
DELETIONS: dict[str, Callable[[User], Any]] = {
    "delete()": lambda user: user.delete(),
    "QuerySet.delete()": lambda user: User.objects.filter(pk=user.pk).delete(),
    "_raw_delete()": lambda user: User.objects.filter(pk=user.pk)._raw_delete("default"),
    "plain SQL": lambda user: execute("DELETE FROM users_user WHERE id = %s", user.pk),
}


@pytest.mark.parametrize("write", CHANGES.values(), ids=CHANGES)
def test_every_way_of_changing_a_user_is_owed(user: User, write: Callable[[User], Any]) -> None:
    before = row_of(user).generation
    Record.objects.update(synced_generation=before, owed_since=None, due_at=None)
    write(user)
    row = row_of(user)
    assert row.generation > before
    assert row.owed_since is not None
    assert row.due_at == EPOCH
    assert not row.deleted
    assert row.state == "pending"


@pytest.mark.parametrize("write", DELETIONS.values(), ids=DELETIONS)
def test_every_way_of_deleting_a_user_leaves_a_tombstone(user: User, write: Callable[[User], Any]) -> None:
    before = row_of(user).generation
    write(user)
    row = row_of(user)
    assert row.deleted
    assert row.generation > before
    assert row.state == "pending"


def test_every_way_of_creating_users_is_owed() -> None:
    User(name="One").save()
    User.objects.create(name="Two")
    User.objects.bulk_create([User(name="Three"), User(name="Three")])
    User.objects.get_or_create(username="four", defaults={"name": "Four"})
    execute(
        "INSERT INTO users_user (uuid, username, name, phone, email, password, is_active, is_staff, is_superuser, "
        "date_joined) VALUES (%s, 'five', 'Five', '', '', '', %s, %s, %s, %s)",
        uuid4() if connection.vendor == "postgresql" else uuid4().hex, True, False, False, timezone.now(),
    )  # fmt: skip
    assert Record.objects.filter(generation=1, due_at=EPOCH, state="pending").count() == 6
    assert set(Record.objects.values_list("object_id", flat=True)) == {
        uuid.hex for uuid in User.objects.values_list("uuid", flat=True)
    }


UNCHANGED: dict[str, Callable[[User], Any]] = {
    "an unchanged save": lambda user: User.objects.get(pk=user.pk).save(),
    "a login": lambda user: User.objects.filter(pk=user.pk).update(last_login=timezone.now()),
    "a new password": lambda user: User.objects.filter(pk=user.pk).update(password="x"),
    "the staff flag": lambda user: User.objects.filter(pk=user.pk).update(is_staff=True),
    "adding a group again": lambda user: user.groups.add(*user.groups.all()),
}


@pytest.mark.parametrize("write", UNCHANGED.values(), ids=UNCHANGED)
def test_what_no_target_is_told_is_not_owed(user: User, write: Callable[[User], Any]) -> None:
    user.groups.add(Group.objects.create(name="g"))
    before = row_of(user).generation
    write(user)
    assert row_of(user).generation == before


def test_a_rolled_back_change_is_not_owed(user: User) -> None:
    before = row_of(user).generation
    with pytest.raises(RuntimeError), transaction.atomic():
        User.objects.update(name="Never")
        raise RuntimeError
    assert row_of(user).generation == before


def test_operators_have_no_records() -> None:
    User.objects.create_superuser("root", "pw")
    assert not Record.objects.exists()


def test_an_operator_who_becomes_a_person_is_owed() -> None:
    root = User.objects.create_superuser("root", "pw")
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    assert row_of(root).state == "pending"


def test_a_changed_uuid_is_another_person(user: User) -> None:
    old = user.uuid
    User.objects.filter(pk=user.pk).update(uuid=uuid4())
    user.refresh_from_db()
    assert Record.objects.get(object_id=old.hex).deleted
    assert not row_of(user).deleted


@pytest.mark.parametrize("column", ["name = 'Renamed'", "uuid = %s"], ids=["with the name", "with the uuid"])
def test_the_primary_key_and_another_column_changed_in_one_statement_are_owed(user: User, column: str) -> None:
    old, new = user.uuid, uuid4()
    parameters = [new if connection.vendor == "postgresql" else new.hex] if "%s" in column else []
    execute(f"UPDATE users_user SET id = id + 1000, {column}", *parameters)
    moved = User.objects.get()
    assert moved.pk == user.pk + 1000
    assert (row_of(moved).deleted, row_of(moved).generation) == (False, 1 if parameters else 2)
    if parameters:
        assert Record.objects.get(object_id=old.hex).deleted
        assert Record.objects.count() == 2


def test_a_primary_key_that_changes_alone_is_owed_for_memberships_go_by_it(user: User) -> None:
    execute("UPDATE users_user SET id = id + 1000")
    assert row_of(User.objects.get()).generation == 2


def test_people_who_move_into_each_others_rows_in_one_statement_are_paired_by_uuid(user: User) -> None:
    """The first row becomes a new person, the second becomes the first one: gone is the second."""
    User.objects.create(name="李娜")
    # In the order in which a statement comes upon them: no two rows may have one uuid at any moment.
    (first, _), (second, name) = User.objects.order_by().values_list("uuid", "name")
    third = uuid4()
    cast = "::uuid" if connection.vendor == "postgresql" else ""
    moves = [first, third, first]
    execute(
        "UPDATE users_user SET id = id + 1000, name = name || '!', "
        f"uuid = CASE WHEN uuid = %s{cast} THEN %s{cast} ELSE %s{cast} END",
        *(uuid if connection.vendor == "postgresql" else uuid.hex for uuid in moves),
    )
    rows = {UUID(row.object_id): row for row in Record.objects.all()}
    assert {uuid: row.deleted for uuid, row in rows.items()} == {first: False, second: True, third: False}
    assert rows[first].generation > 1
    assert User.objects.get(uuid=first).name == f"{name}!"


def test_a_user_created_again_under_the_same_uuid_is_no_tombstone(user: User) -> None:
    uuid = user.uuid
    user.delete()
    User.objects.create(uuid=uuid, name="Again")
    row = Record.objects.get(object_id=uuid.hex)
    assert not row.deleted
    assert row.generation == 3


def test_a_group_that_is_deleted_is_owed_by_its_members(user: User) -> None:
    group = Group.objects.create(name="g")
    user.groups.add(group)
    before = row_of(user).generation
    group.delete()
    assert row_of(user).generation > before


@pytest.mark.parametrize(
    "write",
    [
        lambda mapping: mapping.save(),
        lambda mapping: RoleMapping.objects.filter(pk=mapping.pk).update(remote_role_id="9"),
        lambda mapping: mapping.delete(),
    ],
    ids=["save", "update", "delete"],
)
def test_a_role_mapping_is_owed_by_the_members_of_its_group_alone(user: User, write: Callable[[Any], Any]) -> None:
    group = Group.objects.create(name="g")
    user.groups.add(group)
    other = User.objects.create(name="Other")
    mapping = RoleMapping.objects.create(group=group, target="partner", remote_role_id="7")
    before, others = row_of(user).generation, row_of(other).generation
    mapping.remote_role_id = "8"
    write(mapping)
    assert row_of(user).generation == before + 1
    assert row_of(other).generation == others


def test_a_mapping_of_another_target_is_not_owed(user: User) -> None:
    group = Group.objects.create(name="g")
    user.groups.add(group)
    before = row_of(user).generation
    RoleMapping.objects.create(group=group, target="elsewhere", remote_role_id="7")
    assert row_of(user).generation == before


def test_every_target_but_a_retired_one_is_owed(user: User) -> None:
    Target.objects.create(name="second", enabled=True)
    Target.objects.create(name="away", enabled=False)
    Target.objects.create(name="retired", enabled=False, retired=True)
    late = User.objects.create(name="Late")
    owed = set(Record.objects.filter(object_id=late.uuid.hex).values_list("target", flat=True))
    assert owed == {"partner", "second", "away"}


def test_a_change_touches_neither_lease_nor_doubt(user: User) -> None:
    now = timezone.now()
    Record.objects.update(lease_token="t", leased_until=now, unknown_until=now, natural_key="u")
    User.objects.update(name="New")
    row = row_of(user)
    assert (row.lease_token, row.leased_until, row.unknown_until) == ("t", now, now)
    assert row.state == "in_flight"


def test_a_change_takes_a_record_out_of_the_park(user: User) -> None:
    Record.objects.update(parked="invalid", due_at=None)
    User.objects.update(name="New")
    assert row_of(user).parked == ""


def test_a_person_can_ask_to_look_again(user: User) -> None:
    Record.objects.update(parked="invalid", due_at=None)
    look_now([row_of(user).key])
    assert (row_of(user).parked, row_of(user).due_at) == ("", EPOCH)


def test_missing_triggers_are_named_and_stop_the_start(user: User) -> None:
    triggers.drop()
    assert "thirdparty_users_user__users_user__update" in triggers.missing()
    with pytest.raises(ImproperlyConfigured, match="thirdparty_users_user__users_user__update"):
        triggers.require_in_place()
    triggers.install()
    triggers.require_in_place()


def test_a_trigger_of_another_version_counts_as_missing() -> None:
    if connection.vendor == "postgresql":
        execute("ALTER TABLE users_user DISABLE TRIGGER thirdparty_users_user__users_user__insert")
    else:
        execute("DROP TRIGGER thirdparty_users_user__users_user__insert")
        execute(
            "CREATE TRIGGER thirdparty_users_user__users_user__insert AFTER INSERT ON users_user BEGIN SELECT 1; END"
        )
    assert triggers.missing() == ["thirdparty_users_user__users_user__insert"]


def test_what_happened_without_triggers_is_owed_once_they_are_back(user: User) -> None:
    gone = User.objects.create(name="Gone")
    Record.objects.update(synced_generation=1, due_at=None)
    triggers.drop()
    User.objects.filter(pk=user.pk).update(name="Unseen")
    unseen = User.objects.create(name="Unseen too")
    gone_uuid = gone.uuid
    gone.delete()
    assert triggers.install()
    catch_up.go_on("partner")
    assert row_of(user).state == "pending"
    assert row_of(unseen).state == "pending"
    assert Record.objects.get(object_id=gone_uuid.hex).deleted


def test_installing_again_owes_nothing(user: User) -> None:
    before = row_of(user).generation
    assert not triggers.install()
    assert row_of(user).generation == before


def test_a_migration_of_the_tables_drops_and_reinstalls_the_triggers() -> None:
    call_command("migrate", verbosity=0)
    assert triggers.missing() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer")
def test_who_joins_a_group_while_its_role_changes_is_not_seen_before_the_change_is(user: User) -> None:
    """Else a push in between would take the old role, and nobody would owe the new one."""
    group = Group.objects.create(name="staff")
    role = RoleMapping.objects.create(group=group, target="partner", remote_role_id="old")
    joined, changed = threading.Event(), threading.Event()

    def join() -> None:
        with transaction.atomic():
            user.groups.add(group)
            joined.set()
            assert changed.wait(10)
        connection.close()

    joins = threading.Thread(target=join)
    joins.start()
    assert joined.wait(10)
    with transaction.atomic():
        RoleMapping.objects.filter(pk=role.pk).update(remote_role_id="new")
        changed.set()
        joins.join(1)
        seen_early = row_of(user).generation
    joins.join()
    assert (seen_early, row_of(user).generation) == (1, 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no TRUNCATE and no roles")
def test_truncating_the_users_leaves_tombstones(user: User) -> None:
    execute("TRUNCATE users_user CASCADE")
    assert row_of(user).deleted


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no TRUNCATE and no roles")
def test_a_role_that_may_only_write_users_still_records_what_is_owed(user: User) -> None:
    execute("DROP ROLE IF EXISTS usersync_test_writer")
    execute("CREATE ROLE usersync_test_writer")
    try:
        execute("GRANT SELECT, UPDATE ON users_user TO usersync_test_writer")
        execute("SET ROLE usersync_test_writer")
        execute("UPDATE users_user SET name = 'Written by a narrow role'")
        execute("RESET ROLE")
        assert row_of(user).generation == 2
    finally:
        execute("RESET ROLE")
        execute("DROP OWNED BY usersync_test_writer")
        execute("DROP ROLE usersync_test_writer")
