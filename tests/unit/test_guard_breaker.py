"""When calls to a target stop, when they begin again, and whose fault an answer is: on an injected clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from thirdparty.protect import admission, circuit_breaker, pauses
from thirdparty.protect.circuit_breaker import CircuitBreaker, Probe
from thirdparty.protect.health import GuardDecision, Policy, TargetHealth

START = datetime(2026, 1, 1, tzinfo=UTC)
CALLS_TO_A_DEAD_TARGET_IN_TEN_MINUTES = 30
"""The budget of docs/operations.md: whatever is due, and however many workers ask."""


class Target:
    """A target under guard, at a time that stands still unless it is moved."""

    def __init__(self, **policy: Any) -> None:
        self.standing = TargetHealth()
        self.policy = Policy(**policy)
        self.now = START

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def admit(self, most: int = 1) -> int:
        self.standing, turns, _ = admission.enter(
            self.standing, self.now, self.policy, most=most, patience_seconds=0.25
        )
        return turns.count

    def _judge(self, of: Callable[[CircuitBreaker], tuple[TargetHealth, GuardDecision]]) -> GuardDecision:
        self.standing, ruling = of(CircuitBreaker(self.standing, self.now, self.policy, jitter=1.0))
        return ruling

    def accepted(self) -> GuardDecision:
        return self._judge(lambda judgement: judgement.accepted())

    def failed(self, key: str, *, nothing_sent: bool = False, **wish: float) -> GuardDecision:
        return self._judge(lambda judgement: judgement.failed(key, "http_500", nothing_sent=nothing_sent, **wish))

    def refused(self, key: str, reason: str = "invalid") -> GuardDecision:
        return self._judge(lambda judgement: judgement.refused(key, reason))

    def throttled(self, seconds: float | None = None) -> GuardDecision:
        return self._judge(lambda judgement: judgement.throttled(retry_after_seconds=seconds))

    def turned_away(self, key: str, probe: Probe) -> GuardDecision:
        return self._judge(lambda judgement: judgement.turned_away(key, "http_401", probe))

    def break_down(self) -> GuardDecision:
        """Fail until the breaker opens; the decision on the last failure."""
        return [self.failed(str(n)) for n in range(circuit_breaker.FAILURES_TO_OPEN)][-1]

    def wait_out(self) -> None:
        assert self.standing.blocked_until is not None
        self.now = self.standing.blocked_until


@pytest.fixture
def target() -> Target:
    return Target()


# -- opening ----------------------------------------------------------------------------------


def test_different_records_that_fail_in_a_row_open_the_breaker(target: Target) -> None:
    for n in range(4):
        target.failed(f"r{n}")
    assert target.standing.breaker == "closed"
    target.failed("r4")
    assert target.standing.breaker == "open"
    assert target.admit() == 0


def test_a_success_in_between_begins_the_row_anew(target: Target) -> None:
    for n in range(20):
        target.failed(f"r{n}")
        if n % 4 == 3:
            target.accepted()
    assert target.standing.breaker == "closed"


def test_a_poison_record_that_fails_for_ever_opens_nothing(target: Target) -> None:
    for _ in range(100):
        target.failed("poison")
    assert target.standing.breaker == "closed"


def test_a_dead_host_opens_the_breaker_even_if_only_one_record_is_due(target: Target) -> None:
    for _ in range(5):
        target.failed("only", nothing_sent=True)
    assert target.standing.breaker == "open"


def test_the_failure_that_opens_the_breaker_spends_no_try_and_those_before_it_do(target: Target) -> None:
    assert not target.failed("first").spares_record
    assert target.break_down().spares_record


def test_answers_of_calls_begun_before_the_breaker_opened_change_nothing(target: Target) -> None:
    target.break_down()
    opened = target.standing
    assert target.failed("late").spares_record
    target.accepted()
    assert target.standing == opened


# -- half-open --------------------------------------------------------------------------------


def test_after_the_pause_a_few_probes_start_and_no_more(target: Target) -> None:
    target.break_down()
    target.wait_out()
    assert target.admit(100) == 3
    assert target.standing.breaker == "half_open"
    assert target.admit(100) == 0


def test_probes_asked_for_one_by_one_are_as_few(target: Target) -> None:
    target.break_down()
    target.wait_out()
    assert [target.admit() for _ in range(5)] == [1, 1, 1, 0, 0]


def test_probes_whose_worker_died_are_replaced(target: Target) -> None:
    target.break_down()
    target.wait_out()
    target.admit(100)
    target.pass_seconds(target.policy.probe_seconds)
    assert target.admit(100) == 3


def test_a_failed_probe_opens_the_breaker_for_twice_as_long(target: Target) -> None:
    target.break_down()
    pauses = []
    for _ in range(9):
        pauses.append((target.standing.blocked_until - target.now).total_seconds())  # type: ignore[operator]
        target.wait_out()
        target.admit()
        target.failed("probe")
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_pause_is_drawn_so_that_targets_and_workers_do_not_march_in_step() -> None:
    drawn = [pauses.pause_seconds(3, Policy(), jitter) for jitter in (0.0, 0.5, 1.0)]
    assert drawn == [10, 15, 20]


def test_a_successful_probe_closes_the_breaker_and_the_load_comes_back_as_a_ramp(target: Target) -> None:
    target.break_down()
    target.wait_out()
    target.admit()
    target.accepted()
    assert target.standing.breaker == "closed"
    started = []
    for _ in range(10):
        in_this_second = 0
        for _ in range(20):
            in_this_second += target.admit(10_000)
            target.pass_seconds(0.05)
        started.append(in_this_second)
    assert started[0] <= 10
    assert all(later <= 2.2 * earlier + 2 for earlier, later in pairwise(started[:7]))
    assert target.admit(10_000) == 10_000


def test_a_relapse_during_the_ramp_pauses_longer_than_a_first_failure(target: Target) -> None:
    target.break_down()
    target.wait_out()
    target.admit()
    target.accepted()
    target.break_down()
    assert target.standing.openings == 2


def test_a_dead_target_gets_a_few_calls_in_ten_minutes_however_much_is_due(target: Target) -> None:
    calls = 0
    while target.now < START + timedelta(minutes=10):
        for _ in range(target.admit(1_000)):
            calls += 1
            target.failed(f"r{calls}", nothing_sent=True)
            if target.standing.breaker == "open":
                break
        target.pass_seconds(0.1)
    assert calls <= CALLS_TO_A_DEAD_TARGET_IN_TEN_MINUTES


# -- refusals in a row ------------------------------------------------------------------------


def test_many_different_records_refused_for_one_reason_open_the_breaker_and_are_unparked(target: Target) -> None:
    for n in range(9):
        assert not target.refused(f"r{n}").spares_record
    ruling = target.refused("r9")
    assert target.standing.breaker == "open"
    assert ruling.spares_record
    assert set(ruling.unparked) == {f"r{n}" for n in range(10)}
    assert ruling.unparked_for == "invalid"


@pytest.mark.parametrize("reason", ["one record", "many reasons"])
def test_refusals_of_one_record_or_for_many_reasons_open_nothing(target: Target, reason: str) -> None:
    for n in range(50):
        target.refused("same" if reason == "one record" else f"r{n}", "invalid" if reason == "one record" else str(n))
    assert target.standing.breaker == "closed"


def test_a_record_taken_in_between_shows_that_the_others_are_refused_for_their_own_faults(target: Target) -> None:
    for n in range(50):
        target.refused(f"r{n}")
        if n % 5 == 0:
            target.accepted()
    assert target.standing.breaker == "closed"


def test_of_probes_that_end_differently_it_does_not_matter_which_is_heard_first(target: Target) -> None:
    for n in range(10):
        target.refused(f"r{n}")
    target.wait_out()
    assert target.admit(3) == 3
    assert target.refused("r0").spares_record
    target.accepted()
    target.wait_out()
    assert target.admit(3) > 0
    assert not target.refused("r1").spares_record
    assert target.standing.breaker == "closed"
    assert target.standing.refusals_to_open == 20


def test_an_acceptance_heard_while_it_is_open_ends_no_silence(target: Target) -> None:
    for n in range(10):
        target.refused(f"r{n}")
    blocked_until = target.standing.blocked_until
    target.accepted()
    assert (target.standing.breaker, target.standing.blocked_until) == ("open", blocked_until)


def test_a_probe_refused_for_the_same_reason_keeps_the_breaker_open_and_is_not_parked(target: Target) -> None:
    for n in range(10):
        target.refused(f"r{n}")
    target.wait_out()
    target.admit()
    assert target.refused("r10").spares_record
    assert target.standing.breaker == "open"


def test_a_probe_that_is_taken_closes_the_breaker_and_makes_it_more_patient_with_that_target(target: Target) -> None:
    for n in range(10):
        target.refused(f"r{n}")
    target.wait_out()
    target.admit()
    # Once more: a refusal that was settled while the breaker opened may have parked its record meanwhile.
    assert target.accepted().unparked_for == "invalid"
    for n in range(19):
        target.refused(f"r{n}")
    assert target.standing.breaker == "closed"
    target.refused("r19")
    assert target.standing.breaker == "open"


def test_an_answer_about_the_record_shows_that_a_broken_target_works_again(target: Target) -> None:
    target.break_down()
    target.wait_out()
    target.admit()
    assert not target.refused("bad").spares_record
    assert target.standing.breaker == "closed"


# -- turned away ------------------------------------------------------------------------------


def test_turned_away_with_the_probe_pauses_the_target_and_leaves_the_record_alone(target: Target) -> None:
    ruling = target.turned_away("r", Probe.REFUSED)
    assert (target.standing.paused, target.standing.paused_by_guard) == (True, True)
    assert "http_401" in target.standing.paused_reason
    assert (ruling.spares_record, ruling.refuses_record) == (True, False)
    assert target.admit() == 0


def test_turned_away_while_the_probe_is_fine_is_the_records_own_fault(target: Target) -> None:
    ruling = target.turned_away("r", Probe.FINE)
    assert not target.standing.paused
    assert (ruling.spares_record, ruling.refuses_record) == (False, True)


def test_many_records_turned_away_though_probes_are_fine_open_the_breaker(target: Target) -> None:
    rulings = [target.turned_away(f"r{n}", Probe.FINE) for n in range(10)]
    assert target.standing.breaker == "open"
    assert (rulings[-1].spares_record, rulings[-1].refuses_record) == (True, False)


def test_a_probe_without_a_clear_answer_spares_the_record_and_counts_as_a_failure(target: Target) -> None:
    assert target.turned_away("r", Probe.UNCLEAR).spares_record
    assert not target.standing.paused
    assert target.standing.failed_keys == ("r",)


def test_without_a_harmless_call_a_second_record_turned_away_pauses_the_target(target: Target) -> None:
    assert not target.turned_away("a", Probe.NONE).refuses_record
    assert not target.standing.paused
    target.turned_away("b", Probe.NONE)
    assert target.standing.paused


def test_without_a_harmless_call_another_record_that_is_taken_puts_the_fault_on_the_first(target: Target) -> None:
    target.turned_away("a", Probe.NONE)
    target.accepted()
    assert target.turned_away("a", Probe.NONE).refuses_record
    assert not target.standing.paused


def test_a_target_paused_by_the_guard_is_probed_at_growing_intervals(target: Target) -> None:
    target.turned_away("r", Probe.REFUSED)
    waits = []
    for _ in range(8):
        assert pauses.probing_itself(target.standing, target.now, target.policy, jitter=1.0) is None
        before = target.now
        target.wait_out()
        waits.append((target.now - before).total_seconds())
        turn = pauses.probing_itself(target.standing, target.now, target.policy, jitter=1.0)
        assert turn is not None
        target.standing = turn
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]


def test_a_target_paused_by_a_person_is_never_probed(target: Target) -> None:
    target.standing = replace(target.standing, paused=True)
    target.pass_seconds(10**6)
    assert pauses.probing_itself(target.standing, target.now, target.policy, jitter=1.0) is None


def test_after_the_guards_pause_a_few_real_calls_decide(target: Target) -> None:
    target.turned_away("r", Probe.REFUSED)
    target.standing = pauses.unpaused(target.standing)
    assert target.admit(100) == 3
    target.turned_away("r", Probe.NONE)
    assert target.standing.paused


def test_probes_that_fail_otherwise_do_not_forget_whom_the_target_refused(target: Target) -> None:
    for n in range(10):
        target.refused(str(n))
    for probe in (lambda: target.failed("r"), lambda: target.throttled(None)):
        target.wait_out()
        assert target.admit(1) == 1
        probe()
    target.wait_out()
    assert target.admit(1) == 1
    assert target.accepted().unparked == tuple(map(str, range(10)))


# -- silence ----------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["503", "429"])
def test_a_wish_to_be_left_alone_holds_for_everyone_until_it_is_over(target: Target, answer: str) -> None:
    if answer == "503":
        target.failed("r", retry_after_seconds=7)
    else:
        target.throttled(7)
    assert target.admit() == 0
    target.pass_seconds(6.9)
    assert target.admit() == 0
    target.pass_seconds(0.1)
    assert target.admit() == 1


def test_a_shorter_wish_does_not_cut_a_longer_one_short(target: Target) -> None:
    target.throttled(60)
    target.throttled(1)
    target.pass_seconds(30)
    assert target.admit() == 0


# -- by hand, and missing capabilities ---------------------------------------------------------


def test_a_person_who_resumes_closes_the_breaker_and_forgets_everything(target: Target) -> None:
    target.break_down()
    target.throttled(600)
    target.standing = pauses.resumed(target.standing)
    assert target.standing == TargetHealth()
    assert target.admit(1_000) == 1_000


def lacks(target: Target, times: int = 1) -> GuardDecision:
    for _ in range(times):
        judgement = CircuitBreaker(target.standing, target.now, target.policy, jitter=1.0)
        target.standing, ruling = judgement.lacks("query")
    return ruling


def off_seconds(target: Target) -> float:
    until = target.standing.capabilities_off_until
    return (until - target.now).total_seconds() if until is not None else 0.0


def test_a_missing_capability_costs_the_record_nothing(target: Target) -> None:
    ruling = lacks(target)
    assert (ruling.spares_record, ruling.at_once) == (True, False)


def test_a_capability_is_off_once_it_was_missing_three_times_in_a_row(target: Target) -> None:
    lacks(target, 2)
    assert (target.standing.capabilities_off, off_seconds(target)) == ((), 0.0)
    lacks(target)
    assert (target.standing.capabilities_off, off_seconds(target)) == (("query",), 5.0)


def test_an_answer_in_between_begins_the_count_anew_and_switches_it_on(target: Target) -> None:
    lacks(target, 3)
    judgement = CircuitBreaker(target.standing, target.now, target.policy, jitter=1.0)
    judgement.looked_up()
    target.standing = judgement.standing
    lacks(target, 2)
    assert (target.standing.capabilities_off, off_seconds(target)) == ((), 0.0)


def test_a_capability_is_asked_for_again_after_seconds_that_grow_up_to_the_longest_pause(target: Target) -> None:
    lacks(target, 3)
    waits = []
    for _ in range(8):
        waits.append(off_seconds(target))
        target.now = target.now + timedelta(seconds=waits[-1])
        lacks(target)
    assert waits == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]


def test_calls_under_way_when_it_was_switched_off_keep_it_off_no_longer(target: Target) -> None:
    lacks(target, 200)
    assert off_seconds(target) == 5.0
