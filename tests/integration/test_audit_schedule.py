"""Audits begin by themselves, their calls are spread over the day, and what they have seen is forgotten in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from tests.integration.conftest import converge, held_records, wanted_records
from tests.integration.test_audit import Offer, audited, finished, found, offer, people, remote
from thirdparty.audit import listing, pace, pruning, runner, schedule
from thirdparty.capture import catch_up
from thirdparty.models import Audit, Comparison, Finding
from thirdparty.models.audit import Phase
from thirdparty.notify import hints
from thirdparty.sandbox.client import SandboxControl
from thirdparty.tasks import go_on_with_audit, run_reconcile

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["offer"]

KIND = "users.user"


@pytest.fixture(autouse=True)
def _daily(settings: Any, offer: Offer) -> None:
    settings.SYNC_AUDIT_EVERY_HOURS = 24
    catch_up.go_on("partner", seconds=30)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What workers are told to go on with."""
    messages: list[Any] = []
    monkeypatch.setattr(hints, "go_on_with_audit", lambda *message: messages.append(message))
    return messages


def begin_due() -> list[Audit]:
    return schedule.begin_due("partner")


def test_a_tick_begins_an_audit_and_has_a_worker_go_on_with_it(told: list[Any], sandbox: SandboxControl) -> None:
    first, *_others = people(3)
    sandbox.edit(remote(sandbox, first), phone="999")
    run_reconcile()
    [(audit_id, due_at)] = told
    go_on_with_audit(audit_id, due_at.isoformat())
    while Audit.objects.get().finished_at is None:
        Audit.objects.update(due_at=F("started_at"))
        run_reconcile()
        go_on_with_audit(told[-1][0], told[-1][1].isoformat())
    audit = Audit.objects.get()
    assert (audit.failure, found(audit), audit.by) == ("", {"equal": 2, "differing": 1}, "")
    assert Finding.objects.get().mended_at is None


def test_a_message_that_waited_for_too_long_does_nothing(told: list[Any]) -> None:
    people(1)
    run_reconcile()
    audit_id, due_at = told[0]
    Audit.objects.update(due_at=F("due_at") + timedelta(seconds=1))
    go_on_with_audit(audit_id, due_at.isoformat())
    assert Audit.objects.get().counts == {}


def test_two_ticks_give_an_audit_to_one_worker(told: list[Any], settings: Any) -> None:
    settings.SYNC_RECONCILE_EVERY_SECONDS = 30
    people(1)
    run_reconcile()
    run_reconcile()
    assert len(told) == 1


def test_the_next_one_begins_a_day_after_the_last_began() -> None:
    people(1)
    [first] = begin_due()
    assert begin_due() == []
    finished(first)
    assert begin_due() == []
    Audit.objects.update(started_at=F("started_at") - timedelta(hours=25))
    assert len(begin_due()) == 1


def test_one_that_could_not_be_finished_is_followed_soon_by_another() -> None:
    people(1)
    [first] = begin_due()
    finished(first)
    Audit.objects.update(failure="the listing ended early", started_at=F("started_at") - timedelta(hours=3))
    assert begin_due() == []
    Audit.objects.update(finished_at=F("finished_at") - timedelta(hours=2.5))
    assert len(begin_due()) == 1


@pytest.mark.parametrize("why", ["never", "nothing to ask by", "paused", "records may lack changes"])
def test_none_begins_by_itself(settings: Any, offer: Offer, why: str) -> None:
    from thirdparty import protect, targets

    people(1)
    match why:
        case "never":
            settings.SYNC_AUDIT_EVERY_HOURS = 0
        case "nothing to ask by":
            offer()
        case "paused":
            protect.pause("partner", "closed")
        case _:
            targets.owe_anew("partner")
    assert begin_due() == []


