"""May calls to a target start now? While all is well nothing is written for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from thirdparty.protect import admission, last_seen, target_row
from thirdparty.protect.admission import Admission
from thirdparty.protect.health import Breaker

HANDFUL_SECONDS = 0.25
"""So far ahead a backlog takes turns: what it has taken, a person's edit has to wait for."""


def admit(
    target: str,
    most: int = 1,
    *,
    patience_seconds: float = HANDFUL_SECONDS,
    lead_seconds: float = 0.0,
    has_work: Callable[[], bool] = lambda: True,
) -> Admission:
    """May up to ``most`` calls to this target start within ``patience_seconds``?

    ``lead_seconds``: how long it takes until the first of them can start; no turn comes before.
    ``has_work`` is asked before a turn or a probe is spent: is there anything to call for? Not to be used
    inside a transaction. Whoever is not granted anything leaves the record as it is.
    """
    read = target_row.read(target)
    if read is None:
        return Admission(0, "the target is not enabled", wait_seconds=HANDFUL_SECONDS)
    known, now = read
    policy = target_row.policy(target)
    last_seen.keep(target, known)
    without, without_seconds = known.without(now), known.without_seconds(now)
    obstacle = admission.shut(known, now)
    if obstacle is not None:
        return Admission(0, obstacle[0], obstacle[1], without=without, without_seconds=without_seconds)
    if admission.is_free(known, now, policy):
        return Admission(most, without=without, without_seconds=without_seconds)
    if not has_work():
        return Admission(0, "there is nothing to call for", without=without, without_seconds=without_seconds)
    with target_row.changing(target) as held:
        earliest = held.now + timedelta(seconds=lead_seconds)
        held.standing, turns, why = admission.enter(
            held.standing, earliest, policy, most=most, patience_seconds=patience_seconds
        )
        # Taken here, later than the row's ``now``: a turn may come a little late, never early.
        asked = time.monotonic() + lead_seconds
    last_seen.keep(target, held.standing)
    return Admission(
        turns.count,
        why,
        turns.wait_seconds,
        probing=held.standing.breaker != Breaker.CLOSED,
        without=without,
        without_seconds=without_seconds,
        first_at=asked + turns.first_in_seconds,
        spacing_seconds=turns.spacing_seconds,
    )


def give_back(target: str, admitted: Admission, *, made: int) -> None:
    """Of the calls that were let in as probes, only so many were made: others may be."""
    if not admitted.probing or made >= admitted.granted:
        return
    with target_row.changing(target) as held:
        held.standing = admission.given_back(held.standing, admitted.granted - made)


def allowance(target: str, most: int, *, seconds: float) -> int:
    """How many calls, of ``most``, could start within so many seconds."""
    read = target_row.read(target)
    if read is None:
        return 0
    known, now = read
    return admission.allowance(known, now, target_row.policy(target), most=most, seconds=seconds)
