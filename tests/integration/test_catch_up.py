"""A target that is enabled is owed whatever it may have missed; nobody waits for that, and no kill stops it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from tests.integration.conftest import at_once, row_of
from thirdparty import targets
from thirdparty.capture import backfill, catch_up, fence, triggers
from thirdparty.models import Record, Target
from thirdparty.models.record import EPOCH
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
only_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")


@pytest.fixture(autouse=True)
def _caught_up(db: None) -> None:
    catch_up.go_on("partner", seconds=30)
    assert Target.objects.get(name="partner").behind_since is None


@pytest.fixture
def user() -> User:
    made: User = User.objects.create(name="张伟", phone="1")
    return made


@pytest.fixture
def name_saas(settings: Any) -> Callable[[], None]:
    saas = replace(settings.SYNC_TARGETS["partner"], name="saas")

    def name() -> None:
        settings.SYNC_TARGETS["saas"] = saas
        targets.take_up()

    settings.SYNC_TARGETS = dict(settings.SYNC_TARGETS)
    return name


@contextmanager
def open_transaction(write: Callable[[], Any], *, isolation: str = "READ COMMITTED") -> Iterator[Callable[[], None]]:
    """Another session's transaction, in which ``write`` was done and which is open until the given function is called.

    Under a stricter isolation it has only read when the block begins, and writes when it ends.
    """
    begun, end = threading.Event(), threading.Event()
    late = isolation != "READ COMMITTED"

    def run() -> None:
        try:
            with transaction.atomic():
                if late:
                    with connection.cursor() as cursor:
                        cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
                    list(User.objects.all())
                else:
                    write()
                begun.set()
                assert end.wait(60)
                if late:
                    write()
        finally:
            connection.close()

    thread = threading.Thread(target=run)

    def commit() -> None:
        end.set()
        thread.join(60)

    thread.start()
    try:
        assert begun.wait(10)
        yield commit
    finally:
        commit()


def push_what_is_owed() -> None:
    """As workers would: whatever is owed to the new target is acknowledged with what is visible now."""
    for row in Record.objects.filter(target="saas", due_at__isnull=False):
        Record.objects.filter(key=row.key, generation=row.generation).update(
            synced_generation=row.generation, due_at=None, owed_since=None
        )


@only_postgresql
@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ"])
@pytest.mark.parametrize("waited", [True, False], ids=["waited for", "too long to be waited for"])
def test_what_a_transaction_changed_that_had_not_seen_the_new_target_is_owed_to_it(
    user: User, name_saas: Callable[[], None], monkeypatch: pytest.MonkeyPatch, *, isolation: str, waited: bool
) -> None:
    if not waited:
        monkeypatch.setattr(catch_up, "LONGEST_WAIT", timedelta(0))
    late = User(name="李娜", phone="2")

    def write() -> None:
        User.objects.filter(pk=user.pk).update(name="王芳")
        late.save()

    with open_transaction(write, isolation=isolation) as commit:
        name_saas()
        catch_up.go_on("saas", seconds=0.3)
        assert Record.objects.filter(target="saas", object_id=user.uuid.hex).exists() is (
            not waited and isolation == "REPEATABLE READ"
        )
        push_what_is_owed()
        assert Target.objects.get(name="saas").behind_since is not None
        commit()
    catch_up.go_on("saas", seconds=30)
    assert row_of(user, "saas").state == "pending"
    assert row_of(late, "saas").state == "pending"
    assert Target.objects.get(name="saas").behind_since is None


@only_postgresql
def test_a_record_made_while_somebody_had_not_seen_the_target_is_owed_once_more(
    user: User, name_saas: Callable[[], None], settings: Any
) -> None:
    """Somebody joins a group, unseen; an edit of the same person makes the record, which is pushed without the group."""
    group = Group.objects.create(name="g")
    targets.retire("partner")
    settings.SYNC_TARGETS.clear()
    Record.objects.all().delete()
    with open_transaction(lambda: user.groups.add(group)) as commit:
        name_saas()
        catch_up.go_on("saas", seconds=0.1)
        User.objects.filter(pk=user.pk).update(email="a@example.com")
        push_what_is_owed()
        commit()
    catch_up.go_on("saas", seconds=30)
    assert row_of(user, "saas").state == "pending"


@only_postgresql
def test_a_prepared_transaction_counts_as_open(user: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW max_prepared_transactions")
        if cursor.fetchone() == ("0",):
            pytest.skip("this server allows no prepared transactions (max_prepared_transactions = 0)")
        cursor.execute("BEGIN; UPDATE users_user SET name = 'x'; PREPARE TRANSACTION 'usersync-test'")
        try:
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            assert fence.is_anybody_older(cursor.fetchone()[0])
        finally:
            cursor.execute("ROLLBACK PREPARED 'usersync-test'")


@only_postgresql
def test_a_fence_from_before_the_database_was_restored_elsewhere_holds_nobody_up(user: User) -> None:
    with open_transaction(user.save):
        assert not fence.is_anybody_older(2**40)


@only_postgresql
def test_other_roles_transactions_are_seen_without_privileges(user: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS usersync_test_plain")
        cursor.execute("CREATE ROLE usersync_test_plain")
        try:
            with open_transaction(lambda: User.objects.update(name="x")):
                cursor.execute("SELECT pg_current_xact_id()::text::bigint")
                (drawn,) = cursor.fetchone()
                cursor.execute("SET ROLE usersync_test_plain")
                assert fence.is_anybody_older(drawn)
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP ROLE usersync_test_plain")


def test_a_new_target_is_owed_everybody_and_then_has_nothing_to_catch_up(
    user: User, name_saas: Callable[[], None]
) -> None:
    name_saas()
    catch_up.go_on("saas", seconds=30)
    assert row_of(user, "saas").generation == 1
    assert Target.objects.get(name="saas").behind_since is None


def test_people_stay_owed_to_a_target_that_is_away_while_it_catches_up(
    user: User, name_saas: Callable[[], None]
) -> None:
    name_saas()
    Target.objects.filter(name="saas").update(enabled=False)
    catch_up.go_on("saas", seconds=30)
    assert row_of(user, "saas").state == "pending"


@only_postgresql
@pytest.mark.parametrize("work", [lambda: list(backfill.steps("partner")), lambda: catch_up.go_on("partner")])
def test_nobody_waits_for_a_catching_up_that_waits_for_somebody_elses_record(
    user: User, work: Callable[[], Any]
) -> None:
    """One person's edit is open; neither another person's edit nor the target's row is held up by it."""
    others = [User.objects.create(name="李娜", phone=str(number)) for number in range(5)]
    Record.objects.filter(object_id__in=[others[0].uuid.hex, others[3].uuid.hex]).delete()
    held = User.objects.get(uuid=Record.objects.order_by("key")[1].object_id)
    targets.owe_anew("partner")

    def run() -> None:
        work()
        connection.close()

    working = threading.Thread(target=run)
    with open_transaction(lambda: User.objects.filter(pk__in=[held.pk, others[3].pk]).update(name="held")) as commit:
        working.start()
        while not Target.objects.get().owing_left:
            threading.Event().wait(0.01)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '250ms'")
            Target.objects.select_for_update().get(name="partner")
            free = [other.pk for other in others if other.pk not in (held.pk, others[3].pk)]
            assert User.objects.filter(pk__in=free).update(name="edited") == len(free)
        commit()
    working.join(60)
    list(backfill.steps("partner"))
    assert Record.objects.count() == User.objects.count()
    assert not Record.objects.exclude(state="pending").exists()


