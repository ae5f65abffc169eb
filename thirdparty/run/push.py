"""One converging step for one record, here and now: claim, read, decide, ask the target once, settle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from thirdparty import protect, store, targets
from thirdparty.consistency.strict_payload import Candidate
from thirdparty.decide.lease import Lease
from thirdparty.decide.result import StepResult
from thirdparty.models import Record
from thirdparty.run import calling, guard_decision, results, step
from thirdparty.settings import settings

PATIENCE_SECONDS = 2.0
"""How long a fresh edit waits for its turn at a target with a rate."""
RETRY_PATIENCE_SECONDS = 1.0
"""The same for what was tried before: shorter, so that it lets edits go first."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What one step under this ``lease`` came to. ``row`` is None when the lease had been lost.

    ``asked``: a harmless call was asked whether the target is well, and whoever came meanwhile was turned away.
    """

    settlement: StepResult
    row: Record | None
    lease: Lease
    asked: bool = False

    @property
    def again(self) -> bool:
        """More is to be done at once: the object changed meanwhile, or this step was the first of two."""
        # By the database's clock, an extra column of the settlement.
        return self.row is not None and bool(self.row.due_now)  # type: ignore[attr-defined]


def push(
    target_name: str, key: str, *, expected_due_at: datetime | None = None, strict: str | None = None
) -> Pushed | None:
    """Take one step for the record; None when there is nothing that this worker may do now.

    ``expected_due_at``, ``strict``: see `thirdparty.store.claim`; with ``strict``, the target is asked for the candidate of
    that strict write instead, and the row learns only what is known of the remote record. Never raises for what the target does, nor for
    a record that our own code cannot cope with: both end in the record's row.
    """
    target = targets.config(target_name)
    admission = _admission(
        target_name,
        has_work=lambda: store.is_claimable(key, expected_due_at=expected_due_at, strict=strict),
        patience_seconds=PATIENCE_SECONDS if expected_due_at is None else RETRY_PATIENCE_SECONDS,
    )
    if not admission.granted:
        return None
    claim = partial(store.claim, [key], expected_due_at=expected_due_at, strict=strict)
    candidate = Candidate(strict) if strict is not None else None
    steps = step.claim_and_plan(target, admission, claim, read=candidate.read if candidate is not None else None)
    protect.give_back(target_name, admission, made=sum(each.asks for each in steps))
    if not steps:
        return None
    in_doubt = threading.Event()
    ended = guard_decision.apply(calling.call_target(steps[0]), doubt=in_doubt.set)
    if candidate is not None:
        # Before anything of it is left out: whether the target accepts depends on whose record it holds.
        ended = store.whose(ended)
    kept = candidate.only_facts(ended) if candidate is not None else ended
    settled = results.write_results(target, [kept], grace_seconds=settings.backoff().grace_seconds)
    if in_doubt.is_set():
        # Only now: the record's lease need not outlive another call.
        guard_decision.apply_to_others(protect.ask(target_name))
    return Pushed(ended.settlement, settled.rows.get(key), ended.lease, in_doubt.is_set())


def _admission(target_name: str, *, has_work: Callable[[], bool], patience_seconds: float) -> protect.Admission:
    """The leave to make one call, whose turn has come; or none, with nothing touched."""
    while True:
        admission = protect.admit(target_name, patience_seconds=patience_seconds, has_work=has_work)
        if not admission.granted or admission.await_turn():
            return admission
        protect.give_back(target_name, admission, made=0)