def test_the_targets_policy_has_it_mend(sandbox: SandboxControl, partner: Callable[..., None]) -> None:
    first, second, *_others = people(5)
    sandbox.edit(remote(sandbox, first), phone="999")
    sandbox.delete(remote(sandbox, second))
    partner(audit="mend")
    [audit] = begin_due()
    finished(audit)
    converge()
    assert held_records(sandbox) == wanted_records()


@pytest.mark.parametrize(("processes", "seconds"), [(2, 2.0), (3, 10.0)])
def test_an_audit_leaves_a_process_to_peoples_edits(
    told: list[Any], monkeypatch: pytest.MonkeyPatch, processes: int, seconds: float
) -> None:
    """Of two, one is the target's backlog's and one is to be free: the audit takes that one for a moment only."""
    from thirdparty.run import slots

    people(1)
    run_reconcile()
    given: list[float] = []
    monkeypatch.setattr(slots, "_processes", processes)
    monkeypatch.setattr(runner, "go_on", lambda *_, **options: given.append(options["seconds"]))
    go_on_with_audit(told[0][0], told[0][1].isoformat())
    assert given == [seconds]


def test_an_audit_ends_with_its_worker_and_goes_on_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    from thirdparty.run import shutdown

    people(2)
    [audit] = begin_due()
    monkeypatch.setattr(shutdown, "begun", lambda: True)
    assert runner.go_on(audit.pk, seconds=5).counts == {}
    monkeypatch.setattr(shutdown, "begun", lambda: False)
    assert found(finished(audit)) == {"equal": 2}


def ticks(audit: Audit, *, most: int) -> int:
    """How many ticks of 30 seconds it takes; time goes by in its row."""
    for count in range(1, most + 1):
        audit = runner.go_on(audit.pk, seconds=20, most_calls=pace.calls_of_a_tick(audit))
        if audit.finished_at is not None:
            return count
        Audit.objects.update(started_at=F("started_at") - timedelta(seconds=30))
        audit.refresh_from_db()
    raise AssertionError(f"not finished after {most} ticks: {audit.phase}, {audit.counts}")


@pytest.fixture
def ten_ticks(settings: Any) -> int:
    """In so many an audit is to be done."""
    settings.SYNC_RECONCILE_EVERY_SECONDS = 30
    settings.SYNC_AUDIT_EVERY_HOURS = 10 * 30 / 3600 / schedule.SHARE
    return 10


def test_its_calls_are_spread_evenly_over_most_of_the_day() -> None:
    """A million looked up in 0.8 of 24 hours: 435 in a tick of 30 seconds."""
    day_seconds = schedule.SHARE * 86_400
    assert pace.spread(1_000_000, day_seconds, tick_seconds=30) == 435
    assert pace.spread(999_565, day_seconds - 30, tick_seconds=30) == 435


@pytest.mark.parametrize("seconds_left", [30.0, 0.0, -86_400.0])
def test_once_its_time_is_over_all_that_is_left_is_asked(seconds_left: float) -> None:
    assert pace.spread(70, seconds_left, tick_seconds=30) == 70


def test_an_audit_that_began_while_nothing_was_there_takes_no_longer_than_it_should(
    offer: Offer, ten_ticks: int
) -> None:
    offer("query")
    [audit] = begin_due()
    people(40)
    assert ticks(audit, most=ten_ticks + 1) >= ten_ticks - 1
    assert found(Audit.objects.get()) == {"equal": 40}


def test_what_a_target_holds_of_others_does_not_make_an_audit_late(sandbox: SandboxControl, ten_ticks: int) -> None:
    """Each of them is looked up; there are many more of them than of ours."""
    people(1)
    for number in range(30):
        sandbox.create(username=f"stranger{number}", name="S", phone=str(number))
    [audit] = begin_due()
    assert ticks(audit, most=ten_ticks + 1) >= ten_ticks - 1
    assert found(Audit.objects.get()) == {"equal": 1, "extra": 30}


