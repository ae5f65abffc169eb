"""How often one process may publish hints."""

from __future__ import annotations

from thirdparty.notify.throttle import SINGLES_PER_SECOND, Throttle


def test_a_few_records_a_second_are_woken_one_by_one_and_each_target_has_its_own_few() -> None:
    throttle = Throttle()
    assert [throttle.single("a", 100.0) for _ in range(SINGLES_PER_SECOND + 1)] == [True] * SINGLES_PER_SECOND + [
        False
    ]
    assert throttle.single("b", 100.0)
    assert not throttle.single("a", 100.9)
    assert throttle.single("a", 101.0)


def test_the_first_hint_goes_at_once_the_next_a_second_later_and_those_between_are_covered_by_it() -> None:
    throttle = Throttle()
    assert throttle.hint("a", 100.0) == 0
    assert throttle.hint("a", 100.25) == 0.75
    assert throttle.hint("a", 100.5) is None
    assert throttle.hint("a", 101.25) == 0.75
    assert throttle.hint("a", 200.0) == 0


def test_a_hint_for_later_never_delays_one_that_is_wanted_sooner() -> None:
    throttle = Throttle()
    assert throttle.hint("a", 100.0, within_seconds=60.0) == 60
    assert throttle.hint("a", 101.0, within_seconds=70.0) is None
    assert throttle.hint("a", 102.0) == 0
    assert throttle.hint("a", 103.0, within_seconds=20.0) == 20
