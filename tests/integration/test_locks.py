"""Who meets a lock that others hold for too long is told so, loses nothing, and is in nobody's way.

On PostgreSQL a row is locked, on SQLite the whole database, which has one writer: what is answered is the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from tests.integration.conftest import at_once, converge, held_records, row_of, step, wanted_records
from thirdparty import protect, targets, tasks
from thirdparty.decisions.compensation import Deed
from thirdparty.decisions.look_now import look_now
from thirdparty.decisions.together import decide_together
from thirdparty.models import Record, StrictWrite, Target
from thirdparty.models.record import EPOCH
from thirdparty.protect import GuardDecision
from thirdparty.run import guard_decision
from thirdparty.run import results as ends
from thirdparty.run.drain import drain
from thirdparty.sandbox.client import SandboxControl
from thirdparty.store.contention import StillHeld, is_contention
from users import bulk, services
from users.models import IdempotentResponse, User

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = "/api/v1/users/"
ZHANG = {"name": "张伟", "phone": "13800000001"}
Holding = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def impatient(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every new connection waits for a lock for 0.3 s at most."""
    options = connection.settings_dict["OPTIONS"]
    short = ("options", "-c lock_timeout=300") if connection.vendor == "postgresql" else ("timeout", 0.3)
    monkeypatch.setitem(options, *short)
    connection.close()
    yield
    monkeypatch.undo()
    connection.close()


@pytest.fixture
def api(impatient: None) -> APIClient:
    targets.publish_rows()
    client = APIClient(raise_request_exception=False)
    token = Token.objects.create(user=User.objects.create_superuser("root"))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token.key}")
    return client


@contextmanager
def held(write: Callable[[], object], *, for_seconds: float | None = None) -> Iterator[None]:
    """``write`` stands in a transaction of another connection, which is rolled back at the end, or after so long."""
    written, finish = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                write()
                written.set()
                finish.wait(60 if for_seconds is None else for_seconds)
                transaction.set_rollback(True)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert written.wait(10)
    try:
        yield
    finally:
        finish.set()
        thread.join()


def locks(user: User) -> Callable[[], object]:
    """Locks the person and, through the triggers, their record."""
    return lambda: User.objects.filter(pk=user.pk).update(name="Somebody else's")


