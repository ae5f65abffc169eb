"""Takes steps for many records of a target at the same time, for as long as there are some that are due.

One thread with one connection does all database work: it claims what can start at once, and writes
outcomes in bulk as they come. The calls are made by other threads, which touch no database. Leases are
per record, so one slow call holds up one record, and one locked row delays no other's outcome: it is tried again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread

from django.db import OperationalError

from thirdparty import protect, store, targets
from thirdparty.decide.result import FinishedStep, Next
from thirdparty.protect import Admission, Probe
from thirdparty.run import calling, guard_decision, shutdown, step
from thirdparty.run.slots import place
from thirdparty.run.step import Step
from thirdparty.run.thread_pool import callers
from thirdparty.settings import settings
from thirdparty.store import Settled
from thirdparty.store.contention import is_contention

logger = logging.getLogger(__name__)

RUN_SECONDS = 10.0
"""How long one drain claims. Short: a worker that is asked to end waits for it, and others get their turn."""
_GATHER_SECONDS = 0.05
"""How long outcomes are gathered for one statement while others are under way."""
_HANDFUL = 2
"""So many records for each thread are claimed by one statement, and so many outcomes written by one."""
_AHEAD = 2
"""So many handfuls are under way at most, so that a thread that becomes free finds its next record claimed."""
_LOOK_AGAIN_SECONDS = 0.1
"""How often a drain that has found nothing more looks for new edits while calls are under way."""
_LATEST_FIRST_EVERY = 4
_FIRST_CLAIM_SECONDS = 0.05
_LONGEST_LEAD_SECONDS = 1.0
"""So far ahead of its turns, at most, a drain claims the records that take them."""
_LONGEST_SLEEP_SECONDS = 1.0
"""A drain waits for its turn no longer than this; for longer, a hint does."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain came to.

    ``settled``: how many steps. ``unfinished``: it stopped though more may be due. ``look_in_seconds``: when the
    guard, or the first of its own failed records, wants somebody to look again; None: nobody waits.
    """

    settled: int
    unfinished: bool
    look_in_seconds: float | None


def drain(
    target_name: str,
    *,
    spread: Callable[[], None] = lambda: None,
    joins: bool = False,
    seconds: float = RUN_SECONDS,
) -> Drained:
    """Take steps until nothing of the target is due, the time is up, or the worker is asked to end.

    ``spread`` is called, once, where there is more to do than this process can begin at once. One process of a
    worker drains a target; another begins only if it ``joins``, because the first asked for it, and as long as every
    other target, and people's edits, find one free (`thirdparty.run.slots`).
    """
    run = _Run(target_name, spread)
    with place(target_name, targets=len(targets.names()), joins=joins) as may:
        if not may:
            return Drained(0, unfinished=False, look_in_seconds=None)
        try:
            drained = run.until(time.monotonic() + seconds)
        finally:
            run.withdraw()
    # Hints that came while the place was held have ended, trusting in this drain.
    missed = run.found_all and not drained.unfinished and store.is_any_claimable(target_name)
    return replace(drained, unfinished=True) if missed else drained


class _Run:
    """One drain. ``paced``: calls have their turns. ``found_all``: nothing more was due when it looked last. ``_under_way``: so many calls have begun, or will as soon as a thread is free."""

    def __init__(self, target_name: str, spread: Callable[[], None]) -> None:
        self._target = targets.config(target_name)
        self._spread: Callable[[], None] | None = spread
        self._threads = settings.SYNC_DRAIN_THREADS
        # Where every call takes its longest, the last of those claimed has to begin within its lease.
        patient = (_HANDFUL * _AHEAD + 1) * self._target.timeout_seconds < settings.SYNC_LEASE_SECONDS
        self._handful = self._threads * (_HANDFUL if patient else 1)
        self._most = self._handful * (_AHEAD if patient else 1)
        self._under_way = 0
        self._done: SimpleQueue[tuple[str, FinishedStep | Probe | None]] = SimpleQueue()
        self._withdrawn = False
        self._locked: list[FinishedStep] = []
        self._locked_since: dict[str, float] = {}
        self._claims = 0
        self._claim_seconds = _FIRST_CLAIM_SECONDS
        self.paced = self._target.rate_per_second is not None
        self.found_all = False
        self._look_at = self._looked_at = 0.0
        self._tries_at: list[float] = []
        self._settled = 0

    def until(self, ends_at: float) -> Drained:
        while True:
            closing = shutdown.begun() or time.monotonic() >= ends_at
            if not closing:
                self._claim()
            if self._under_way or self._locked:
                self._settle(self._gathered())
            elif closing or not self._waits():
                return Drained(self._settled, closing and not self.found_all, self._look_in_seconds())

    def withdraw(self) -> None:
        """Let calls that have not begun never begin: there are some only where the drain broke off."""
        self._withdrawn = True

    def _claim(self) -> None:
        try:
            self._claim_some()
        except OperationalError as error:
            if not is_contention(error):
                raise
            logger.warning("%s: nothing can be claimed yet: %s", self._target.name, error)
            self._look_at, self.found_all = time.monotonic() + _LONGEST_SLEEP_SECONDS, False

    def _claim_some(self) -> None:
        now = time.monotonic()
        if not self._has_room() or (now < self._look_at and (self._under_way or not self.found_all)):
            return
        self._looked_at, self.found_all = now, False
        admission = protect.admit(
            self._target.name,
            self._threads - self._under_way if self.paced else self._handful,
            lead_seconds=self._claim_seconds,
            worth=self._is_worth,
        )
        if not admission.granted:
            self._look_at = now + admission.wait_seconds
            return
        self.paced = admission.spacing_seconds > 0
        self._claims += 1
        began = time.monotonic()
        steps: list[Step] = []
        try:
            steps = self._begun(admission)
        finally:
            self._claim_seconds = min(time.monotonic() - began, _LONGEST_LEAD_SECONDS)
            self._give_back(admission, steps)
        for nth, begun in enumerate(steps):
            self._under_way += 1
            callers(self._threads).hand(partial(self._call, begun, admission, nth))
        if len(steps) < admission.granted:
            self.found_all = True
            self._look_at = now + _LOOK_AGAIN_SECONDS
        elif self._spread is not None and not (self.paced and self._has_room()):
            # Where calls have their turns, another process makes none of them come earlier.
            self._spread()
            self._spread = None

    def _give_back(self, admission: Admission, steps: list[Step]) -> None:
        try:
            protect.give_back(self._target.name, admission, made=sum(each.asks for each in steps))
        except OperationalError as error:
            # Some turns are wasted; what was claimed must begin all the same.
            if not is_contention(error):
                raise
            logger.warning("%s: turns were not given back: %s", self._target.name, error)

    def _has_room(self) -> bool:
        # Where calls have their turns, a record must find a thread that is free when its turn comes.
        if self.paced:
            return self._threads - self._under_way > self._threads // 4
        return self._most - self._under_way >= self._handful

    def _is_worth(self) -> bool:
        self.found_all = not store.is_any_claimable(self._target.name)
        return not self.found_all

    def _begun(self, admission: Admission) -> list[Step]:
        claim = partial(store.claim_due, self._target.name)
        most = admission.granted
        latest = []
        if self._claims % _LATEST_FIRST_EVERY == 0:
            latest = step.begin(self._target, admission, partial(claim, most, latest_first=True))
        if len(latest) == most:
            return latest
        try:
            return latest + step.begin(self._target, admission, partial(claim, most - len(latest)))
        except OperationalError as error:
            if not latest or not is_contention(error):
                raise
            return latest

    def _call(self, begun: Step, admission: Admission, nth: int) -> None:
        ended = None
        try:
            if not self._withdrawn:
                ended = calling.call_target(begun) if admission.await_turn(nth) else calling.turn_missed(begun)
        except Exception:  # its lease runs out, which is counted against the record, and others go on
            logger.exception("%s: a call broke off", begun.lease.key)
        finally:
            self._done.put((begun.lease.key, ended))

    def _doubt(self) -> None:
        """Have a harmless call asked, in a thread of its own: all others may be waiting for this very target."""
        call = protect.in_doubt(self._target.name)
        self._under_way += 1
        Thread(target=lambda: self._done.put(("", call())), name="doubt", daemon=True).start()

    def _gathered(self) -> list[FinishedStep]:
        """The outcomes there are, once there are some or it is time to look again."""
        gathered, self._locked = self._locked, []
        if not self._under_way:
            time.sleep(_LOOK_AGAIN_SECONDS)
            return gathered
        most = len(gathered) + self._handful
        until = time.monotonic() + (_GATHER_SECONDS if gathered else _LOOK_AGAIN_SECONDS)
        while self._under_way and len(gathered) < most:
            try:
                key, ended = self._done.get(timeout=max(until - time.monotonic(), 0.0))
            except Empty:
                break
            self._under_way -= 1
            try:
                if isinstance(ended, Probe):
                    guard_decision.obey(protect.answered(self._target.name, ended), unwritten=gathered)
                    self._look_at = 0.0
                elif ended is not None:
                    gathered.append(guard_decision.heed(ended, doubt=self._doubt, unwritten=gathered))
            except Exception:  # as above
                logger.exception("%s: a step broke off", key)
            until = min(until, time.monotonic() + _GATHER_SECONDS)
        return gathered

    def _settle(self, ended: list[FinishedStep]) -> None:
        settled = step.finish(self._target, ended, grace_seconds=0.0, waits=False)
        self._locked = self._awaited(settled.locked)
        if ended and not self.found_all:
            self._look_at = 0.0  # what the guard made of these answers may let others in
        self._settled += len(settled.rows)
        self._note(ended, settled)

    def _awaited(self, locked: list[FinishedStep]) -> list[FinishedStep]:
        """Those to be tried again: not for ever, since a drain that waits for one row keeps a process from others.

        The lease of one that is given up runs out, and its record is looked up as after any lost answer.
        """
        now = time.monotonic()
        since = {each.lease.token: self._locked_since.get(each.lease.token, now) for each in locked}
        self._locked_since = since
        late = [each for each in locked if now - since[each.lease.token] >= settings.SYNC_DATABASE_TIMEOUT_SECONDS]
        for each in late:
            logger.warning("%s: its row was locked for too long; its lease runs out", each.lease.key)
        return [each for each in locked if each not in late]

    def _note(self, ended: list[FinishedStep], settled: Settled) -> None:
        now = time.monotonic()
        for each in ended:
            row = settled.rows.get(each.lease.key)
            if row is None:
                continue
            if each.settlement.next is Next.LATER and row.failed_tries <= settings.backoff().tries:
                self._tries_at.append(now + each.settlement.delay_seconds)
            if row.due_now or (row.natural_key and not row.may_exist):  # type: ignore[attr-defined]  # of the settlement
                # There is more to do for this record, or for the user who waited for its username.
                self._look_at, self.found_all = 0.0, False

    def _waits(self) -> bool:
        """Sleep until the guard's next turn, if that is worth it; False where there is nothing to wait for."""
        seconds = self._look_at - time.monotonic()
        if self.found_all or seconds > _LONGEST_SLEEP_SECONDS:
            return False
        time.sleep(max(seconds, 0.0))
        return True

    def _look_in_seconds(self) -> float | None:
        now = time.monotonic()
        waits = [max(at - now, 0.0) for at in self._tries_at if at > self._looked_at]
        if not self.found_all:
            waits.append(max(self._look_at - now, 0.0))
        return min(waits, default=None)
