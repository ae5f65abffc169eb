"""The delay before the next try."""

import pytest

from thirdparty.decide.backoff import Backoff

BACKOFF = Backoff(first_seconds=1.0, most_seconds=60.0, tries=8, grace_seconds=5.0)


@pytest.mark.parametrize(("failures", "ceiling"), [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (10_000, 60.0)])
def test_the_delay_doubles_with_every_failure_up_to_the_most(failures: int, ceiling: float) -> None:
    assert BACKOFF.delay(failures, lambda: 1.0) == ceiling


def test_jitter_is_full_from_nothing_to_the_whole_backoff() -> None:
    assert BACKOFF.delay(5, lambda: 0.0) == 0.0
    assert BACKOFF.delay(5, lambda: 0.5) == 8.0


def test_the_targets_own_wish_is_a_floor_below_the_jitter() -> None:
    assert BACKOFF.delay(1, lambda: 0.5, at_least=30.0) == 30.5