WRITES: dict[str, Callable[[APIClient, User], Any]] = {
    "patch": lambda api, user: api.patch(f"{PEOPLE}{user.uuid}/", {"name": "Mine"}),
    "put": lambda api, user: api.put(f"{PEOPLE}{user.uuid}/", {"name": "Mine"}),
    "delete": lambda api, user: api.delete(f"{PEOPLE}{user.uuid}/"),
    "look now": lambda api, user: api.post(f"{PEOPLE}{user.uuid}/sync/"),
    "patch that waits": lambda api, user: api.patch(f"{PEOPLE}{user.uuid}/", {"name": "Mine"}, HTTP_PREFER="wait=5"),
    "strict": lambda api, user: api.patch(f"{PEOPLE}{user.uuid}/?consistency=strict", {"name": "Mine"}),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_row_that_is_locked_for_too_long_is_503_with_the_time_to_come_again(
    api: APIClient, write: Callable[[APIClient, User], Any]
) -> None:
    user = User.objects.create(name="Ada", phone="1")
    Record.objects.update(due_at=None)

    with held(locks(user)):
        answer = write(api, user)

    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert answer.json()["type"] == "urn:usersync:problem:busy"
    assert int(answer["Retry-After"]) >= 1
    assert User.objects.get(pk=user.pk).name == "Ada"
    assert Record.objects.get().due_at is None


@pytest.mark.parametrize(
    ("path", "body"),
    [(PEOPLE, {**ZHANG, "username": "zhang"}), (f"{PEOPLE}bulk/", {"users": [{**ZHANG, "username": "zhang"}]})],
    ids=["one", "bulk"],
)
def test_a_username_that_another_is_just_taking_is_503_too_and_the_key_is_free_again(
    api: APIClient, path: str, body: dict[str, Any]
) -> None:
    with held(lambda: User.objects.create(name="Other", username="zhang")):
        answer = api.post(path, body, HTTP_IDEMPOTENCY_KEY="once")

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert not User.objects.filter(username="zhang").exists()
    if connection.vendor == "postgresql":  # on SQLite the key itself could not be taken
        assert api.post(path, body, HTTP_IDEMPOTENCY_KEY="once").status_code == 201


def test_a_page_of_the_admin_says_that_somebody_else_is_writing(api: APIClient) -> None:
    user = User.objects.create(name="Ada", phone="1")
    web = Client(raise_request_exception=False)
    web.force_login(User.objects.get(username="root"))

    with held(locks(user)):
        answer = web.post(f"/admin/users/user/{user.pk}/change/", {"name": "Mine", "phone": "1", "is_active": "on"})

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert "Nothing was saved" in answer.content.decode()
    assert User.objects.get(pk=user.pk).name == "Ada"


def test_a_database_that_is_gone_is_503_as_well(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise OperationalError("the connection is closed; password=secret")

    monkeypatch.setattr("users.services.people", gone)

    answer = api.get(PEOPLE)

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:usersync:problem:unavailable")
    assert "secret" not in answer.content.decode()
    assert not is_contention(OperationalError("the connection is closed"))


# -- many at once -----------------------------------------------------------------------


def test_people_are_inserted_by_username_and_answered_in_their_own_order(api: APIClient) -> None:
    asked = [
        {"name": "Zoe", "phone": "3"},
        {"name": "", "phone": "9"},
        {"name": "Anything", "phone": "2", "username": "mia"},
        {"name": "Ada", "phone": "1"},
        {"name": "Zoe", "phone": "3"},
    ]

    answer = api.post(f"{PEOPLE}bulk/", {"atomic": False, "users": asked})

    assert list(services.people().order_by("pk").values_list("username", flat=True)) == [
        "ada1",
        "mia",
        "zoe3",
        "zoe3x2",
    ]
    results = answer.json()["results"]
    assert [each["index"] for each in results] == [0, 1, 2, 3, 4]
    assert [each.get("user", {}).get("username") for each in results] == ["zoe3", None, "mia", "ada1", "zoe3x2"]


def test_two_requests_with_the_same_people_in_opposite_order_stand_against_nobody(db: None) -> None:
    names = [f"user{number:03}" for number in range(60)]

    def add(wanted: list[str]) -> str:
        try:
            bulk.create(
                wanted, checked=lambda name: {"name": name, "username": name}, atomic=True, kept=lambda _: None
            )
        except bulk.Refused:
            return "refused"
        return "added"

    assert sorted(at_once(lambda: add(names), lambda: add(names[::-1]))) == ["added", "refused"]
    assert services.people().count() == len(names)


# -- after the commit -------------------------------------------------------------------


def _fails(*_: Any, **__: Any) -> Any:
    raise OperationalError("canceling statement due to lock timeout")


@pytest.mark.parametrize("where", ["_followed", "push_until_done"])
@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_what_fails_after_the_commit_of_a_write_that_waits_is_answered_as_saved(
    api: APIClient, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch, method: str, where: str
) -> None:
    sandbox.faults(busy=True)
    user = User.objects.create(name="Ada", phone="1")
    path = PEOPLE if method == "post" else f"{PEOPLE}{user.uuid}/"
    monkeypatch.setattr(f"thirdparty.consistency.wait.{where}", _fails)

    answer = getattr(api, method)(path, {"name": "Saved"}, HTTP_PREFER="wait=5", HTTP_IDEMPOTENCY_KEY="k")

    assert answer.status_code == 202
    assert [record["target"] for record in answer.json()["sync"]] == ["partner"]
    assert User.objects.filter(name="Saved").exists() or method == "delete"
    assert User.objects.filter(pk=user.pk).exists() == (method != "delete")
    if method == "post":
        assert api.post(path, {"name": "Saved"}, HTTP_IDEMPOTENCY_KEY="k", HTTP_PREFER="wait=5").status_code == 202
        assert User.objects.filter(name="Saved").count() == 1


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_where_the_records_cannot_be_read_any_more_the_answer_is_that_of_the_save(
    api: APIClient, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    user = User.objects.create(name="Ada", phone="1")
    path = PEOPLE if method == "post" else f"{PEOPLE}{user.uuid}/"

    def followed(*_: Any, **__: Any) -> bool:
        monkeypatch.setattr("users.api.answers.RecordSerializer", _fails)
        monkeypatch.setattr("users.api.serializers.records_of", _fails)
        return False

    monkeypatch.setattr("users.consistency.follow", followed)

    answer = getattr(api, method)(path, {"name": "Saved"}, HTTP_PREFER="wait=5")

    assert (answer.status_code, [record["state"] for record in answer.json()["sync"]]) == (202, ["pending"])


def test_a_record_that_is_locked_while_it_is_followed_is_left_to_the_workers(
    api: APIClient, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    from users import consistency

    follow = consistency.follow

    def follow_while_somebody_writes(ref: Any, **options: Any) -> bool:
        with held(locks(User.objects.get(uuid=ref.object_id))):
            return follow(ref, **options)

    monkeypatch.setattr(consistency, "follow", follow_while_somebody_writes)

    answer = api.post(PEOPLE, ZHANG, HTTP_PREFER="wait=2")

    assert answer.status_code == 202
    assert services.people().get().name == "张伟"
    monkeypatch.undo()
    converge()
    assert held_records(sandbox) == wanted_records()


# -- workers ----------------------------------------------------------------------------


def during_the_first_settling(
    monkeypatch: pytest.MonkeyPatch, hold: Callable[[list[User]], list[AbstractContextManager[None]]]
) -> list[AbstractContextManager[None]]:
    """``hold`` is called with the people whose results are to be written first; what it holds is to be left by the test."""
    finish: Callable[..., Any] = ends.write_results
    holding: list[AbstractContextManager[None]] = []

    def finish_while_held(target: Any, ended: Any, **options: Any) -> Any:
        if ended and not holding:
            holding.extend(hold([User.objects.get(uuid=each.lease.object_id) for each in ended]))
            for each in holding:
                each.__enter__()
        return finish(target, ended, **options)

    monkeypatch.setattr(ends, "write_results", finish_while_held)
    return holding


def test_one_locked_row_ends_no_drain_and_takes_no_other_result_along(
    impatient: None, sandbox: SandboxControl, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    settings.SYNC_DATABASE_TIMEOUT_SECONDS = 1.5
    people = User.objects.bulk_create([User(name="张伟", phone=str(number)) for number in range(40)])
    stuck: list[User] = []

    def hold(first: list[User]) -> list[AbstractContextManager[None]]:
        stuck.append(first[0])
        return [held(locks(first[0])), *(held(locks(user), for_seconds=0.6) for user in first[1:2])]

    holding = during_the_first_settling(monkeypatch, hold)
    drained = drain("partner")
    synced = set(Record.objects.filter(state="synced").values_list("object_id", flat=True))
    for each in holding:
        each.__exit__(None, None, None)

    assert synced == {user.uuid.hex for user in people} - {stuck[0].uuid.hex}
    assert drained.settled == len(people) - 1
    assert row_of(stuck[0]).state == "in_flight"
    Record.objects.filter(state="in_flight").update(leased_until=timezone.now() - timedelta(seconds=1), due_at=EPOCH)
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_drain_writes_what_it_knows_once_the_lock_is_gone(
    impatient: None, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.bulk_create([User(name="张伟", phone=str(number)) for number in range(10)])
    holding = during_the_first_settling(monkeypatch, lambda first: [held(locks(first[0]), for_seconds=1.0)])

    drain("partner")
    for each in holding:
        each.__exit__(None, None, None)

    assert set(Record.objects.values_list("state", flat=True)) == {"synced"}
    assert len(sandbox.users()) == 10


def test_a_single_result_whose_row_is_locked_for_too_long_is_looked_up_later(
    impatient: None, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = User.objects.create(name="张伟")
    holding = during_the_first_settling(monkeypatch, lambda first: [held(locks(first[0]))])

    pushed = step(user)
    for each in holding:
        each.__exit__(None, None, None)

    assert pushed is not None
    assert pushed.row is None
    assert row_of(user).state == "in_flight"
    Record.objects.update(leased_until=timezone.now() - timedelta(seconds=1), due_at=EPOCH)
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_drain_waits_for_no_row_whose_remote_id_a_newcomer_was_given(
    impatient: None, sandbox: SandboxControl, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    settings.SYNC_DATABASE_TIMEOUT_SECONDS = 1.5
    sandbox.backup()
    old = User.objects.create(name="张伟")
    converge()
    sandbox.restore()
    User.objects.bulk_create([User(name="王芳", phone=str(number)) for number in range(4)])
    holding = during_the_first_settling(monkeypatch, lambda _: [held(locks(old))])

    drain("partner")
    for each in holding:
        each.__exit__(None, None, None)

    assert sorted(Record.objects.values_list("state", flat=True)) == ["in_flight", *["synced"] * 4]
    Record.objects.filter(state="in_flight").update(leased_until=timezone.now() - timedelta(seconds=1), due_at=EPOCH)
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_parked_record_that_somebody_holds_keeps_no_other_from_being_unparked(
    impatient: None, sandbox: SandboxControl
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    stuck, other = User.objects.create(name="张伟"), User.objects.create(name="李娜")
    Record.objects.update(parked="invalid", due_at=None)
    keys = tuple(row_of(user).key for user in (stuck, other))

    with held(locks(stuck)):
        guard_decision.apply_to_others(GuardDecision(unparked=keys, unparked_for="invalid"))

    assert [row_of(user).parked for user in (stuck, other)] == ["invalid", ""]


def test_a_record_that_somebody_holds_makes_no_drain_follow_another(impatient: None, sandbox: SandboxControl) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    user = User.objects.create(name="张伟")

    with held(locks(user)):
        drained = [drain("partner"), drain("partner", is_helper=True)]

    assert [each.unfinished for each in drained] == [False, False]
    assert [each.look_in_seconds for each in drained] == [None, None]
    assert drain("partner").settled == 1


# -- ticks and people's wishes ----------------------------------------------------------


@pytest.fixture
def dead_strict_writes(sandbox: SandboxControl, impatient: None) -> list[User]:
    """Two people, level, whose strict writes' process died."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    users = [User.objects.create(name=name) for name in ("张伟", "李娜")]
    for user in users:
        StrictWrite.objects.create(
            kind="users.user", object_id=user.uuid.hex, action="update", natural_key=user.username, candidate={}, base="", token=uuid4().hex,
            expires_at=timezone.now() - timedelta(seconds=10),
        )  # fmt: skip
    return users


def test_a_tick_takes_back_the_strict_writes_of_all_whom_nobody_holds(dead_strict_writes: list[User]) -> None:
    stuck, _ = dead_strict_writes

    with held(locks(stuck)):
        tasks.run_reconcile()
        left = [each.object_id for each in StrictWrite.objects.all()]
    assert left == [stuck.uuid.hex]

    tasks.run_reconcile()
    assert not StrictWrite.objects.exists()


def test_a_tick_that_meets_a_held_record_hears_its_probes(dead_strict_writes: list[User]) -> None:
    Target.objects.update(paused=True, paused_by_guard=True, paused_reason="turned away", blocked_until=None)

    with held(locks(dead_strict_writes[0])):
        tasks.run_reconcile()

    assert not Target.objects.get().paused


PARTS = [
    "reconcile.pull_forward",
    "strict.sweep",
    "reconcile.protect.allowance",
    "catch_up.go_on",
    "reconcile._prune_attempts",
]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_the_tick_that_fails_keeps_no_other_from_its_turn(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    user = User.objects.create(name="张伟")
    StrictWrite.objects.create(
        kind="users.user", object_id=user.uuid.hex, action="update", natural_key=user.username, candidate={}, base="", token=uuid4().hex,
        expires_at=timezone.now() - timedelta(seconds=10),
    )  # fmt: skip
    Target.objects.update(paused=True, paused_by_guard=True, paused_reason="turned away", blocked_until=None)
    IdempotentResponse.objects.create(
        account=User.objects.create_superuser("root"), key="k", kept_at=timezone.now() - timedelta(days=2)
    )
    monkeypatch.setattr(f"thirdparty.tasks.{part}", _fails)

    tasks.run_reconcile()

    assert not Target.objects.get().paused
    assert not IdempotentResponse.objects.exists()
    assert StrictWrite.objects.exists() == (part == "strict.sweep")


def test_one_target_whose_probe_cannot_be_heard_keeps_no_other_paused(
    saas: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    Target.objects.update(paused=True, paused_by_guard=True, paused_reason="turned away", blocked_until=None)
    revived = protect.revived
    unheard: list[str] = []

    def all_but_the_first(name: str, seen: protect.Probe) -> bool:
        if not unheard:
            unheard.append(name)
            _fails()
        return revived(name, seen)

    monkeypatch.setattr(protect, "revived", all_but_the_first)

    tasks.run_reconcile()

    assert list(Target.objects.filter(paused=True).values_list("name", flat=True)) == unheard


def test_all_whom_nobody_holds_are_looked_at_now_and_the_person_is_told_of_the_rest(
    impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    targets.publish_rows()
    people = User.objects.bulk_create([User(name="张伟", phone=str(number)) for number in range(5)])
    Record.objects.update(parked="invalid", due_at=None)
    monkeypatch.setattr(services, "_BATCH", 2)
    stuck = User.objects.get(uuid=Record.objects.order_by("key")[0].object_id)

    with held(locks(stuck)), pytest.raises(StillHeld) as told:
        look_now(Record.objects.all())

    assert is_contention(told.value)
    assert told.value.looked_at == len(people) - 1
    assert [row.object_id for row in Record.objects.exclude(parked="")] == [stuck.uuid.hex]


def test_retry_says_how_many_are_due_and_that_others_are_held(impatient: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    targets.publish_rows()
    stuck, other = User.objects.create(name="张伟"), User.objects.create(name="李娜")
    Record.objects.update(parked="invalid", due_at=None)

    with held(locks(stuck)), pytest.raises(CommandError, match="1 records of partner are due now; others are held"):
        call_command("sync", "retry", "--target", "partner")

    assert [row_of(user).parked for user in (stuck, other)] == ["invalid", ""]


def test_what_is_decided_about_many_is_not_kept_up_by_one_that_somebody_is_writing(impatient: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    targets.publish_rows()
    operator = User.objects.create_superuser("root")
    stuck, other = User.objects.create(name="张伟"), User.objects.create(name="李娜")
    Record.objects.update(parked="invalid", due_at=None)
    seen = dict(Record.objects.values_list("key", "generation"))

    with held(locks(stuck)):
        done = decide_together(seen, Deed.RETRY, account=operator, reason="by phone")

    assert [row_of(user).parked for user in (stuck, other)] == ["invalid", ""]
    assert [(each.key, each.why) for each in done.refused] == [
        (row_of(stuck).key, "Somebody is writing this record at the moment. Try again.")
    ]
