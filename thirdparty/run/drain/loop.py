"""A drain from its first claim to its last outcome: claim, gather what has ended, write it; or rest, or end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from thirdparty import protect
from thirdparty.connectors.config import TargetConfig
from thirdparty.decide.result import FinishedStep, Next
from thirdparty.protect import Probe
from thirdparty.run import guard_decision, results, shutdown
from thirdparty.run.drain.capacity import Capacity
from thirdparty.run.drain.claimer import Claimer
from thirdparty.run.drain.clock import Clock
from thirdparty.run.drain.limits import Limits
from thirdparty.run.drain.locked_results import LockedResults
from thirdparty.run.drain.lookout import LOOK_AGAIN_SECONDS, Lookout
from thirdparty.run.drain.under_way import Ended, UnderWay
from thirdparty.store import Settled

logger = logging.getLogger(__name__)

_GATHER_SECONDS = 0.05
"""How long outcomes are gathered for one statement while others are under way."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain came to.

    ``settled``: how many steps. ``unfinished``: it stopped though more may be due. ``look_in_seconds``: when the
    guard, or the first of its own failed records, wants somebody to look again; None: nobody waits.
    """

    settled: int
    unfinished: bool
    look_in_seconds: float | None


class Loop:
    def __init__(
        self, target: TargetConfig, limits: Limits, clock: Clock, request_helper: Callable[[], object]
    ) -> None:
        self._target = target
        self._limits = limits
        self._clock = clock
        self._request_helper = request_helper
        self._capacity = Capacity(limits)
        self._lookout = Lookout()
        self._under_way = UnderWay(target.name, threads=limits.threads)
        self._locked = LockedResults(patience_seconds=limits.database_seconds)
        self._claimer = Claimer(target, self._under_way, self._capacity, self._lookout, clock)

    @property
    def found_all(self) -> bool:
        """Nothing more was due when it looked last."""
        return self._lookout.found_all

    def withdraw(self) -> None:
        """Let calls that have not begun never begin: there are some only where the drain broke off."""
        self._under_way.withdraw()

    def run_until(self, ends_at: float) -> Drained:
        """Claim until this moment, or until nothing is due; what is under way is settled in any case."""
        settled, helper_requested = 0, False
        while True:
            closing = shutdown.begun() or self._clock.now() >= ends_at
            if not closing and self._claimer.claim() and not helper_requested and self._helper_is_of_use():
                self._request_helper()
                helper_requested = True
            if self._under_way.count or self._locked:
                settled += self._settle(self._gathered())
            elif closing or not self._rested():
                unfinished = closing and not self.found_all
                return Drained(settled, unfinished, self._lookout.look_in_seconds(self._clock.now()))

    def _helper_is_of_use(self) -> bool:
        # Where calls have their turns, another process makes none of them come earlier.
        return not (self._capacity.paced and self._capacity.has_room(self._under_way.count))

    def _rested(self) -> bool:
        """Sleep until the guard's next turn, if that is worth it; False where there is nothing to wait for."""
        seconds = self._lookout.sleep_seconds(self._clock.now())
        if seconds is None:
            return False
        self._clock.sleep(seconds)
        return True

    def _gathered(self) -> list[FinishedStep]:
        """The outcomes there are, once there are some or it is time to look again."""
        gathered = self._locked.take()
        if not self._under_way.count:
            self._clock.sleep(LOOK_AGAIN_SECONDS)
            return gathered
        limit = len(gathered) + self._capacity.handful
        until = self._clock.now() + (_GATHER_SECONDS if gathered else LOOK_AGAIN_SECONDS)
        while self._under_way.count and len(gathered) < limit:
            ended = self._under_way.next(within_seconds=until - self._clock.now())
            if ended is None:
                break
            self._hear(ended, gathered)
            until = min(until, self._clock.now() + _GATHER_SECONDS)
        return gathered

    def _hear(self, ended: Ended, gathered: list[FinishedStep]) -> None:
        try:
            if isinstance(ended.result, Probe):
                guard_decision.apply_to_others(protect.answered(self._target.name, ended.result), unwritten=gathered)
                self._lookout.is_let_in_perhaps()
            elif ended.result is not None:
                begin_probe = self._under_way.begin_probe
                gathered.append(guard_decision.apply(ended.result, doubt=begin_probe, unwritten=gathered))
        except Exception:  # its lease runs out, which is counted against the record, and others go on
            logger.exception("%s: a step broke off", ended.key)

    def _settle(self, finished: Sequence[FinishedStep]) -> int:
        settled = results.write_results(self._target, finished, grace_seconds=0.0, waits=False)
        now = self._clock.now()
        self._locked.keep(settled.locked, now)
        if finished and not self.found_all:
            self._lookout.is_let_in_perhaps()  # by what the guard made of these answers
        self._note(finished, settled, now)
        return len(settled.rows)

    def _note(self, finished: Sequence[FinishedStep], settled: Settled, now: float) -> None:
        for each in finished:
            row = settled.rows.get(each.lease.key)
            if row is None:
                continue
            if each.settlement.next is Next.LATER and row.failed_tries <= self._limits.tries:
                self._lookout.expects_retry(now + each.settlement.delay_seconds)
            freed = (row.natural_key and not row.may_exist) or (each.lease.former_key and not row.former_key)
            if row.due_now or freed:  # type: ignore[attr-defined]  # of the settlement
                # There is more to do for this record, or for the one that waited for its natural key.
                self._lookout.has_more()
