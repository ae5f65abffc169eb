"""Turns at a target: evenly spaced, never too many in any second, and a limit that gives way and comes back."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thirdparty.protect import rate_limit
from thirdparty.protect.health import TargetHealth

START = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def most_in_a_second(moments: list[float]) -> int:
    """The fullest second, wherever it begins."""
    moments = sorted(moments)
    return max((bisect_left(moments, moment + 1.0) - n for n, moment in enumerate(moments)), default=0)


@given(
    st.integers(1, 2_000),
    st.lists(st.tuples(st.floats(0.0, 0.4), st.integers(1, 300), st.sampled_from([0.25, 1.0, 2.0])), max_size=60),
)
def test_no_second_gets_more_turns_than_the_rate_whoever_asks_whenever(
    per_second: int, askings: list[tuple[float, int, float]]
) -> None:
    standing, now, starts = TargetHealth(), 0.0, []
    for pause, most, patience in askings:
        now += pause
        standing, turns = rate_limit.take(standing, after(now), per_second, most=most, patience_seconds=patience)
        assert turns.count <= most
        assert turns.first_in_seconds + (turns.count - 1) * turns.spacing_seconds <= patience + 1e-6
        starts += [now + turns.first_in_seconds + n * turns.spacing_seconds for n in range(turns.count)]
    assert most_in_a_second(starts) <= per_second


def test_a_backlog_takes_all_turns_that_there_are() -> None:
    standing, taken = TargetHealth(), 0
    for tenth in range(100):
        standing, turns = rate_limit.take(standing, after(tenth / 10), 400.0, most=1_000, patience_seconds=0.25)
        taken += turns.count
    assert 10 * 400 * rate_limit.HEADROOM <= taken <= 10.25 * 400


def test_who_is_more_patient_gets_a_turn_while_a_backlog_has_to_wait() -> None:
    standing, backlog = rate_limit.take(TargetHealth(), START, 10.0, most=1_000, patience_seconds=0.25)
    standing, second = rate_limit.take(standing, START, 10.0, most=1, patience_seconds=0.25)
    standing, edit = rate_limit.take(standing, START, 10.0, most=1, patience_seconds=2.0)
    assert (backlog.count, second.count, edit.count) == (3, 0, 1)
    assert edit.first_in_seconds < 0.5


def test_who_gets_no_turn_learns_when_to_ask_again() -> None:
    standing, _ = rate_limit.take(TargetHealth(), START, 1.0, most=1, patience_seconds=0.25)
    standing, turns = rate_limit.take(standing, START, 1.0, most=1, patience_seconds=0.25)
    assert turns.count == 0
    _, turns = rate_limit.take(standing, after(turns.wait_seconds + 0.001), 1.0, most=1, patience_seconds=0.25)
    assert turns.count == 1


@pytest.mark.parametrize(("configured", "limit"), [(100.0, 50.0), (None, rate_limit.FIRST_LIMIT_PER_SECOND)])
def test_a_429_halves_the_rate_or_begins_to_limit(configured: float | None, limit: float) -> None:
    standing = rate_limit.halved(TargetHealth(), START, configured)
    assert rate_limit.current(standing, START, configured) == limit


def test_all_the_calls_that_were_under_way_halve_it_once() -> None:
    standing = TargetHealth()
    for n in range(64):
        standing = rate_limit.halved(standing, after(n / 100), 100.0)
    assert rate_limit.current(standing, after(0.64), 100.0) == pytest.approx(50.0, rel=0.1)


def test_it_never_halves_to_nothing() -> None:
    standing = TargetHealth()
    for n in range(100):
        standing = rate_limit.halved(standing, after(2 * n), 100.0)
    assert rate_limit.current(standing, after(200), 100.0) >= rate_limit.LOWEST_PER_SECOND  # type: ignore[operator]


def test_it_doubles_every_ten_seconds_and_then_the_configured_rate_holds_again() -> None:
    standing = rate_limit.halved(rate_limit.halved(TargetHealth(), START, 100.0), after(10), 100.0)
    assert [rate_limit.current(standing, after(seconds), 100.0) for seconds in (10, 20, 30)] == [50, 100, 100]


@pytest.mark.parametrize("configured", [400.0, None])
def test_a_storm_of_429_is_forgotten_within_three_minutes(configured: float | None) -> None:
    standing = TargetHealth()
    for second in range(60):
        standing = rate_limit.halved(standing, after(2 * second), configured)
    assert rate_limit.current(standing, after(120 + 180), configured) == configured


def test_without_a_configured_rate_the_limit_is_lifted_in_the_end() -> None:
    standing = rate_limit.halved(TargetHealth(), START, None)
    assert rate_limit.current(standing, after(3_600), None) is None
