"""Claims what can start at once, and has it begun."""

from __future__ import annotations

import logging
from functools import partial

from django.db import OperationalError

from thirdparty import protect, store
from thirdparty.connectors.config import TargetConfig
from thirdparty.protect import Admission
from thirdparty.run import step
from thirdparty.run.drain.capacity import Capacity
from thirdparty.run.drain.clock import Clock
from thirdparty.run.drain.lookout import LONGEST_SLEEP_SECONDS, Lookout
from thirdparty.run.drain.under_way import UnderWay
from thirdparty.run.step import Step
from thirdparty.store.contention import is_contention

logger = logging.getLogger(__name__)

_LATEST_FIRST_EVERY = 4
"""One claim in so many begins with what became due last: else nothing recent is seen behind a long backlog."""
_FIRST_LEAD_SECONDS = 0.05
_LONGEST_LEAD_SECONDS = 1.0
"""So far ahead of its turns, at most, a drain claims the records that take them."""


class Claimer:
    """Begins no more than there is ``capacity`` for, and looks no sooner than the ``lookout`` says."""

    def __init__(
        self, target: TargetConfig, under_way: UnderWay, capacity: Capacity, lookout: Lookout, clock: Clock
    ) -> None:
        self._target = target
        self._under_way = under_way
        self._capacity = capacity
        self._lookout = lookout
        self._clock = clock
        self._claims = 0
        self._lead_seconds = _FIRST_LEAD_SECONDS  # as long as the last claim took

    def claim(self) -> bool:
        """Look, if it is time and there is room, and begin what is found; True where there may be more than that."""
        try:
            return self._claim()
        except OperationalError as error:
            if not is_contention(error):
                raise
            logger.warning("%s: nothing can be claimed yet: %s", self._target.name, error)
            self._lookout.is_kept_out(until=self._clock.now() + LONGEST_SLEEP_SECONDS)
            return False

    def _claim(self) -> bool:
        now, under_way = self._clock.now(), self._under_way.count
        if not self._capacity.has_room(under_way) or not self._lookout.is_time(now, busy=under_way > 0):
            return False
        self._lookout.looks(now)
        admission = protect.admit(
            self._target.name,
            self._capacity.room(under_way),
            lead_seconds=self._lead_seconds,
            has_work=self._has_work,
        )
        if not admission.granted:
            self._lookout.is_kept_out(until=now + admission.wait_seconds)
            return False
        self._capacity.paced = admission.spacing_seconds > 0
        steps = self._steps(admission)
        for nth, begun in enumerate(steps):
            self._under_way.begin(begun, admission, nth)
        if len(steps) < admission.granted:
            self._lookout.finds_all(now)
            return False
        return True

    def _has_work(self) -> bool:
        if store.is_any_claimable(self._target.name):
            return True
        self._lookout.finds_nothing()
        return False

    def _steps(self, admission: Admission) -> list[Step]:
        began, steps = self._clock.now(), []
        try:
            steps = self._claimed(admission)
        finally:
            self._lead_seconds = min(self._clock.now() - began, _LONGEST_LEAD_SECONDS)
            self._give_back(admission, steps)
        return steps

    def _claimed(self, admission: Admission) -> list[Step]:
        claim = partial(store.claim_due, self._target.name)
        limit = admission.granted
        self._claims += 1
        latest = []
        if self._claims % _LATEST_FIRST_EVERY == 0:
            latest = step.claim_and_plan(self._target, admission, partial(claim, limit, latest_first=True))
        if len(latest) == limit:
            return latest
        try:
            return latest + step.claim_and_plan(self._target, admission, partial(claim, limit - len(latest)))
        except OperationalError as error:
            if not latest or not is_contention(error):
                raise
            return latest

    def _give_back(self, admission: Admission, steps: list[Step]) -> None:
        try:
            protect.give_back(self._target.name, admission, made=sum(each.asks for each in steps))
        except OperationalError as error:
            # Some turns are wasted; what was claimed must begin all the same.
            if not is_contention(error):
                raise
            logger.warning("%s: turns were not given back: %s", self._target.name, error)
