"""The brake: a mistake that would delete or rewrite a large share of what the target holds stops, and asks a person."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models.functions import Now

from tests.integration.braking import deletions, latched, people, states, updates, work
from tests.integration.conftest import held_records, row_of, wanted_records
from thirdparty import events, protect, store, targets
from thirdparty.capture import backfill, catch_up, retirement
from thirdparty.decide.brake import Change
from thirdparty.decide.lease import Lease
from thirdparty.decisions import brake as decisions
from thirdparty.decisions.brake import Selection
from thirdparty.decisions.look_now import look_now
from thirdparty.models import Brake, BrakeDecision, BrakeEntry, Record
from thirdparty.observe.explain import explain
from thirdparty.observe.status import status
from thirdparty.run import calling, payloads, results, step
from thirdparty.run.drain import drain
from thirdparty.sandbox.client import SandboxControl
from thirdparty.store import braking
from thirdparty.tasks import run_reconcile
from users import synced
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

FLOOR = 5


@pytest.fixture(autouse=True)
def _low_floor(sandbox: SandboxControl, settings: Any) -> None:
    settings.SYNC_BRAKE_MIN = FLOOR
    settings.SYNC_BRAKE_PERCENT = 20


@pytest.fixture
def operator() -> Any:
    return get_user_model().objects.create_superuser(username="olga", password="x", phone="1")


def window_ends() -> None:
    """As if all that was counted had been so long ago."""
    BrakeEntry.objects.update(at="2020-01-01T00:00:00Z")


# -- mistakes ----------------------------------------------------------------------------


def test_deleting_everybody_is_stopped_before_the_first_record_goes(sandbox: SandboxControl) -> None:
    people(40)
    User.objects.all().delete()
    work()
    assert deletions(sandbox) == 0
    assert states() == {"held": 40}
    assert latched()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
def test_a_truncated_table_is_stopped_before_the_first_record_goes(sandbox: SandboxControl) -> None:
    people(40)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {User._meta.db_table} CASCADE")
    work()
    assert deletions(sandbox) == 0
    assert states() == {"held": 40}


def test_a_scope_that_leaves_everybody_out_takes_no_more_than_the_limit(sandbox: SandboxControl) -> None:
    people(40)
    User.objects.update(is_active=False)
    work()
    limit = 8
    assert deletions(sandbox) <= limit
    assert states()["held"] == 40 - deletions(sandbox)
    assert latched()


def test_a_mapping_that_empties_a_column_takes_no_more_than_the_limit(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(40)
    before = updates(sandbox)
    payload = synced.Person.payload

    def without_phones(self: Any, user: User, target: Any) -> Any:
        return {**payload(self, user, target), "phone": ""}

    monkeypatch.setattr(synced.Person, "payload", without_phones)
    targets.owe_anew("partner")

    catch_up.go_on("partner", seconds=30)
    work()
    assert updates(sandbox) - before <= 8
    assert sum(not record["phone"] for record in sandbox.users()) <= 8
    assert latched()
    assert {entry.change for entry in BrakeEntry.objects.all()} == {Change.EMPTY}


def test_an_old_backup_of_ours_that_is_restored_and_backfilled_takes_no_more_than_the_limit(
    sandbox: SandboxControl,
) -> None:
    people(40)
    for record in sandbox.users():  # the third party has what we had before the restore
        sandbox.edit(record["userId"], name="Newer", phone=f"9{record['phone']}", email="newer@x.example")
    before = updates(sandbox)
    sum(backfill.steps("partner", resume=False))
    work()
    assert updates(sandbox) - before <= 8
    assert sum(record["name"] == "Newer" for record in sandbox.users()) >= 32
    assert states()["held"] >= 32
    assert latched()


# -- what does not wait ------------------------------------------------------------------


def test_single_changes_up_to_the_floor_never_wait(sandbox: SandboxControl) -> None:
    made = people(6)
    for user in made[:FLOOR]:
        User.objects.get(pk=user.pk).delete()
        work()
    assert deletions(sandbox) == FLOOR
    assert not latched()


def test_a_share_of_many_goes_where_it_is_above_the_floor(sandbox: SandboxControl) -> None:
    made = people(40)
    User.objects.filter(pk__in=[user.pk for user in made[:8]]).delete()
    work()
    assert deletions(sandbox) == 8
    assert not latched()


def test_one_more_than_the_share_and_none_of_them_goes(sandbox: SandboxControl) -> None:
    made = people(40)
    User.objects.filter(pk__in=[user.pk for user in made[:9]]).delete()
    work()
    assert deletions(sandbox) == 0
    assert states() == {"held": 9, "synced": 31}


def test_records_that_went_in_the_window_are_a_share_of_what_was_there_before(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(braking, "_RECORDS_GOOD_FOR_SECONDS", 0.0)
    made = people(40)
    for user in made[:8]:
        User.objects.get(pk=user.pk).delete()
        work()
    assert deletions(sandbox) == 8
    assert not latched()


def test_many_ordinary_updates_and_adds_are_not_counted(sandbox: SandboxControl) -> None:
    people(40)
    User.objects.update(name="All are called this now")
    work()
    people(20, first=100)
    assert not BrakeEntry.objects.exists()
    assert held_records(sandbox) == wanted_records()


def test_adds_and_ordinary_updates_go_on_while_it_is_on(sandbox: SandboxControl) -> None:
    made = people(40)
    User.objects.filter(pk__in=[user.pk for user in made[:20]]).delete()
    work()
    assert latched()
    User.objects.filter(pk=made[30].pk).update(name="Edited")
    people(1, first=100)
    names = {record["name"] for record in sandbox.users()}
    assert {"Edited", "P100"} <= names
    assert deletions(sandbox) == 0


def test_the_same_record_counts_once(sandbox: SandboxControl) -> None:
    made = people(6)
    for n in range(2 * FLOOR):
        User.objects.filter(pk=made[0].pk).update(name=f"A{n}", phone=f"{n}", email=f"{n}@x.example")
        work()
    assert not latched()
    assert BrakeEntry.objects.count() == 1


def test_what_is_not_known_is_no_rewrite(sandbox: SandboxControl) -> None:
    """As after a change of the secret."""
    people(40)
    Record.objects.update(sent=None)
    User.objects.update(name="N", email="e@x.example", phone="1")
    work()
    assert not latched()


def test_a_floor_and_a_share_of_nothing_ask_about_every_change(sandbox: SandboxControl, settings: Any) -> None:
    settings.SYNC_BRAKE_MIN = settings.SYNC_BRAKE_PERCENT = 0
    made = people(2)
    made[0].delete()
    work()
    assert deletions(sandbox) == 0
    assert states() == {"held": 1, "synced": 1}


# -- a latch -----------------------------------------------------------------------------


def everybody_deleted() -> list[User]:
    made = people(40)
    User.objects.filter(pk__in=[user.pk for user in made]).delete()
    work()
    return made


def test_neither_the_end_of_the_window_nor_unparking_lets_the_next_ones_go(sandbox: SandboxControl) -> None:
    people(40)
    User.objects.update(is_active=False)
    work()
    gone = deletions(sandbox)
    window_ends()
    User.objects.update(name="Un-parked by a trigger")
    work()
    look_now(Record.objects.filter(state="held"))
    work()
    assert deletions(sandbox) == gone
    assert states()["held"] == 40 - gone


def test_it_says_so_once(sandbox: SandboxControl, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[dict[str, Any]] = []

    def listener(**news: Any) -> None:
        heard.append(news)

    events.brake_latched.connect(listener)
    with caplog.at_level(logging.ERROR, logger="thirdparty.protect.brake"):
        everybody_deleted()
    assert [(news["sender"], news["counts"]) for news in heard] == [("partner", {"delete": 40})]
    assert len(caplog.records) == 1
    assert "sync release partner" in caplog.records[0].getMessage()


def test_a_slow_bleed_over_a_day_is_seen(sandbox: SandboxControl, settings: Any) -> None:
    settings.SYNC_BRAKE_WINDOW_SECONDS = 0.001
    settings.SYNC_BRAKE_PERCENT = 0
    made = people(40)
    for user in made[: 2 * FLOOR + 1]:
        User.objects.get(pk=user.pk).delete()
        work()
    assert deletions(sandbox) == 2 * FLOOR
    assert latched()


def test_the_status_and_the_explanation_say_why(sandbox: SandboxControl) -> None:
    made = everybody_deleted()
    figures = status()
    assert not figures.healthy
    assert figures.targets["partner"]["held"] == 40
    assert figures.targets["partner"]["brake_latched_since"] is not None
    assert "40 of the 40 records" in figures.targets["partner"]["brake_reason"]
    [explanation] = explain(synced.person(made[0].uuid), target="partner")
    assert any("would delete the record" in reason and "sync release" in reason for reason in explanation.blocked_by)


# -- what people decide ------------------------------------------------------------------


def test_all_that_is_held_is_released_and_the_brake_is_off(sandbox: SandboxControl, operator: Any) -> None:
    everybody_deleted()
    decision = decisions.release("partner", by=operator, reason="the shop is closed")
    work()
    assert sandbox.users() == []
    assert states() == {"deleted": 40}
    assert not latched()
    assert (decision.who, decision.records, decision.counts) == ("olga", 40, {"delete": 40})


def test_after_a_release_counting_begins_anew(sandbox: SandboxControl, operator: Any) -> None:
    everybody_deleted()
    decisions.release("partner", by=operator, reason="right so")
    work()
    made = people(40, first=100)
    made[0].delete()
    work()
    assert not latched()
    User.objects.filter(pk__in=[user.pk for user in made[1:]]).delete()
    work()
    assert latched()
    assert deletions(sandbox) == 41


def test_a_release_lets_owed_deletions_go_that_no_worker_had_taken_up(sandbox: SandboxControl, operator: Any) -> None:
    made = people(40)
    User.objects.filter(pk__in=[user.pk for user in made]).delete()
    protect.pause("partner", reason="half-way")
    Record.objects.filter(object_id=made[0].uuid.hex).update(parked="brake", due_at=None)
    Brake.objects.create(target="partner", latched_at="2026-01-01T00:00:00Z", reason="r")
    assert decisions.plan("partner", by=operator).counts == {"delete": 40}
    decisions.release("partner", by=operator, reason="right so")
    protect.resume("partner")
    work()
    assert sandbox.users() == []
    assert not latched()


def test_a_selection_is_released_and_the_others_stay_held(sandbox: SandboxControl, operator: Any) -> None:
    made = everybody_deleted()
    keys = tuple(row_of(user).key for user in made[:3])
    decisions.release("partner", by=operator, reason="these three", selection=Selection(keys=keys))
    work()
    assert deletions(sandbox) == 3
    assert states() == {"held": 37, "deleted": 3}
    assert latched()


def test_one_kind_of_change_is_released(sandbox: SandboxControl, operator: Any) -> None:
    made = everybody_deleted()
    extra = people(1, first=100)
    User.objects.filter(pk=extra[0].pk).update(phone="")
    work()
    assert states() == {"held": 41}
    decisions.release("partner", by=operator, reason="phones", selection=Selection(change=Change.EMPTY))
    work()
    assert deletions(sandbox) == 0
    assert states() == {"held": len(made), "synced": 1}


def test_a_release_is_of_the_generation_that_was_held(sandbox: SandboxControl, operator: Any) -> None:
    made = people(40)
    User.objects.update(is_active=False)
    work()
    protect.pause("partner", reason="so that nothing goes yet")
    [held] = [user for user in made if row_of(user).state == "held"][:1]
    decisions.release("partner", by=operator, reason="this one", selection=Selection(keys=(row_of(held).key,)))
    User.objects.filter(pk=held.pk).update(name="Changed after that")
    protect.resume("partner")
    before = deletions(sandbox)
    work()
    assert deletions(sandbox) == before
    assert row_of(held).state == "held"


def test_what_is_rejected_stays_as_it_is_and_counts_no_more_as_owed(sandbox: SandboxControl, operator: Any) -> None:
    made = everybody_deleted()
    decisions.reject("partner", by=operator, reason="a wrong query")
    work()
    assert len(sandbox.users()) == 40
    assert states() == {"rejected": 40}
    assert not latched()
    figures = status()
    assert figures.targets["partner"]["oldest_unsynced_seconds"] is None
    assert figures.targets["partner"]["held"] == 0
    [explanation] = explain(synced.person(made[0].uuid), target="partner")
    assert any("olga" in reason and "a wrong query" in reason for reason in explanation.blocked_by)


def test_the_explanation_names_who_rejected_this_record_and_not_who_last_rejected_another(
    sandbox: SandboxControl, operator: Any
) -> None:
    first, *_others = everybody_deleted()
    key = f"partner:users.user:{first.uuid.hex}"
    decisions.reject("partner", by=operator, reason="she is on leave", selection=Selection(keys=(key,)))
    decisions.reject("partner", by=operator, reason="a wrong query")
    [explained] = explain(synced.person(first.uuid))
    [blocked] = explained.blocked_by
    assert "(olga, " in blocked
    assert ": she is on leave): what is here" in blocked


def test_what_was_rejected_asks_anew_when_it_is_edited(sandbox: SandboxControl, operator: Any) -> None:
    people(40)
    User.objects.update(is_active=False)
    work()
    gone = deletions(sandbox)
    decisions.reject("partner", by=operator, reason="no")
    User.objects.update(name="Edited, and inactive still")
    work()
    assert latched()
    assert deletions(sandbox) - gone <= 8
    User.objects.update(is_active=True)
    work()
    assert held_records(sandbox) == wanted_records()


def test_a_record_that_is_held_though_the_brake_is_off_is_taken_up_by_the_reconciler(sandbox: SandboxControl) -> None:
    [user] = people(1)
    user.delete()
    Record.objects.update(parked="brake", due_at=None)

    run_reconcile()
    work()
    assert sandbox.users() == []


def test_a_released_deletion_that_was_not_answered_is_made_again_without_asking(
    sandbox: SandboxControl, operator: Any
) -> None:
    everybody_deleted()
    sandbox.faults(hang=0, apply_then_500=0, **{"500": 1})
    keys = tuple(Record.objects.order_by("key").values_list("key", flat=True)[:3])
    decisions.release("partner", by=operator, reason="these", selection=Selection(keys=keys))

    drain("partner", seconds=0.2)
    sandbox.heal()
    protect.resume("partner")
    work()
    assert set(Record.objects.filter(key__in=keys).values_list("state", flat=True)) == {"deleted"}
    assert latched()


def test_the_plan_says_which_record_which_change_and_since_when(sandbox: SandboxControl, operator: Any) -> None:
    made = everybody_deleted()
    plan = decisions.plan("partner", by=operator)
    assert plan.standing.latched
    assert plan.total == 40
    assert {record.object_id for record in plan.records} == {user.uuid.hex for user in made}
    assert {record.change for record in plan.records} == {"delete"}
    assert all(record.since is not None for record in plan.records)


def test_what_came_after_the_page_was_shown_is_not_released_with_it(sandbox: SandboxControl, operator: Any) -> None:
    everybody_deleted()
    seen = decisions.plan("partner", by=operator)
    later = people(3, first=100)
    User.objects.filter(pk__in=[user.pk for user in later]).delete()
    work()
    decisions.release("partner", by=operator, reason="as shown", selection=Selection(until=seen.as_of))
    work()
    assert deletions(sandbox) == 40
    assert states() == {"deleted": 40, "held": 3}
    assert latched()


def test_every_decision_is_kept(sandbox: SandboxControl, operator: Any) -> None:
    made = everybody_deleted()
    key = row_of(made[0]).key
    decisions.release("partner", by=operator, reason="one", selection=Selection(keys=(key,)))
    decisions.reject("partner", by=operator, reason="the rest")
    kept = [(each.who, each.reason, each.rejected, each.records) for each in BrakeDecision.objects.order_by("id")]
    assert kept == [("olga", "one", False, 1), ("olga", "the rest", True, 39)]


def test_what_a_worker_holds_is_not_said_to_be_rejected(sandbox: SandboxControl, operator: Any) -> None:
    made = people(40)
    User.objects.filter(pk__in=[user.pk for user in made]).delete()
    Record.objects.update(parked="brake", due_at=None)
    Record.objects.filter(object_id=made[0].uuid.hex).update(parked="", lease_token="a worker's")
    Brake.objects.create(target="partner", latched_at="2026-01-01T00:00:00Z", reason="r")
    decision = decisions.reject("partner", by=operator, reason="a mistake")
    assert (decision.records, decision.counts) == (39, {"delete": 39})
    assert latched()


def test_a_rejection_does_not_let_go_what_a_worker_is_about_to_hold(sandbox: SandboxControl, operator: Any) -> None:
    one, other, *_others = people(10)
    Brake.objects.create(target="partner", latched_at="2026-01-01T00:00:00Z", reason="r")
    User.objects.filter(pk=one.pk).update(phone="")
    work()
    User.objects.filter(pk=other.pk).update(phone="")
    target, admission = targets.config("partner"), protect.admit("partner", patience_seconds=1.0)
    [taken] = step.claim_and_plan(target, admission, partial(store.claim, [row_of(other).key]))
    decisions.reject("partner", by=operator, reason="a wrong query")
    results.write_results(target, [calling.call_target(taken)], grace_seconds=0.0)
    work()
    assert states() == {"synced": 8, "rejected": 1, "held": 1}
    assert (updates(sandbox), latched()) == (0, True)
    decisions.reject("partner", by=operator, reason="that one, too")
    assert (states(), latched()) == ({"synced": 8, "rejected": 2}, False)


def test_nor_what_is_to_be_held_once_its_unanswered_request_is_read_back(
    sandbox: SandboxControl, operator: Any
) -> None:
    one, other, *_others = people(10)
    Brake.objects.create(target="partner", latched_at="2026-01-01T00:00:00Z", reason="r")
    in_doubt = Record.objects.filter(object_id=other.uuid.hex)
    in_doubt.update(unknown_until=Now() + timedelta(hours=1))
    User.objects.filter(pk__in=[one.pk, other.pk]).update(phone="")
    drain("partner", seconds=5.0)
    assert states() == {"synced": 8, "held": 1, "unknown": 1}
    decisions.reject("partner", by=operator, reason="a wrong query")
    in_doubt.update(unknown_until="2026-01-01T00:00:00Z", due_at="2026-01-01T00:00:00Z")
    work()
    assert states() == {"synced": 8, "rejected": 1, "held": 1}
    assert (updates(sandbox), latched()) == (0, True)


def test_nor_what_was_edited_while_a_worker_was_about_to_hold_it(sandbox: SandboxControl, operator: Any) -> None:
    one, other, *_others = people(10)
    Brake.objects.create(target="partner", latched_at="2026-01-01T00:00:00Z", reason="r")
    User.objects.filter(pk=one.pk).update(phone="")
    work()
    User.objects.filter(pk=other.pk).update(phone="")
    target, admission = targets.config("partner"), protect.admit("partner", patience_seconds=1.0)
    [taken] = step.claim_and_plan(target, admission, partial(store.claim, [row_of(other).key]))
    User.objects.filter(pk=other.pk).update(email="")
    results.write_results(target, [calling.call_target(taken)], grace_seconds=0.0)
    decisions.reject("partner", by=operator, reason="a wrong query")
    work()
    assert states() == {"synced": 8, "rejected": 1, "held": 1}
    assert (updates(sandbox), latched()) == (0, True)


def test_a_release_is_not_of_what_is_written_between_the_claim_and_the_reading(
    sandbox: SandboxControl, operator: Any
) -> None:
    one, other, *_others = people(10)
    Brake.objects.create(target="partner", latched_at="2026-01-01T00:00:00Z", reason="r")
    User.objects.filter(pk__in=[one.pk, other.pk]).update(phone="")
    work()
    key = row_of(one).key
    decisions.release("partner", by=operator, reason="this one", selection=Selection(keys=(key,)))

    def edited_first(name: str, leases: Sequence[Lease]) -> Mapping[str, payloads.Desired]:
        User.objects.filter(pk=one.pk).update(email="")
        return payloads.read(name, leases)

    target, admission = targets.config("partner"), protect.admit("partner", patience_seconds=1.0)
    [taken] = step.claim_and_plan(target, admission, partial(store.claim, [key]), read=edited_first)
    results.write_results(target, [calling.call_target(taken)], grace_seconds=0.0)
    work()
    assert (updates(sandbox), states()) == (0, {"synced": 8, "held": 2})


def test_there_is_nothing_to_decide_while_the_brake_is_off(operator: Any) -> None:
    with pytest.raises(decisions.NothingHeld):
        decisions.release("partner", by=operator, reason="why not")


def test_retired_targets_leave_no_brake_behind(sandbox: SandboxControl, settings: Any) -> None:
    everybody_deleted()

    settings.SYNC_TARGETS = {}
    list(retirement.steps("partner"))
    assert not Brake.objects.exists()
    assert not BrakeEntry.objects.exists()


def test_an_unanswered_request_is_read_back_before_its_record_is_held(sandbox: SandboxControl) -> None:
    made = people(40)
    sandbox.faults(apply_then_500=1)
    User.objects.filter(pk=made[0].pk).update(name="Not heard of")
    drain("partner", seconds=0.2)
    sandbox.heal()
    protect.resume("partner")
    User.objects.all().delete()
    work()
    assert deletions(sandbox) == 0
    assert states() == {"held": 40}
    assert not Record.objects.filter(unknown_until__isnull=False).exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite knows neither users nor transactions by number")
def test_the_plan_says_what_wrote_it(sandbox: SandboxControl, operator: Any) -> None:
    people(40)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL application_name = 'psql'")
        cursor.execute("SELECT set_config('thirdparty.source', 'nightly clean-up', true)")
        cursor.execute("SELECT pg_current_xact_id()::text, session_user")
        number, role = cursor.fetchone()
        cursor.execute(f"DELETE FROM {User._meta.db_table} WHERE username LIKE 'p0%%'")
    work()
    plan = decisions.plan("partner", by=operator)
    assert {record.caused_by for record in plan.records} == {
        f"transaction {number}, user {role}, application psql, source nightly clean-up"
    }


def test_the_plan_says_that_a_backfill_would_rewrite_them(sandbox: SandboxControl, operator: Any) -> None:
    people(40)
    for record in sandbox.users():
        sandbox.edit(record["userId"], name="Newer", phone="1", email="newer@x.example")
    sum(backfill.steps("partner", resume=False))
    work()
    assert {record.caused_by for record in decisions.plan("partner", by=operator).records} == {"a backfill"}


def test_a_record_that_was_released_on_its_way_to_be_held_is_not_held(sandbox: SandboxControl, operator: Any) -> None:
    made = everybody_deleted()
    Record.objects.filter(object_id=made[0].uuid.hex).update(parked="", due_at="1970-01-01T00:00:00Z")
    key = row_of(made[0]).key
    target = targets.config("partner")
    admission = protect.admit("partner")
    [taken] = step.claim_and_plan(target, admission, partial(store.claim, [key]))
    decisions.release("partner", by=operator, reason="this one", selection=Selection(keys=(key,)))
    results.write_results(target, [calling.call_target(taken)], grace_seconds=0.0)
    assert row_of(made[0]).state == "pending"
    work()
    assert deletions(sandbox) == 1
    assert states() == {"deleted": 1, "held": 39}
