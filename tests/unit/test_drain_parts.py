"""What a drain is made of, each by itself, and its course by a clock that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from thirdparty import protect, store
from thirdparty.decide.result import Next
from thirdparty.protect import Admission
from thirdparty.run import calling, guard_decision, results, shutdown
from thirdparty.run import step as steps
from thirdparty.run.drain.capacity import Capacity
from thirdparty.run.drain.clock import Clock
from thirdparty.run.drain.limits import Limits
from thirdparty.run.drain.locked_results import LockedResults
from thirdparty.run.drain.lookout import LONGEST_SLEEP_SECONDS, LOOK_AGAIN_SECONDS, Lookout
from thirdparty.run.drain.loop import Drained, Loop
from thirdparty.store import Settled

# -- how much is claimed ahead ----------------------------------------------------------


def limits(*, threads: int = 8, lease_seconds: float = 60.0, call_seconds: float = 5.0, paced: bool = False) -> Limits:
    return Limits(threads, lease_seconds, call_seconds, database_seconds=20.0, tries=8, paced=paced)


def test_two_handfuls_of_two_for_each_thread_are_under_way_at_most() -> None:
    capacity = Capacity(limits())
    assert capacity.room(0) == capacity.handful == 16
    assert [capacity.has_room(under_way) for under_way in (0, 16, 17, 32)] == [True, True, False, False]


def test_where_the_last_of_so_many_could_begin_after_its_lease_one_for_each_thread_is_claimed() -> None:
    capacity = Capacity(limits(call_seconds=12.0))
    assert capacity.handful == 8
    assert [capacity.has_room(under_way) for under_way in (0, 1)] == [True, False]


def test_where_calls_have_their_turns_no_more_is_claimed_than_threads_are_free() -> None:
    capacity = Capacity(limits(paced=True))
    assert [capacity.room(under_way) for under_way in (0, 5)] == [8, 3]
    assert [capacity.has_room(under_way) for under_way in (5, 6)] == [True, False]


# -- when to look again -----------------------------------------------------------------


def looked(at: float = 100.0) -> Lookout:
    lookout = Lookout()
    assert lookout.is_time(at, busy=False)
    lookout.looks(at)
    return lookout


def test_a_busy_drain_that_found_all_looks_for_new_edits_now_and_then() -> None:
    lookout = looked()
    lookout.finds_all(100.0)
    assert not lookout.is_time(100.0 + LOOK_AGAIN_SECONDS / 2, busy=True)
    assert lookout.is_time(100.0 + LOOK_AGAIN_SECONDS, busy=True)


def test_one_that_has_nothing_under_way_any_more_looks_once_more_and_then_ends() -> None:
    lookout = looked()
    lookout.finds_all(100.0)
    assert lookout.is_time(100.0, busy=False)
    assert lookout.sleep_seconds(100.0) is None
    assert lookout.look_in_seconds(100.0) is None


def test_one_that_is_kept_out_looks_when_it_may_be_let_in() -> None:
    lookout = looked()
    lookout.is_kept_out(until=100.5)
    assert [lookout.is_time(100.4, busy=busy) for busy in (False, True)] == [False, False]
    assert lookout.sleep_seconds(100.1) == pytest.approx(0.4)
    assert lookout.is_time(100.5, busy=False)


def test_one_that_is_kept_out_for_long_ends_and_says_when_to_look() -> None:
    lookout = looked()
    lookout.is_kept_out(until=130.0)
    assert lookout.sleep_seconds(100.0) is None
    assert lookout.look_in_seconds(101.0) == pytest.approx(29.0)


def test_what_kept_it_out_may_be_over_sooner() -> None:
    lookout = looked()
    lookout.is_kept_out(until=130.0)
    lookout.is_let_in_perhaps()
    assert lookout.is_time(100.1, busy=True)


def test_a_record_that_is_due_at_once_is_looked_for_at_once() -> None:
    lookout = looked()
    lookout.finds_all(100.0)
    lookout.has_more()
    assert not lookout.found_all
    assert lookout.is_time(100.01, busy=True)


def test_the_first_of_the_retries_that_are_yet_to_come_is_when_somebody_has_to_look() -> None:
    lookout = looked(90.0)
    for at in (95.0, 120.0, 110.0):
        lookout.expects_retry(at)
    lookout.looks(100.0)  # and so finds the first
    lookout.finds_all(100.0)
    assert lookout.look_in_seconds(101.0) == pytest.approx(9.0)


# -- results whose rows are locked ------------------------------------------------------


def result(token: str) -> Any:
    return SimpleNamespace(lease=SimpleNamespace(key=token, token=token, former_key=""))


def test_a_locked_result_is_tried_again_until_its_patience_is_over() -> None:
    locked, stuck, other = LockedResults(patience_seconds=20.0), result("stuck"), result("other")
    locked.keep([stuck, other], 0.0)
    assert locked.take() == [stuck, other]
    assert not locked
    locked.keep([stuck], 19.9)
    assert locked.take() == [stuck]
    locked.keep([stuck], 20.0)
    assert not locked


def test_one_that_was_locked_before_has_all_its_patience_anew() -> None:
    locked, again = LockedResults(patience_seconds=20.0), result("again")
    locked.keep([again], 0.0)
    locked.keep([], 10.0)
    locked.take()
    locked.keep([again], 25.0)
    assert locked.take() == [again]


# -- the course of a drain --------------------------------------------------------------


class World:
    """Records that are due, a guard, rows that are locked, and a clock that moves by what is slept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = 100.0
        self.slept: list[float] = []
        self.due: list[str] = []
        self.admissions: list[Admission] = []
        self.locked_for = 0
        self.closing = False
        self.written: list[list[str]] = []
        self.helpers = 0
        self.then: Callable[[str], dict[str, Any]] = lambda _: {}
        monkeypatch.setattr(protect, "admit", self.admit)
        monkeypatch.setattr(protect, "give_back", lambda *_, **__: None)
        monkeypatch.setattr(store, "claim_due", self.claim)
        monkeypatch.setattr(
            steps, "claim_and_plan", lambda _target, _admission, claim: [step(key) for key in claim(None)]
        )
        monkeypatch.setattr(results, "write_results", self.finish)
        monkeypatch.setattr(calling, "call_target", lambda begun: ended(begun.lease.key))
        monkeypatch.setattr(guard_decision, "apply", lambda finished, **_: finished)
        monkeypatch.setattr(shutdown, "begun", lambda: self.closing)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def admit(self, _target: str, limit: int, **_: Any) -> Admission:
        return self.admissions.pop(0) if self.admissions else Admission(limit)

    def claim(self, _target: str, limit: int, _terms: None, **_: Any) -> list[str]:
        claimed, self.due = self.due[:limit], self.due[limit:]
        return claimed

    def finish(self, _target: Any, finished: Sequence[Any], **_: Any) -> Settled:
        if finished and self.locked_for > 0:
            self.locked_for -= 1
            return Settled(locked=list(finished))
        self.written.append([each.lease.key for each in finished])
        rows: dict[str, Any] = {each.lease.key: row(**self.then(each.lease.key)) for each in finished}
        return Settled(rows=rows)

    def drain(self, *, seconds: float = 10.0, **changed: Any) -> Drained:
        clock = Clock(lambda: self.time, self.sleep)
        target: Any = SimpleNamespace(name="partner")
        return Loop(target, limits(**changed), clock, self.help).run_until(self.time + seconds)

    def help(self) -> None:
        self.helpers += 1


