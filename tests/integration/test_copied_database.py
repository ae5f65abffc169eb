"""A copy of the database, as staging is made from production, sends nothing until a person says that it is to."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from tests.integration.conftest import converge, effects, held_records, row_of, step, wanted_records
from tests.integration.strictly import STRICT
from thirdparty import protect
from thirdparty.connectors.errors import Transient
from thirdparty.consistency.strict.errors import NotAccepted
from thirdparty.models import Target
from thirdparty.observe.explain import explain
from thirdparty.observe.status import status
from thirdparty.protect import sender
from thirdparty.protect.sender import Sender, this_database
from thirdparty.sandbox.client import SandboxControl
from users import consistency
from users.models import User
from users.synced import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def copied(sandbox: SandboxControl, settings: Any) -> User:
    """A person who was synced from production; this is staging now, and the person was edited."""
    settings.SYNC_INSTANCE = "production"
    user = User.objects.create(name="张伟", phone="1")
    converge()
    settings.SYNC_INSTANCE = "staging"
    User.objects.update(name="test")
    return user


def test_the_first_call_binds_a_target_to_the_database(sandbox: SandboxControl, settings: Any) -> None:
    settings.SYNC_INSTANCE = "production"
    assert Target.objects.get().sent_from == ""
    step(User.objects.create(name="张伟", phone="1"))
    assert Target.objects.get().sent_from == str(this_database())


def test_a_copy_changes_and_deletes_nothing_at_the_target(copied: User, sandbox: SandboxControl) -> None:
    assert step(copied) is None
    copied.delete()
    assert step(row_of(copied).key) is None
    assert effects(sandbox) == ["created"]


def test_a_strict_write_of_a_copy_is_refused_before_anything_is_asked(copied: User, sandbox: SandboxControl) -> None:
    before = sandbox.ledger()
    with pytest.raises(NotAccepted):
        consistency.update(copied.uuid, {"name": "李娜"}, consistency=STRICT)
    assert sandbox.ledger() == before


def test_it_says_why_and_what_to_do(copied: User) -> None:
    [explained] = explain(person(copied.uuid))
    [why] = explained.blocked_by
    assert "last sent to from another database (production@" in why
    assert "resume the target" in why
    now = status()
    assert not now.healthy
    assert now.targets["partner"]["paused_reason"] in why


def test_once_a_person_resumes_the_target_the_copy_sends(copied: User, sandbox: SandboxControl) -> None:
    call_command("sync", "resume", "partner")
    converge()
    assert held_records(sandbox) == wanted_records()
    assert Target.objects.get().sent_from == str(this_database())


def test_who_pauses_a_target_that_is_sent_to_from_elsewhere_has_paused_it(copied: User, settings: Any) -> None:
    call_command("sync", "pause", "partner", "--reason", "maintenance there")
    settings.SYNC_INSTANCE = "production"
    assert Target.objects.get().paused
    assert step(copied) is None


def test_what_keeps_a_copy_from_sending_is_no_pause_that_outlasts_it(copied: User, settings: Any) -> None:
    protect.report("partner", row_of(copied).key, Transient("refused", "nobody there"))
    settings.SYNC_INSTANCE = "production"
    assert not Target.objects.get().paused
    assert step(copied) is not None


def test_then_it_is_the_original_that_sends_no_more(copied: User, settings: Any) -> None:
    call_command("sync", "resume", "partner")
    settings.SYNC_INSTANCE = "production"
    assert step(copied) is None


def test_a_process_that_is_told_no_name_does_not_send_for_one_that_has_a_name(copied: User, settings: Any) -> None:
    settings.SYNC_INSTANCE = ""
    assert step(copied) is None


def test_giving_the_installation_a_name_changes_nothing(sandbox: SandboxControl, settings: Any) -> None:
    user = User.objects.create(name="张伟", phone="1")
    converge()
    settings.SYNC_INSTANCE = "production"
    User.objects.update(name="李娜")
    converge()
    assert held_records(sandbox) == wanted_records()
    assert Target.objects.get().sent_from.startswith("production@")
    assert step(user) is None


@pytest.mark.parametrize(
    ("this", "bound", "another"),
    [
        ("@7/1", "", False),
        ("@7/1", "@7/1", False),
        ("@7/2", "@7/1", True),
        ("@8/1", "@7/1", True),
        ("@", "@7/1", False),
        ("live@7/1", "@7/1", False),
        ("live@7/2", "live@7/1", True),
        ("@7/1", "live@7/1", True),
        ("test@7/1", "live@7/1", True),
    ],
)
def test_what_either_cannot_tell_says_nothing(this: str, bound: str, another: bool) -> None:  # noqa: FBT001  # a column of the table
    assert Sender.of(this).is_another(Sender.of(bound)) is another


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only a server says where a database is")
def test_another_database_of_one_server_is_another_place() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        [oid] = cursor.fetchone() or ()
    assert this_database().place.endswith(f"/{oid}")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="as above")
def test_a_server_that_does_not_answer_once_is_asked_again_where_it_is() -> None:
    sender._place.cache_clear()

    def breaks_off(*_: Any) -> Any:
        raise OperationalError("canceling statement due to statement timeout")

    with connection.execute_wrapper(breaks_off), suppress(OperationalError):
        this_database()
    assert this_database().place
