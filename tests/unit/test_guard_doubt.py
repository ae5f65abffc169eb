"""Is it the target or the record? A harmless call is asked before the breaker opens: on an injected clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.unit.test_guard_breaker import Target
from thirdparty.protect import rate_limit
from thirdparty.protect.circuit_breaker import CircuitBreaker, Probe
from thirdparty.protect.health import Policy, TargetHealth

START = datetime(2026, 1, 1, tzinfo=UTC)
LATE_BY = timedelta(hours=1)


class Askable(Target):
    """A target that can be asked for nobody's record."""

    def __init__(self) -> None:
        super().__init__(harmless=("query",))

    def answered(self, probe: Probe) -> None:
        self._judge(lambda judgement: judgement.answered(probe))

    def acknowledged(self, key: str) -> tuple[str, ...]:
        return self._judge(lambda judgement: judgement.accepted(key, acknowledged=True)).relieved


@pytest.fixture
def target() -> Askable:
    return Askable()


def test_failures_in_a_row_have_the_harmless_call_asked_once_and_nothing_else_is_sent_meanwhile(
    target: Askable,
) -> None:
    assert target.break_down().asks
    assert not target.failed("another").asks
    assert (target.standing.breaker, target.admit()) == ("closed", 0)


def test_answered_the_records_are_at_fault_and_others_go_on(target: Askable) -> None:
    target.break_down()
    target.answered(Probe.FINE)
    assert target.standing.breaker == "closed"
    assert target.admit(100) == 100


@pytest.mark.parametrize("answer", [Probe.UNCLEAR, Probe.REFUSED, Probe.NONE])
def test_unanswered_the_breaker_opens(target: Askable, answer: Probe) -> None:
    target.break_down()
    target.answered(answer)
    assert target.standing.breaker == "open"
    assert "5 failures in a row" in target.standing.breaker_reason


def test_records_found_at_fault_count_no_more_and_are_tried_one_after_the_other(target: Askable) -> None:
    target.break_down()
    target.answered(Probe.FINE)
    waits = [target.failed(str(n)).wait_seconds for _ in range(10) for n in range(5)]
    assert target.standing.breaker == "closed"
    assert target.standing.failed_keys == ()
    assert waits[0] >= target.policy.first_pause_seconds
    assert all(later >= earlier + target.policy.call_seconds for earlier, later in pairwise(waits[:5]))
    assert max(waits) <= 900


def test_a_dead_host_opens_it_at_once_also_where_records_at_fault_show_it(target: Askable) -> None:
    target.break_down()
    target.answered(Probe.FINE)
    for _ in range(4):
        target.failed("0", nothing_sent=True)
    assert not target.failed("0", nothing_sent=True).asks
    assert target.standing.breaker == "open"


def test_once_a_record_at_fault_is_taken_the_others_may_be_tried_again(target: Askable) -> None:
    target.break_down()
    target.answered(Probe.FINE)
    assert set(target.acknowledged("0")) == {"1", "2", "3", "4"}
    assert target.standing.faulty_keys == ()


def test_a_target_that_answers_the_harmless_call_and_takes_nothing_is_called_slowly(target: Askable) -> None:
    limits = []
    for round_ in range(6):
        for n in range(5):
            target.failed(f"{round_}.{n}")
        target.answered(Probe.FINE)
        limits.append(rate_limit.current(target.standing, target.now, None))
    assert target.standing.breaker == "closed"
    assert limits[0] is None
    assert limits[1] == 5
    assert limits[-1] == 1
    target.acknowledged("good")
    assert target.standing.vouched == 0


def test_an_asker_that_died_is_replaced(target: Askable) -> None:
    target.break_down()
    target.pass_seconds(target.policy.probe_seconds)
    assert target.admit() == 1
    assert target.failed("next").asks


def test_a_failed_probe_has_the_harmless_call_asked_before_the_breaker_opens_for_longer(target: Askable) -> None:
    target.break_down()
    target.answered(Probe.UNCLEAR)
    target.wait_out()
    assert target.admit() == 1
    assert target.failed("poison").asks
    target.answered(Probe.FINE)
    assert target.standing.breaker == "closed"
    assert target.standing.faulty_keys == ("poison",)


def test_refused_in_a_row_while_the_harmless_call_is_answered_stay_parked(target: Askable) -> None:
    rulings = [target.refused(f"r{n}") for n in range(10)]
    assert rulings[-1].asks
    target.answered(Probe.FINE)
    assert target.standing.breaker == "closed"
    assert not target.refused("r9").spares_record


@pytest.mark.parametrize("answer", [Probe.UNCLEAR, Probe.REJECTED])
def test_refused_in_a_row_by_a_target_that_refuses_the_harmless_call_too_are_unparked(
    target: Askable, answer: Probe
) -> None:
    for n in range(10):
        target.refused(f"r{n}")
    target.standing, ruling = CircuitBreaker(target.standing, target.now, target.policy, jitter=1.0).answered(answer)
    assert target.standing.breaker == "open"
    assert set(ruling.unparked) == {f"r{n}" for n in range(10)}


def test_a_success_answers_the_question(target: Askable) -> None:
    target.break_down()
    target.accepted()
    assert target.admit(100) == 100
    assert set(target.standing.faulty_keys) == {"0", "1", "2", "3", "4"}


def test_without_a_harmless_call_the_breaker_opens_as_it_is(target: Askable) -> None:
    target.standing = replace(target.standing, capabilities_off=("query",))
    assert not target.break_down().asks
    assert target.standing.breaker == "open"


# -- clocks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["blocked_until", "probes_until", "asking_until", "next_slot_at", "faulty_slot_at", "capabilities_off_until"],
)
def test_a_moment_further_ahead_than_any_can_be_is_forgotten(name: str) -> None:
    standing = TargetHealth(**{name: START + 2 * LATE_BY})
    assert getattr(standing.without_the_impossible(START, Policy()), name) is None


def test_a_limit_set_in_the_future_climbs_from_now_on() -> None:
    standing = TargetHealth(rate_limit=1.0, rate_set_at=START + LATE_BY, rate_climb=0.1)
    assert standing.without_the_impossible(START, Policy()).rate_set_at == START


@pytest.mark.parametrize("per_second", [None, 0.01, 1.0, 500.0])
def test_moments_that_can_be_stand(per_second: float | None) -> None:
    policy = Policy(rate_per_second=per_second)
    standing = TargetHealth(
        blocked_until=START + timedelta(hours=1),
        probes_until=START + timedelta(seconds=policy.probe_seconds),
        asking_until=START + timedelta(seconds=policy.probe_seconds),
        next_slot_at=START + timedelta(seconds=1 / ((per_second or 0.2) * 0.95) + 3),
        faulty_slot_at=START + timedelta(minutes=15),
        capabilities_off_until=START + timedelta(seconds=policy.longest_pause_seconds),
    )
    assert standing.without_the_impossible(START, policy) == standing