@only_postgresql
def test_a_record_that_somebody_holds_is_owed_when_it_is_free_and_keeps_no_other_waiting(user: User) -> None:
    other = User.objects.create(name="李娜", phone="2")
    Record.objects.update(synced_generation=1, due_at=None, owed_since=None)
    for held, free in ((user, other), (other, user)):
        Record.objects.update(synced_generation=F("generation"), due_at=None, owed_since=None)
        targets.owe_anew("partner")
        write = Record.objects.filter(object_id=held.uuid.hex).update
        with open_transaction(lambda write=write: write(last_error="held")):  # type: ignore[misc]
            catch_up.go_on("partner", seconds=0.1)
            assert (row_of(held).state, row_of(free).state) == ("synced", "pending")
            assert Target.objects.get().behind_since is not None
        catch_up.go_on("partner", seconds=30)
        assert row_of(held).state == "pending"
        assert row_of(free).generation == row_of(held).generation
        assert Target.objects.get().behind_since is None


@only_postgresql
def test_one_person_whom_a_transaction_holds_keeps_nobody_else_from_a_new_target(
    user: User, name_saas: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "LONGEST_WAIT", timedelta(0))
    for number in range(5):
        User.objects.create(name="李娜", phone=str(number))
    with open_transaction(lambda: User.objects.filter(pk=user.pk).update(name="王芳")):
        name_saas()
        catch_up.go_on("saas", seconds=0.1)
        assert Record.objects.filter(target="saas").count() == 5
    catch_up.go_on("saas", seconds=30)
    assert row_of(user, "saas").state == "pending"
    assert Target.objects.get(name="saas").behind_since is None


