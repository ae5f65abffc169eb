"""Takes steps for many records of a target at the same time, for as long as there are some that are due.

One thread with one connection does all database work (`loop`): it claims what can start at once (`claimer`), and writes
outcomes in bulk as they come. The calls are made by other threads, which touch no database (`under_way`). Leases are
per record, so one slow call holds up one record, and one locked row delays no other's outcome: it is tried again
(`locked_results`). How much is claimed ahead is told by `capacity`, and when to look for more by `lookout`; both are pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from thirdparty import store, targets, traces
from thirdparty.run.drain.clock import Clock
from thirdparty.run.drain.limits import Limits
from thirdparty.run.drain.loop import Drained, Loop
from thirdparty.run.slots import slot

RUN_SECONDS = 10.0
"""How long one drain claims. Short: a worker that is asked to end waits for it, and others get their turn."""

__all__ = ["RUN_SECONDS", "Drained", "drain"]


def drain(
    target_name: str,
    *,
    request_helper: Callable[[], object] = lambda: None,
    is_helper: bool = False,
    seconds: float = RUN_SECONDS,
) -> Drained:
    """Take steps until nothing of the target is due, the time is up, or the worker is asked to end.

    ``request_helper`` is called, once, where there is more to do than this process can begin at once. One process of a
    worker drains a target; another begins only if it ``is_helper``, because the first asked for it, and as long as every
    other target, and people's edits, find one free (`thirdparty.run.slots`).
    """
    target, clock = targets.config(target_name), Clock()
    loop = Loop(target, Limits.of_settings(target), clock, request_helper)
    with slot(target_name, targets=len(targets.names()), is_helper=is_helper) as may:
        if not may:
            return Drained(0, unfinished=False, look_in_seconds=None)
        with traces.span("thirdparty.drain", {traces.TARGET: target_name}) as span:
            try:
                drained = loop.run_until(clock.now() + seconds)
            finally:
                loop.withdraw()
            span.note({"thirdparty.settled": drained.settled})
    # Hints that came while the slot was held have ended, trusting in this drain.
    missed = loop.found_all and not drained.unfinished and store.is_any_claimable(target_name)
    return replace(drained, unfinished=True) if missed else drained
