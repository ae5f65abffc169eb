"""Triggers are replaced without a gap, by their version's number; what a gap left unrecorded is owed in batches."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, migrations, models, transaction
from django.db.migrations.executor import MigrationExecutor

from tests.integration.conftest import row_of
from thirdparty.capture import catch_up, triggers
from thirdparty.capture.triggers import alterations, postgresql, sqlite, version
from thirdparty.declaration import of_kind
from thirdparty.models import Record, Target
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
only_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
only_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL replaces triggers in place")

TEXTS = {(1, 1): ("35622a0a7fd371b6", "f27c6dc77735c349")}
"""Of each version the triggers' texts, on PostgreSQL and on SQLite. A version that is out is never changed."""


@pytest.fixture(autouse=True)
def _as_before(db: None) -> Iterator[None]:
    _of_this_version()
    catch_up.go_on("partner", seconds=30)
    yield
    _of_this_version()


def _of_this_version() -> None:
    triggers.drop()
    triggers.install()
    assert triggers.missing() == []


@pytest.fixture
def user() -> User:
    made: User = User.objects.create(name="张伟", phone="1")
    Record.objects.update(synced_generation=1, due_at=None, owed_since=None)
    return made


def of_version(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is one of that version from now on."""
    monkeypatch.setattr(version, "VERSION", number)


def test_a_trigger_that_does_something_else_has_another_version() -> None:
    """If this fails: raise VERSION in thirdparty/capture/triggers/version.py, or that of the declaration."""
    vendor = postgresql if connection.vendor == "postgresql" else sqlite
    texts = vendor.texts(connection)
    digest = hashlib.sha256("\n".join(texts[name] for name in sorted(texts)).encode()).hexdigest()[:16]
    assert digest == TEXTS[version.VERSION, of_kind("users.user").version][0 if vendor is postgresql else 1]


def test_a_process_beside_newer_triggers_works_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        of_version(9, newer)
        triggers.install()
    triggers.require_in_place()


def test_a_process_beside_older_triggers_refuses_until_migrate_has_replaced_them(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_version(9, monkeypatch)
    with pytest.raises(triggers.TriggersMissing):
        triggers.require_in_place()
    call_command("migrate", verbosity=0)
    triggers.require_in_place()


def test_triggers_of_another_version_that_are_replaced_owe_nothing(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    parked = User.objects.create(name="Parked", phone="2")
    Record.objects.filter(key=row_of(parked).key).update(parked="http_422", due_at=None)
    of_version(9, monkeypatch)
    assert not triggers.install()
    catch_up.go_on("partner", seconds=30)
    assert (row_of(user).state, row_of(parked).state) == ("synced", "parked")
    User.objects.update(name="New")
    assert row_of(user).state == "pending"


def test_an_older_migrate_leaves_newer_triggers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        of_version(9, newer)
        triggers.install()
    call_command("migrate", verbosity=0)
    with monkeypatch.context() as newer:
        of_version(9, newer)
        assert triggers.missing() == []


def test_one_trigger_that_was_missing_is_put_back_and_everything_is_owed_later(user: User) -> None:
    with connection.cursor() as cursor:
        on = " ON users_user" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER thirdparty_users_user__users_user__update{on}")
    assert triggers.missing() == ["thirdparty_users_user__users_user__update"]
    User.objects.update(name="Unseen")
    assert triggers.install()
    assert row_of(user).state == "synced"
    catch_up.go_on("partner", seconds=30)
    assert row_of(user).state == "pending"


@only_postgresql
@pytest.mark.parametrize("how", ["DISABLE TRIGGER", "ENABLE REPLICA TRIGGER"])
def test_a_trigger_that_does_not_fire_is_missing_and_is_switched_on_again(user: User, how: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE users_user {how} thirdparty_users_user__users_user__update")
    assert triggers.missing() == ["thirdparty_users_user__users_user__update"]
    User.objects.update(name="Unseen")
    assert triggers.install()
    assert triggers.missing() == []
    catch_up.go_on("partner", seconds=30)
    assert row_of(user).state == "pending"


@only_postgresql
def test_a_newer_trigger_that_is_switched_off_is_switched_on_by_any_version(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        of_version(9, newer)
        triggers.install()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE users_user DISABLE TRIGGER thirdparty_users_user__users_user__update")
    assert triggers.install()
    assert triggers.missing() == []


@only_postgresql
def test_a_session_that_plays_a_replica_records_nothing_and_says_so() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            assert "thirdparty_users_user__users_user__update" in triggers.missing()
        finally:
            cursor.execute("RESET session_replication_role")


@only_postgresql
def test_a_save_waits_for_no_migration_that_waits_for_an_open_transaction(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new trigger gives up soon, lets those behind it go first, and is there when the transaction has ended."""
    monkeypatch.setattr(triggers, "LOCK_MILLISECONDS", 50)
    monkeypatch.setattr(triggers, "PAUSE_SECONDS", 0.05)
    triggers.drop()
    opened, end = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            User.objects.filter(pk=user.pk).update(email="a@example.com")
            opened.set()
            assert end.wait(60)
        connection.close()

    def replace() -> None:
        triggers.install()
        connection.close()

    holder, replacer = threading.Thread(target=hold), threading.Thread(target=replace)
    holder.start()
    assert opened.wait(10)
    replacer.start()
    for number in range(20):
        User.objects.create(name="saved meanwhile", phone=str(number))
    assert "thirdparty_users_user__users_user__insert" in triggers.missing()
    end.set()
    holder.join()
    replacer.join()
    assert triggers.missing() == []
    catch_up.go_on("partner", seconds=30)
    assert Record.objects.filter(state="pending").count() == 21


@only_postgresql
def test_where_the_tables_stay_in_use_migrate_says_so(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triggers, "LOCK_MILLISECONDS", 20)
    monkeypatch.setattr(triggers, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(triggers, "TRIES", 2)
    triggers.drop()
    refused: list[Exception] = []

    def install() -> None:
        try:
            triggers.install()
        except triggers.TriggersBusy as busy:
            refused.append(busy)
        finally:
            connection.close()

    with transaction.atomic():
        User.objects.update(name="held")
        thread = threading.Thread(target=install)
        thread.start()
        thread.join()
    assert len(refused) == 1


@only_postgresql
@pytest.mark.parametrize("schema", ["My Schema", "select", 'with"quote', "per%cent"])
def test_a_schema_whose_name_needs_quotes_takes_triggers(schema: str) -> None:
    quoted = '"' + schema.replace('"', '""').replace("%", "%%") + '"'
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {quoted}", [])
        try:
            for table in (
                "users_user", "users_user_groups", "users_rolemapping", "auth_group",
                "thirdparty_record", "thirdparty_target", "thirdparty_declaration",
            ):  # fmt: skip
                cursor.execute(f"CREATE TABLE {quoted}.{table} (LIKE public.{table} INCLUDING ALL)", [])
            cursor.execute(f"SET search_path = {quoted}", [])
            Target.objects.create(name="partner")
            assert len(triggers.missing()) == 16
            triggers.install()
            assert triggers.missing() == []
            User.objects.bulk_create([User(pk=1, username="zhangwei", name="张伟")])
            assert Record.objects.count() == 1
        finally:
            cursor.execute("RESET search_path")
            cursor.execute(f"DROP SCHEMA {quoted} CASCADE", [])


class _Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]  # noqa: RUF012  # as Django has it


def _migration(app: str, *operations: Any) -> migrations.Migration:
    migration: migrations.Migration = type("Migration", (_Migration,), {"operations": operations})("0002_test", app)
    return migration


def _widened(model: str, field: str = "name") -> Any:
    return migrations.AlterField(model, field, models.CharField(max_length=151))


@pytest.mark.parametrize(
    ("app", "operation", "altering"),
    [
        ("users", _widened("user"), True),
        ("users", _widened("Record", "parked"), True),
        ("thirdparty", _widened("target"), True),
        ("users", migrations.RunSQL("SELECT 1"), True),
        ("users", migrations.SeparateDatabaseAndState([_widened("user")]), True),
        ("users", migrations.SeparateDatabaseAndState([], [_widened("user")]), False),
        ("users", _widened("idempotentresponse", "key"), False),
        ("users", migrations.AddIndex("user", models.Index(fields=["phone"], name="x")), False),
        ("sessions", _widened("session"), False),
    ],
)
def test_triggers_make_way_for_migrations_that_rebuild_a_table_they_name(
    *, app: str, operation: Any, altering: bool
) -> None:
    assert alterations.alter([_migration(app, operation)]) is altering


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next migration fails half-way, once the triggers have made way for it."""
    plan = [(_migration("users", _widened("user")), False)]
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_, **__: plan)

    def fail(*_: Any, **__: Any) -> None:
        User.objects.update(name="Unseen")
        raise DatabaseError("this migration fails")

    monkeypatch.setattr(MigrationExecutor, "migrate", fail)


@pytest.mark.usefixtures("failing")
def test_a_migration_that_fails_leaves_the_triggers_in_place(user: User) -> None:
    with pytest.raises((DatabaseError, CommandError), match="this migration fails"):
        call_command("migrate", verbosity=0)
    assert triggers.missing() == []
    catch_up.go_on("partner", seconds=30)
    assert row_of(user).state == "pending"


@only_sqlite
@pytest.mark.usefixtures("failing")
def test_a_migration_that_fails_puts_back_the_triggers_of_the_version_that_the_tables_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_version(9, monkeypatch)
    with pytest.raises(DatabaseError, match="this migration fails"):
        call_command("migrate", verbosity=0)
    assert {version.marked(found.text)[1] for found in sqlite.present(connection)} == {(1, 1)}