@only_postgresql
def test_a_backfill_ends_though_somebody_is_held_and_the_reconciler_owes_them(user: User) -> None:
    other = User.objects.create(name="李娜", phone="2")
    Record.objects.update(synced_generation=1, due_at=None, owed_since=None)
    with open_transaction(lambda: Record.objects.filter(object_id=user.uuid.hex).update(last_error="held")):
        assert sum(backfill.steps("partner")) == 1
        assert backfill.left("partner") == 1
        assert (row_of(user).state, row_of(other).state) == ("synced", "pending")
    catch_up.go_on("partner", seconds=30)
    assert row_of(user).state == "pending"
    assert backfill.left("partner") == 0


@only_postgresql
def test_a_walk_waits_where_more_are_held_than_can_be_noted(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "MOST_LEFT", 2)
    others = [User.objects.create(name="李娜", phone=str(number)) for number in range(5)]
    Record.objects.filter(object_id__in=[other.uuid.hex for other in others[:3]]).delete()
    Record.objects.update(synced_generation=1, due_at=None, owed_since=None)
    targets.owe_anew("partner")
    with open_transaction(lambda: User.objects.update(name="held")):
        catch_up.go_on("partner", seconds=0.1)
        assert len(Target.objects.get().owing_left) == 2
        assert Target.objects.get().owing_to is not None
    catch_up.go_on("partner", seconds=30)
    assert Record.objects.filter(state="pending").count() == 6
    assert Target.objects.get().behind_since is None


@only_postgresql
def test_somebody_held_who_is_gone_afterwards_holds_nothing_up(user: User, name_saas: Callable[[], None]) -> None:
    name_saas()
    catch_up.go_on("saas", seconds=0.1)
    Record.objects.all().delete()
    targets.owe_anew("saas")
    pk = user.pk
    with open_transaction(user.delete):
        catch_up.go_on("saas", seconds=0.1)
        assert Target.objects.get(name="saas").swept_left == [f"users.user:{pk}"]
    catch_up.go_on("saas", seconds=30)
    assert Target.objects.get(name="saas").behind_since is None


def test_an_edit_made_while_triggers_were_missing_reaches_a_record_that_was_refused_before(user: User) -> None:
    Record.objects.update(parked="invalid", due_at=None)
    triggers.drop()
    User.objects.update(phone="13800000001")
    call_command("migrate", verbosity=0)
    catch_up.go_on("partner", seconds=30)
    row = row_of(user)
    assert (row.parked, row.state, row.generation) == ("", "pending", 2)


