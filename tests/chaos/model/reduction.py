"""Forgets what can make no difference any more, so that states which behave alike are one state.

Each rule is a bisimulation: both states have the same moves from then on, and the same invariants.
"""

from __future__ import annotations

from tests.chaos.model.decision import Step
from tests.chaos.model.row import Held
from tests.chaos.model.state import State, Worker
from tests.chaos.model.target import BARE, Offers, Request
from tests.chaos.model.transitions import WRITES

NOTHING_HELD = Held(0, 0, "", 0, in_doubt=False, window_over=False, failed_tries=0, crashes=0)


def reduced(state: State, offers: Offers) -> State:
    """Forget the useless knowledge of workers that lost their lease, and of requests nobody waits for."""
    workers = state.workers
    for worker in workers:
        if not worker.holds:
            workers = tuple(kept for worker in workers if (kept := _lost(worker, offers)) is not None)
            break
    strays = state.strays
    if strays:
        strays = tuple([_stray(stray, offers) for stray in strays])
    if workers is state.workers and strays is state.strays:
        return state
    return state._replace(workers=workers, strays=strays)


def _lost(worker: Worker, offers: Offers) -> Worker | None:
    """A worker without its lease can only let its request land, and then repair if it may have written."""
    if worker.holds:
        return worker
    held, call, key = worker.step.held, worker.step.call, worker.step.key
    if worker.phase == "asking" and call in WRITES:
        held = NOTHING_HELD._replace(
            generation=held.generation if offers.versions else 0,
            remote_id=held.remote_id if call != "add" else 0,
            login=held.login if call == "add" or offers.renames else 0,
            replaces=held.replaces if call == "delete" else False,
        )
        step = worker.step._replace(held=held, key=key if offers.idempotency else 0, other=-1)
        return worker._replace(step=step)
    if worker.wrote or worker.phase == "answered":
        # Its look-up finds no time left, its settlement no lease: what remains is the repair.
        step = Step(worker.step.row, NOTHING_HELD, seq=0, present=True, call="", key=0)
        return Worker(step, phase="done", holds=False, frozen=True, wrote=True)
    return None


def _stray(stray: Request, offers: Offers) -> Request:
    call = stray.call
    return stray._replace(
        seq=BARE if call == "delete" else stray.seq,
        generation=stray.generation if offers.versions else 0,
        remote_id=stray.remote_id if call != "add" else 0,
        key=stray.key if offers.idempotency else 0,
        login=stray.login if call == "add" or (offers.renames and call == "update") else 0,
    )
