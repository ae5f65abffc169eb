"""What becomes of a target's record once its object has left: deleted, deactivated, left, or deleted after some days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db.models import F

from tests.integration.braking import latched, states, work
from tests.integration.conftest import converge, effects, row_of, step
from tests.integration.strictly import STRICT
from tests.integration.test_audit import audited, found
from thirdparty import store, targets
from thirdparty.audit.certificate import certificate
from thirdparty.capture import backfill, catch_up
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.connectors.rest.connector import RestConnector
from thirdparty.models import Attempt, Brake, BrakeEntry, Record
from thirdparty.observe.explain import explain
from thirdparty.observe.preview import preview
from thirdparty.sandbox.client import SandboxControl
from thirdparty.tasks import run_reconcile
from thirdparty.testing import FakeRestTarget
from users import consistency
from users.models import User
from users.synced import person

pytestmark = pytest.mark.django_db(transaction=True)

STAYS = Leaving(OnLeave.LEAVE)
AFTER_30_DAYS = Leaving(OnLeave.DELETE, 30)
INACTIVE = Leaving(OnLeave.DEACTIVATE)
INACTIVE_30_DAYS = Leaving(OnLeave.DEACTIVATE, 30)


class Crm(RestConnector):
    collection = "/people"
    key_field = "login"
    update_method = "PATCH"
    inactive: ClassVar[dict[str, Any]] = {"active": False}
    active: ClassVar[dict[str, Any]] = {"active": True}


@pytest.fixture
def crm(db: None, partner: Callable[..., None], settings: Any) -> Iterator[FakeRestTarget]:
    """An empty partner that can deactivate, and is to."""
    settings.SYNC_RETRY_BACKOFF_SECONDS = 0.05
    settings.SYNC_RETRY_BACKOFF_MAX_SECONDS = 0.1
    settings.SYNC_RECONCILE_EVERY_SECONDS = 0.01
    fake = FakeRestTarget(key_field="login")
    with fake.running() as url:
        partner(
            connector=f"{Crm.__module__}.Crm", base_url=url, options={"token": "t0ken"}, capabilities=("query", "list"),
            timeout_seconds=5.0, visibility_seconds=0.2, leaving=INACTIVE,
        )  # fmt: skip
        targets.publish_rows()
        yield fake


def somebody(phone: str = "1") -> User:
    user = User.objects.create(name="张伟", phone=phone)
    converge()
    return user


def held(crm: FakeRestTarget) -> list[tuple[str, str, bool]]:
    return [(each["id"], each["name"], each["active"]) for each in crm.items["people"].values()]


def methods(crm: FakeRestTarget) -> list[str]:
    return [each.method for each in crm.requests if each.method != "GET"]


def days_pass(days: float) -> None:
    Record.objects.filter(left_at__isnull=False).update(left_at=F("left_at") - timedelta(days=days))


def leave(user: User, way: str) -> None:
    if way == "deleted here":
        User.objects.filter(pk=user.pk).delete()
    elif way == "inactive":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        User.objects.filter(pk=user.pk).update(is_superuser=True, is_staff=True)
    converge()


WAYS = ["deleted here", "inactive", "out of scope"]


# -- left as it is -----------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_what_is_to_stay_is_not_touched_whichever_way_its_object_leaves(
    sandbox: SandboxControl, partner: Callable[..., None], way: str
) -> None:
    partner(leaving=STAYS)
    user = somebody()
    remote_id = row_of(user).remote_id
    leave(user, way)
    row = row_of(user)
    assert (row.state, row.remote_id, row.owed_since, row.due_at) == ("left", remote_id, None, None)
    assert effects(sandbox) == ["created"]
    assert [each["userId"] for each in sandbox.users()] == [remote_id]


def test_whoever_comes_back_is_updated_and_not_added_anew(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(leaving=STAYS)
    user = somebody()
    leave(user, "inactive")
    User.objects.filter(pk=user.pk).update(is_active=True, name="李娜")
    converge()
    assert effects(sandbox) == ["created", "updated"]
    assert (row_of(user).state, row_of(user).left_at) == ("synced", None)
    assert [each["name"] for each in sandbox.users()] == ["李娜"]


def test_what_was_never_there_does_not_stay_there(sandbox: SandboxControl, partner: Callable[..., None]) -> None:
    partner(leaving=STAYS)
    user = User.objects.create(name="张伟", phone="1", is_active=False)
    converge()
    assert (row_of(user).state, row_of(user).left_at) == ("synced", None)


def test_the_row_of_what_stays_is_not_pruned_or_nobody_would_know_whose_it_is(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(leaving=STAYS)
    user = somebody()
    leave(user, "deleted here")
    Record.objects.update(synced_at="2020-01-01T00:00:00Z")
    run_reconcile()
    converge()
    assert row_of(user).state == "left"


def test_somebody_new_of_the_same_natural_key_waits_and_is_told_for_whom(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(leaving=STAYS)
    user = somebody()
    key = row_of(user).key
    leave(user, "deleted here")
    again = User.objects.create(name="张伟", phone="1")
    assert step(again) is None
    [explained] = explain(person(again.uuid))
    assert effects(sandbox) == ["created"]
    [blocked] = explained.blocked_by
    assert blocked == (
        f"record {key} still holds the natural key 'zhangwei1' at the target: its object has left, and the target's "
        "policy leaves it there"
    )


def test_the_natural_key_is_free_again_once_what_stayed_is_deleted_there_and_looked_at(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(leaving=STAYS)
    user = somebody()
    leave(user, "deleted here")
    again = User.objects.create(name="张伟", phone="1")
    sandbox.delete(str(row_of(user).remote_id))
    store.look_now([row_of(user).key])
    converge()
    assert (row_of(user).state, row_of(again).state) == ("deleted", "synced")


def test_an_unanswered_add_of_somebody_who_leaves_is_looked_for_and_stays(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(leaving=STAYS)
    sandbox.faults(apply_then_500=1.0)
    user = User.objects.create(name="张伟", phone="1")
    step(user)
    sandbox.faults(apply_then_500=0.0)
    leave(user, "deleted here")
    assert (row_of(user).state, len(sandbox.users())) == ("left", 1)


def test_a_strict_deletion_leaves_the_record_there_whatever_the_brake_says(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(leaving=STAYS)
    user = somebody()
    Brake.objects.update_or_create(
        target="partner", defaults={"latched_at": "2026-01-01T00:00:00Z", "reason": "a test"}
    )
    consistency.delete(user.uuid, consistency=STRICT)
    converge()
    assert (row_of(user).state, effects(sandbox)) == ("left", ["created"])


def test_a_backfill_finds_what_stays_and_leaves_it(sandbox: SandboxControl, partner: Callable[..., None]) -> None:
    partner(leaving=STAYS)
    user, lost = somebody(), somebody("2")
    leave(user, "deleted here")
    leave(lost, "inactive")
    sandbox.delete(str(row_of(lost).remote_id))
    store.owe_again([row_of(user).key, row_of(lost).key], store.Why(backfill=True))
    converge()
    assert (row_of(user).state, row_of(lost).state) == ("left", "synced")
    assert (row_of(lost).remote_id, row_of(lost).left_at) == (None, None)


# -- a policy that changes -----------------------------------------------------------------


@pytest.fixture
def policy_is(crm: FakeRestTarget, settings: Any) -> Callable[[Leaving], None]:
    def change(leaving: Leaving) -> None:
        settings.SYNC_TARGETS = {"partner": replace(settings.SYNC_TARGETS["partner"], leaving=leaving)}

    return change


def the_trigger_was_missing() -> None:
    targets.owe_anew()
    catch_up.go_on("partner", seconds=30)


def it_is_edited() -> None:
    User.objects.update(name="Changed")


@pytest.mark.parametrize("policy", [Leaving(), INACTIVE], ids=["deleted", "deactivated"])
@pytest.mark.parametrize("why", [the_trigger_was_missing, it_is_edited])
def test_what_has_stayed_under_another_policy_stays_when_it_is_owed_again(
    crm: FakeRestTarget, policy_is: Callable[[Leaving], None], policy: Leaving, why: Callable[[], None]
) -> None:
    policy_is(STAYS)
    user = somebody()
    leave(user, "inactive")
    policy_is(policy)
    why()
    assert row_of(user).state == "pending"
    converge()
    assert (row_of(user).state, held(crm)) == ("left", [("1", "张伟", True)])


@pytest.mark.parametrize(
    ("policy", "left"), [(Leaving(), []), (INACTIVE, [("1", "张伟", False)])], ids=["deleted", "deactivated"]
)
def test_a_backfill_applies_the_policy_of_now_to_what_has_stayed(
    crm: FakeRestTarget, policy_is: Callable[[Leaving], None], policy: Leaving, left: list[tuple[str, str, bool]]
) -> None:
    policy_is(STAYS)
    leave(somebody(), "inactive")
    policy_is(policy)
    list(backfill.steps("partner"))
    converge()
    assert held(crm) == left


def test_a_backfills_word_ends_with_it(crm: FakeRestTarget, policy_is: Callable[[Leaving], None]) -> None:
    """One under the policy of then says nothing of a later one: somebody who only looks takes nothing away."""
    policy_is(STAYS)
    user = somebody()
    leave(user, "inactive")
    list(backfill.steps("partner"))
    converge()
    policy_is(Leaving())
    store.look_now([row_of(user).key])
    converge()
    assert (row_of(user).state, held(crm)) == ("left", [("1", "张伟", True)])


def test_an_audit_calls_nothing_drift_that_was_left_as_it_was_before_the_policy_changed(
    crm: FakeRestTarget, policy_is: Callable[[Leaving], None]
) -> None:
    policy_is(STAYS)
    leave(somebody(), "inactive")
    policy_is(INACTIVE)
    assert found(audited(mends=True)) == {"left": 1}
    converge()
    assert held(crm) == [("1", "张伟", True)]


# -- deleted after some days ---------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_what_is_to_be_deleted_later_stays_until_its_days_are_over(
    sandbox: SandboxControl, partner: Callable[..., None], way: str
) -> None:
    partner(leaving=AFTER_30_DAYS)
    user = somebody()
    leave(user, way)
    days_pass(29.9)
    run_reconcile()
    converge()
    assert (row_of(user).state, effects(sandbox)) == ("left", ["created"])
    days_pass(0.2)
    run_reconcile()
    assert row_of(user).state == "pending"
    converge()
    assert effects(sandbox) == ["created", "deleted"]
    assert (row_of(user).state, row_of(user).left_at) == ("deleted" if way == "deleted here" else "synced", None)


def test_who_comes_back_in_time_stays_and_has_all_days_when_leaving_again(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(leaving=AFTER_30_DAYS)
    user = somebody()
    leave(user, "inactive")
    days_pass(20)
    User.objects.filter(pk=user.pk).update(is_active=True)
    converge()
    leave(user, "inactive")
    days_pass(20)
    run_reconcile()
    converge()
    assert (row_of(user).state, effects(sandbox).count("deleted")) == ("left", 0)


def test_a_second_look_does_not_begin_the_days_anew(sandbox: SandboxControl, partner: Callable[..., None]) -> None:
    partner(leaving=AFTER_30_DAYS)
    user = somebody()
    leave(user, "deleted here")
    days_pass(20)
    since = row_of(user).left_at
    store.look_now([row_of(user).key])
    converge()
    assert (row_of(user).state, row_of(user).left_at) == ("left", since)


# -- deactivated ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_a_record_is_deactivated_and_keeps_what_else_it_holds(crm: FakeRestTarget, way: str) -> None:
    user = somebody()
    leave(user, way)
    assert held(crm) == [("1", "张伟", False)]
    assert (row_of(user).state, methods(crm)) == ("left", ["POST", "PATCH"])
    assert Attempt.objects.filter(record_id=row_of(user).key, acknowledged=True).first().call == "deactivate"  # type: ignore[union-attr]


def test_whoever_comes_back_is_activated_again(crm: FakeRestTarget) -> None:
    user = somebody()
    leave(user, "inactive")
    User.objects.filter(pk=user.pk).update(is_active=True)
    converge()
    assert held(crm) == [("1", "张伟", True)]
    assert (row_of(user).state, methods(crm)) == ("synced", ["POST", "PATCH", "PATCH"])


def test_what_is_deactivated_is_deleted_once_its_days_are_over(
    crm: FakeRestTarget, partner: Callable[..., None]
) -> None:
    partner(leaving=INACTIVE_30_DAYS)
    user = somebody()
    leave(user, "deleted here")
    assert held(crm) == [("1", "张伟", False)]
    days_pass(31)
    run_reconcile()
    converge()
    assert (held(crm), row_of(user).state) == ([], "deleted")


def test_a_record_that_is_not_there_any_more_when_it_is_to_be_deactivated_is_absent(crm: FakeRestTarget) -> None:
    user = somebody()
    crm.items["people"].clear()
    leave(user, "deleted here")
    assert (row_of(user).state, row_of(user).remote_id) == ("deleted", None)


def test_a_deactivation_without_an_answer_is_looked_after(crm: FakeRestTarget) -> None:
    user = somebody()
    crm.lose_next_answer()
    leave(user, "deleted here")
    assert held(crm) == [("1", "张伟", False)]
    assert row_of(user).state == "left"


# -- the brake -----------------------------------------------------------------------------


@pytest.fixture
def low_floor(settings: Any) -> None:
    settings.SYNC_BRAKE_MIN = 3
    settings.SYNC_BRAKE_PERCENT = 10


def crowd(count: int) -> None:
    User.objects.bulk_create(User(username=f"p{n:05}", name=f"P{n}", phone=f"138{n:08}") for n in range(count))
    work()


def test_the_brake_counts_deactivations_and_stops_a_mass_of_them_before_the_first(
    crm: FakeRestTarget, low_floor: None
) -> None:
    crowd(12)
    User.objects.all().delete()
    work()
    assert (states(), latched()) == ({"held": 12}, True)
    assert {*BrakeEntry.objects.values_list("change", flat=True)} == {"deactivate"}
    assert all(active for _id, _name, active in held(crm))


def test_the_brake_has_nothing_against_a_mass_that_is_left_there(
    sandbox: SandboxControl, partner: Callable[..., None], low_floor: None
) -> None:
    partner(leaving=STAYS)
    crowd(12)
    User.objects.all().delete()
    work()
    assert (states(), latched()) == ({"left": 12}, False)


def test_the_brake_stops_a_mass_whose_days_are_over_at_once(
    sandbox: SandboxControl, partner: Callable[..., None], low_floor: None
) -> None:
    partner(leaving=AFTER_30_DAYS)
    crowd(12)
    User.objects.all().delete()
    work()
    days_pass(31)
    run_reconcile()
    work()
    assert (states(), latched(), effects(sandbox).count("deleted")) == ({"held": 12}, True, 0)


def test_whoever_comes_back_after_a_look_empties_nothing_that_we_never_sent(crm: FakeRestTarget) -> None:
    user = somebody()
    leave(user, "inactive")
    crm.items["people"]["1"]["created_by"] = "their importer"
    store.look_now([row_of(user).key])
    converge()
    User.objects.filter(pk=user.pk).update(is_active=True)
    converge()
    assert row_of(user).state == "synced"
    assert list(BrakeEntry.objects.values_list("change", flat=True)) == ["deactivate"]


# -- what is said of it --------------------------------------------------------------------


def test_the_explanation_says_since_when_it_is_left_there_and_when_it_is_deleted(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(leaving=AFTER_30_DAYS)
    user = somebody()
    leave(user, "deleted here")
    Record.objects.update(left_at="2026-01-01T12:00:00Z")
    [explained] = explain(person(user.uuid))
    assert explained.absence == (
        "it is gone here; its record has been left there since Jan. 1, 2026 12:00:00 UTC, and is deleted on Jan. 31, 2026 12:00:00 UTC"
    )
    partner(leaving=STAYS)
    [explained] = explain(person(user.uuid))
    assert explained.absence == "it is gone here; its record has been left there since Jan. 1, 2026 12:00:00 UTC"


def test_a_preview_counts_what_would_be_left_deactivated_or_deleted(
    crm: FakeRestTarget, partner: Callable[..., None]
) -> None:
    gone, left = somebody("1"), somebody("2")
    leave(left, "deleted here")
    User.objects.filter(pk=gone.pk).delete()
    counts = preview("partner").counts
    assert (counts["deactivate"], counts["nothing"], counts["delete"]) == (1, 1, 0)
    partner(leaving=STAYS)
    assert (preview("partner").counts["leave"], preview("partner").counts["nothing"]) == (1, 1)
    partner(leaving=INACTIVE_30_DAYS)
    days_pass(31)
    assert (preview("partner").counts["delete"], preview("partner").counts["deactivate"]) == (1, 1)


@pytest.mark.parametrize("capabilities", [("query",), ("query", "list"), ("list",)])
def test_an_audit_names_what_is_left_on_purpose_and_neither_deletes_nor_mends_it(
    sandbox: SandboxControl, partner: Callable[..., None], capabilities: tuple[str, ...]
) -> None:
    sandbox.faults(capabilities=[*capabilities])
    partner(leaving=STAYS, capabilities=capabilities)
    user = somebody()
    leave(user, "deleted here")
    assert found(audited(mends=True)) == {"left": 1}
    assert (row_of(user).state, effects(sandbox)) == ("left", ["created"])


def test_a_certificate_has_it_as_an_exception_with_its_reason(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(leaving=STAYS)
    leave(somebody(), "deleted here")
    somebody("2")
    audited()
    [part] = certificate("partner")["kinds"]
    assert (part["equal"], part["exceptions_total"]) == (1, 1)
    [exception] = part["exceptions"]
    assert (exception["verdict"], exception["reason"]) == (
        "left",
        "its object has left, and its record was left there",
    )


def test_a_record_that_somebody_activated_again_at_the_target_is_found_and_mended(crm: FakeRestTarget) -> None:
    user = somebody()
    leave(user, "deleted here")
    crm.items["people"]["1"]["active"] = True
    assert found(audited(mends=True)) == {"differing": 1}
    converge()
    assert (held(crm), row_of(user).state) == ([("1", "张伟", False)], "left")
    assert found(audited()) == {"left": 1}


def test_a_left_record_that_the_target_lost_meanwhile_is_as_good_as_deleted(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(leaving=STAYS)
    user = somebody()
    leave(user, "deleted here")
    sandbox.delete(str(row_of(user).remote_id))
    assert found(audited()) == {"equal": 1}