def step(key: str) -> Any:
    return SimpleNamespace(lease=SimpleNamespace(key=key, token=key), asks=True)


def ended(key: str) -> Any:
    later = SimpleNamespace(next=Next.LATER, delay_seconds=30.0)
    return SimpleNamespace(lease=SimpleNamespace(key=key, token=key, former_key=""), settlement=later)


def row(*, failed_tries: int = 99, due_now: bool = False) -> Any:
    return SimpleNamespace(failed_tries=failed_tries, due_now=due_now, natural_key="", may_exist=True)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_drain_writes_whatever_is_due_and_sleeps_never(world: World) -> None:
    world.due = [str(number) for number in range(100)]
    assert world.drain() == Drained(100, unfinished=False, look_in_seconds=None)
    assert sorted(int(key) for keys in world.written for key in keys) == list(range(100))
    assert (world.slept, world.helpers) == ([], 1)


def test_what_one_claim_takes_whole_asks_for_no_helper(world: World) -> None:
    world.due = ["a"]
    assert world.drain().settled == 1
    assert world.helpers == 0


def test_a_drain_that_is_let_in_soon_sleeps_until_then(world: World) -> None:
    world.due = ["a"]
    world.admissions = [Admission(0, wait_seconds=0.7)]
    assert world.drain().settled == 1
    assert world.slept == [pytest.approx(0.7)]


def test_a_drain_that_is_kept_out_for_longer_ends_and_says_when_to_look(world: World) -> None:
    world.due = ["a"]
    world.admissions = [Admission(0, wait_seconds=LONGEST_SLEEP_SECONDS + 4)]
    assert world.drain() == Drained(0, unfinished=False, look_in_seconds=pytest.approx(LONGEST_SLEEP_SECONDS + 4))
    assert (world.slept, world.due) == ([], ["a"])


def test_a_locked_row_is_tried_again_and_again(world: World) -> None:
    world.due, world.locked_for = ["a"], 3
    assert world.drain().settled == 1
    assert world.slept == [LOOK_AGAIN_SECONDS] * 3


def test_a_row_that_stays_locked_is_given_up_with_the_databases_patience(world: World) -> None:
    world.due, world.locked_for = ["a"], 10_000
    assert world.drain() == Drained(0, unfinished=False, look_in_seconds=None)
    assert sum(world.slept) == pytest.approx(20.0, abs=2 * LOOK_AGAIN_SECONDS)


def test_a_drain_that_is_asked_to_end_claims_no_more(world: World) -> None:
    world.due, world.closing = ["a"], True
    assert world.drain() == Drained(0, unfinished=True, look_in_seconds=pytest.approx(0.0))


def test_a_drain_whose_time_is_up_claims_no_more(world: World) -> None:
    world.due = ["a"]
    assert world.drain(seconds=0.0).unfinished
    assert world.due == ["a"]


def test_a_failed_record_says_when_somebody_has_to_look(world: World) -> None:
    world.due = ["a"]
    world.then = lambda _: {"failed_tries": 1}
    assert world.drain().look_in_seconds == pytest.approx(30.0)


def test_one_whose_tries_are_over_is_the_reconcilers(world: World) -> None:
    world.due = ["a"]
    world.then = lambda _: {"failed_tries": 9}
    assert world.drain().look_in_seconds is None


def test_a_record_that_is_due_again_is_claimed_by_the_same_drain(world: World) -> None:
    world.due = ["a"]

    def once_more(key: str) -> dict[str, Any]:
        if len(world.written) == 1:
            world.due = [key]
            return {"due_now": True}
        return {}

    world.then = once_more
    assert world.drain().settled == 2
    assert [keys for keys in world.written if keys] == [["a"], ["a"]]