@only_postgresql
def test_what_an_open_transaction_mended_is_owed_to_a_record_that_the_new_target_had_refused(
    user: User, name_saas: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "LONGEST_WAIT", timedelta(0))
    with open_transaction(
        lambda: User.objects.filter(pk=user.pk).update(phone="13800000001"), isolation="REPEATABLE READ"
    ) as commit:
        name_saas()
        catch_up.go_on("saas", seconds=0.3)
        Record.objects.filter(target="saas").update(parked="invalid", due_at=None)
        commit()
    catch_up.go_on("saas", seconds=30)
    row = row_of(user, "saas")
    assert (row.parked, row.state) == ("", "pending")


def test_a_backfill_that_is_killed_half_way_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "AT_ONCE", 2)
    User.objects.bulk_create([User(name="x", phone=str(number)) for number in range(6)])
    Record.objects.update(synced_generation=1, due_at=None, owed_since=None)
    killed = backfill.steps("partner")
    assert next(killed) == 2
    del killed
    assert sum(backfill.steps("partner", resume=True)) == 4
    assert set(Record.objects.values_list("generation", flat=True)) == {2}


def test_a_backfill_that_is_killed_is_finished_by_the_reconciler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "AT_ONCE", 2)
    User.objects.bulk_create([User(name="x", phone=str(number)) for number in range(6)])
    Record.objects.update(synced_generation=1, due_at=None, owed_since=None)
    next(backfill.steps("partner"))
    catch_up.go_on("partner", seconds=30)
    assert set(Record.objects.values_list("generation", flat=True)) == {2}


def test_two_that_catch_up_at_once_leave_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "AT_ONCE", 2)
    User.objects.bulk_create([User(name="x", phone=str(number)) for number in range(9)])
    Record.objects.filter(pk__in=list(Record.objects.values_list("pk", flat=True)[:4])).delete()
    Record.objects.update(synced_generation=1, due_at=None, owed_since=None)
    targets.owe_anew("partner")
    at_once(*[lambda: catch_up.go_on("partner", seconds=30)] * 2)
    assert Record.objects.filter(state="pending").count() == 9


def test_a_round_that_began_anew_is_not_carried_on_from_the_place_of_the_last(user: User) -> None:
    """Else what went unrecorded after a batch, and before everything was owed a second time, would be lost."""
    targets.owe_anew("partner")
    stale = Target.objects.get()
    targets.owe_anew("partner")
    catch_up._owe_next(stale, "")
    assert Target.objects.get().owing_to == ""


def test_what_is_owed_anew_is_due_behind_edits_and_leaves_waits_alone() -> None:
    level, edited, waiting = (User.objects.create(name=name) for name in ("a", "b", "c"))
    later = timezone.now() + timedelta(hours=1)
    Record.objects.filter(object_id=level.uuid.hex).update(synced_generation=1, due_at=None, owed_since=None)
    Record.objects.filter(object_id=waiting.uuid.hex).update(due_at=later)
    targets.owe_anew("partner")
    catch_up.go_on("partner", seconds=30)
    assert row_of(edited).due_at == EPOCH
    assert EPOCH < (row_of(level).due_at or EPOCH) <= timezone.now() + timedelta(seconds=5)
    assert row_of(waiting).due_at == later


def test_what_is_under_way_is_owed_all_the_same(user: User) -> None:
    """It may be under way with what it was before: its acknowledgement must not be the last word."""
    Record.objects.update(lease_token="t", leased_until=timezone.now() + timedelta(hours=1))
    targets.owe_anew("partner")
    catch_up.go_on("partner", seconds=30)
    assert row_of(user).generation == 2


def test_a_confirmed_tombstone_stays_one(user: User) -> None:
    uuid = user.uuid
    user.delete()
    Record.objects.update(synced_generation=2, due_at=None, owed_since=None)
    targets.owe_anew("partner")
    catch_up.go_on("partner", seconds=30)
    assert Record.objects.get(object_id=uuid.hex).state == "deleted"
