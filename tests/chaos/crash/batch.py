"""Runs some cases at the same time, each on an object of its own, until all are at rest again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial

from syncproject.demo.process import Process
from tests.chaos.crash import writes
from tests.chaos.crash.cases import Case, Result
from tests.chaos.crash.fall import Fall
from tests.chaos.crash.order import Action
from tests.chaos.crash.stage import FROZEN_SECONDS, LATE_SECONDS, Stage
from tests.chaos.crash.uses import current_use
from tests.chaos.crash.uses.use import BEFORE, WHILE_FROZEN
from tests.chaos.crash.verdict import AT_REST, Subject, judge
from thirdparty import store
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.notify.broker import RECONCILE, publisher

CONVERGED_WITHIN_SECONDS = 45.0
"""The stated time: a lost lease, a wake put off for another, a window, the longest backoff, with room for a slow day."""
_REACHED_WITHIN_SECONDS = 90.0
_MISSED_AFTER_SECONDS = 5.0
"""A record that has been at rest for so long has passed the point where it was to crash: another process took that step."""
_EDIT_AFTER_SECONDS = 0.5
_TICK_WITHIN_SECONDS = 2.0
_STILL_SECONDS = 1.5
_POLL_SECONDS = 0.1
_FOUND = ("reconcile", "drain", "confirm")
"""What begins with a tick that finds a record, as none was woken."""


class Batch:
    """One batch on a stage whose earlier batches are at rest."""

    def __init__(self, stage: Stage, cases: Iterable[Case]) -> None:
        self._stage = stage
        self._sandbox = stage.stack.sandbox
        self._subjects = [_subject(case) for case in cases]
        self._to_write = [each for each in self._subjects if each.case.phase not in ("save", *_FOUND)]
        self._to_find = [each for each in self._subjects if each.case.phase in _FOUND]
        self._writers: Process | None = None
        self._healed = False
        of_worker = next((each.case.action for each in self._subjects if each.case.action.of_worker), None)
        self._fall = Fall(stage, of_worker) if of_worker else None

    def run(self) -> list[Result]:
        """Crash, wait for rest, judge."""
        self._prepare()
        self._see_through()
        self._rest(self._subjects)
        if self._writers is not None:
            self._writers.kill()
        return judge(self._subjects, self._sandbox)

    # -- before the crashes ---------------------------------------------------------------

    def _prepare(self) -> None:
        self._stage.orders.clear()
        existing = [each for each in self._subjects if each.case.operation != "add"]
        for each in existing:
            writes.insist(partial(current_use().write, "add", each.word, BEFORE))
        self._rest(existing)
        if self._fall is not None:
            self._fall.prepare()
        self._break_target()
        for each in self._subjects:
            self._stage.orders.place(each.key, each.case.order)

    def _break_target(self) -> None:
        faults = {each.case.fault for each in self._faulty()}
        if not faults:
            self._healed = True
            return
        (fault,) = faults
        external_ids = [each.external_ids[each.key] for each in self._faulty()]
        current_use().aim(self._sandbox, fault, external_ids, late_seconds=LATE_SECONDS)

    def _faulty(self) -> list[Subject]:
        return [each for each in self._subjects if each.case.fault]

    # -- while they crash -----------------------------------------------------------------

    def _see_through(self) -> None:
        frozen = sum(each.case.action is Action.FREEZE and each.case.transaction_is_open for each in self._subjects)
        patience = _REACHED_WITHIN_SECONDS + FROZEN_SECONDS * frozen * self._stage.one_writer
        patience += _TICK_WITHIN_SECONDS * len(self._to_find)
        deadline = time.monotonic() + patience
        self._start_writers()
        while time.monotonic() < deadline and not self._is_over():
            self._write()
            self._tick()
            self._note_hits()
            self._note_moving(self._subjects)
            self._heal()
            self._thaw()
            self._edit_meanwhile()
            if self._fall is not None and all(each.hit for each in self._subjects):
                self._fall.go_on()
            self._stage.stack.require_alive()
            time.sleep(_POLL_SECONDS)
        self._stage.orders.withdraw()
        self._sandbox.heal()
        self._stage.orders.release()
        self._stage.both_workers()

    def _is_over(self) -> bool:
        crashed = all(
            each.hit and (each.thawed or each.case.action is not Action.FREEZE)
            for each in self._subjects
            if not _is_missed(each)
        )
        return crashed and self._healed and (self._fall is None or self._fall.over)

    def _note_hits(self) -> None:
        hits = self._stage.orders.hits()
        for each in self._subjects:
            if each.hit is None and each.key in hits:
                each.hit, each.hit_at = hits[each.key], time.monotonic()

    def _heal(self) -> None:
        if self._healed:
            return
        doubtful = set(Record.objects.filter(unknown_until__isnull=False).values_list("key", flat=True))
        if all(each.hit or (each.case.reads and each.key in doubtful) for each in self._faulty()):
            self._sandbox.heal()
            self._healed = True

    def _edit_meanwhile(self) -> None:
        """Edit the objects of those who are frozen, unless one of these has the database in their hands."""
        for each in self._subjects:
            if each.hit is None or not each.case.edited_while_frozen or each.edited or each.thawed:
                continue
            if time.monotonic() > each.hit_at + _EDIT_AFTER_SECONDS:
                each.edited = writes.attempted(partial(current_use().write, "update", each.word, WHILE_FROZEN))
                if not each.edited:
                    return

    def _thaw(self) -> None:
        """Let frozen processes go on when their leases are over; again and again, since threads of one process stop it one by one."""
        frozen = [(each.hit, each) for each in self._subjects if each.hit and each.case.action is Action.FREEZE]
        since: dict[int, float] = {}
        for hit, each in frozen:
            since[hit.pid] = max(since.get(hit.pid, 0.0), each.hit_at)
        for hit, each in frozen:
            if time.monotonic() > since[hit.pid] + FROZEN_SECONDS:
                with suppress(ProcessLookupError):
                    os.kill(hit.pid, signal.SIGCONT)
                each.thawed = True

    def _start_writers(self) -> None:
        saves = [each for each in self._subjects if each.case.phase == "save"]
        if saves:
            self._writers = self._stage.writers((each.case.operation, each.word, each.case.record) for each in saves)
            self._writers.start()
        for each in saves:
            each.written_at = time.monotonic()

    def _write(self) -> None:
        while self._to_write:
            each = self._to_write[-1]
            each.written_at = time.monotonic()
            if not writes.attempted(partial(current_use().write, each.case.operation, each.word)):
                return
            self._to_write.pop()

    def _tick(self) -> None:
        """Let a tick find the records one after the other: one that crashes puts off whatever else it selected."""
        begun = [each for each in self._subjects if each.case.phase in _FOUND and each.written_at]
        if begun and not begun[-1].hit:
            if time.monotonic() < begun[-1].found_at + _TICK_WITHIN_SECONDS:
                return
            # A tick that had begun before found it, and went on unharmed: owe it once more.
            if not writes.attempted(partial(store.repair, [begun[-1].key])):
                return
        elif len(begun) < len(self._to_find):
            begun.append(self._to_find[len(begun)])
            # Whoever has the database in their hands may be frozen, and is to be thawed here.
            write = writes.write_in_question if begun[-1].case.phase == "confirm" else current_use().write_silently
            if not writes.attempted(partial(write, begun[-1].case.operation, begun[-1].word)):
                return
            begun[-1].written_at = time.monotonic()
        else:
            return
        begun[-1].found_at = time.monotonic()
        publisher().publish(RECONCILE, [])

    # -- after the crashes ----------------------------------------------------------------

    def _rest(self, subjects: Sequence[Subject]) -> None:
        """Wait until these are at rest and stay so for a while, or the stated time is over."""
        deadline = time.monotonic() + CONVERGED_WITHIN_SECONDS
        moved_at = time.monotonic()
        while time.monotonic() < min(deadline, moved_at + _STILL_SECONDS):
            self._note_hits()
            self._thaw()
            stats = self._sandbox.stats()
            if self._note_moving(subjects) or stats["in_flight"] or stats["late"]["pending"]:
                moved_at = time.monotonic()
            time.sleep(_POLL_SECONDS)

    def _note_moving(self, subjects: Sequence[Subject]) -> bool:
        """Whether any is not at rest now."""
        keys = {key: each for each in subjects for key in each.external_ids}
        moving = Record.objects.filter(key__in=keys).exclude(state__in=(*AT_REST, State.PARKED))
        found = list(moving.values_list("key", flat=True))
        for key in found:
            keys[key].moved_at = time.monotonic()
        return bool(found)


def _is_missed(each: Subject) -> bool:
    if each.hit is not None or each.case.phase in _FOUND or not each.written_at:
        return False
    return time.monotonic() > max(each.written_at, each.moved_at) + _MISSED_AFTER_SECONDS


def _subject(case: Case) -> Subject:
    word = current_use().new()
    return Subject(case, word, current_use().key(word, case.record), current_use().external_ids(word))