def test_a_listing_that_is_much_longer_than_ours_is_not_late(
    sandbox: SandboxControl, offer: Offer, ten_ticks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PER_PAGE", 1)
    people(1)
    for number in range(30):
        sandbox.create(username=f"stranger{number}", name="S", phone=str(number))
    offer("list")
    [audit] = begin_due()
    ticks(audit, most=ten_ticks + 3)


def test_what_a_listing_has_settled_is_not_reckoned_as_left(ten_ticks: int, sandbox: SandboxControl) -> None:
    first, *_others = people(40)
    sandbox.edit(remote(sandbox, first), phone="999")
    [audit] = begin_due()
    audit = runner.go_on(audit.pk, seconds=20, most_calls=1)
    assert (audit.phase, pace.calls_left(audit)) == ("records", 1)


def test_no_more_calls_are_made_than_a_tick_allows(offer: Offer) -> None:
    offer("query")
    people(5)
    [audit] = begin_due()
    assert runner.go_on(audit.pk, seconds=5, most_calls=2).counts["calls"] == 2
    assert Comparison.objects.count() == 2
    assert found(finished(audit)) == {"equal": 5}
    assert Audit.objects.get().counts["calls"] == 5


def test_a_record_that_takes_several_calls_is_settled_though_a_tick_allows_one(
    offer: Offer, sandbox: SandboxControl
) -> None:
    offer("query")
    first, *_others = people(2)
    sandbox.delete(remote(sandbox, first))
    [audit] = begin_due()
    for _ in range(6):
        audit = runner.go_on(audit.pk, seconds=5, most_calls=1)
    assert (audit.failure, found(audit), audit.counts["calls"]) == ("", {"equal": 1, "missing": 1}, 4)


def test_a_record_is_settled_at_a_target_whose_every_call_takes_longer_than_a_slice(
    offer: Offer, sandbox: SandboxControl
) -> None:
    offer("query")
    first, *_others = people(2)
    sandbox.delete(remote(sandbox, first))
    sandbox.faults(latency_seconds=0.15, capabilities=["query"])
    [audit] = begin_due()
    for _ in range(200):  # on a busy machine a slice may be over before it has begun
        if audit.finished_at is None:
            audit = runner.go_on(audit.pk, seconds=0.1)
    assert (audit.failure, found(audit)) == ("", {"equal": 1, "missing": 1})


def test_what_an_audit_saw_is_kept_until_another_one_has_finished() -> None:
    people(2)
    first = audited()
    pruning.prune_some(timedelta(days=90))
    assert Comparison.objects.filter(audit=first).count() == 2
    second = runner.begin("partner", KIND)
    pruning.prune_some(timedelta(days=90))
    assert Comparison.objects.filter(audit=first).count() == 2
    finished(second)
    pruning.prune_some(timedelta(days=90))
    assert set(Comparison.objects.values_list("audit", flat=True)) == {second.pk}
    assert Audit.objects.count() == 2


def test_old_audits_are_forgotten_but_for_the_last(sandbox: SandboxControl) -> None:
    [user] = people(1)
    sandbox.edit(remote(sandbox, user), phone="999")
    audits = [audited() for _ in range(3)]
    Audit.objects.update(finished_at=F("finished_at") - timedelta(days=91))
    while pruning.prune_some(timedelta(days=90)):
        pass
    assert list(Audit.objects.values_list("pk", flat=True)) == [audits[-1].pk]
    assert Finding.objects.count() == 1


def test_many_calls_left_are_counted_once_in_a_while_and_grow_less_by_each_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: list[int] = []
    monkeypatch.setattr(pace, "_MANY", 5)
    monkeypatch.setattr(pace, "calls_left", lambda _: counted.append(1) or 10)
    audit = Audit(pk=1, phase=Phase.RECORDS, counts={})
    left = []
    for calls in (0, 4, 7, 8):
        audit.counts["calls"] = calls
        left.append(pace._calls_left_by_now(audit))
    assert (left, len(counted)) == ([10, 6, 3, 10], 2)
