"""Puts the crash points into this process: wraps the product's functions, each at the step that it stands for."""

from __future__ import annotations

import functools
import os
import select
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery.signals import task_postrun
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from tests.chaos.crash.order import Orders
from thirdparty import store, tasks
from thirdparty.connectors.errors import TargetError
from thirdparty.connectors.http import connection
from thirdparty.connectors.http.session import HttpSession
from thirdparty.decide.result import FinishedStep
from thirdparty.models import Record
from thirdparty.notify import hints
from thirdparty.notify.broker import Publisher
from thirdparty.run import calling, reconcile
from thirdparty.store import settling

FOLDER = "CRASH_FOLDER"
"""The environment variable that names the folder of the orders."""
_ANSWER_SECONDS = 0.5


class _Step(threading.local):
    """What this thread is at: the record, and the phase of the step for it."""

    key: str = ""
    phase: str = ""


@dataclass(slots=True)
class _Task:
    """What this process is at: a worker's child runs one task at a time. ``settled``: keys, with their
    phases and calls. ``calls``: the last of each record. ``found``: by the reconciler.
    """

    drains: bool = False
    settled: list[tuple[str, str, str]] = field(default_factory=list)
    phases: dict[str, str] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)


class Points:
    """The crash points of one process; ``reached`` is for its own code, `install` for the product's."""

    def __init__(self) -> None:
        self._orders = Orders(Path(os.environ[FOLDER]))
        self._step = _Step()
        self._task = _Task()

    def reached(self, key: str, phase: str, place: str, call: str | None = None) -> None:
        """Crash here, if so ordered. A step of a drain counts as any push does. ``call``: of the step; as a rule the record's last."""
        call = self._task.calls.get(key, "") if call is None else call
        self._orders.obey(key, phase, place, call)
        if phase == "drain":
            self._orders.obey(key, "push", place, call)

    def install_in_writer(self, key: str) -> None:
        """The points of a save, between the commit and the end of the publishing."""
        around(
            BaseDatabaseWrapper, "run_and_clear_commit_hooks", before=lambda _: self.reached(key, "save", "committed")
        )
        around(
            Publisher,
            "publish",
            before=lambda _: self.reached(key, "save", "unpublished"),
            after=lambda _: self.reached(key, "save", "published"),
        )

    def install_in_worker(self) -> None:
        """The points of a step for one record, of a drain's steps, and of the reconciler's tick."""
        around(tasks, "drain", before=self._drains)
        around(store, "claim", before=self._claims)
        around(store, "claim_due", before=self._claims_due)
        around(store, "open_attempts", after=self._opened)
        around(calling, "call_target", before=self._asks)
        around(HttpSession, "send", before=self._here("unsent"), after=self._here("answered"))
        around(connection._Connection, "receive", before=self._written)
        around(store, "settle", before=self._of_each("unsettled"), after=self._settled)
        around(settling, "close_attempts", after=self._of_each("settling"))
        task_postrun.connect(self._unacknowledged, weak=False)
        around(reconcile, "drains_needed", before=self._unselected, after=self._selected)
        around(hints, "start_drain", after=self._published)

    def _here(self, place: str) -> Callable[[tuple[Any, ...]], None]:
        def reached(_: tuple[Any, ...]) -> None:
            if self._step.phase:
                self.reached(self._step.key, self._step.phase, place)

        return reached

    def _drains(self, _: tuple[Any, ...]) -> None:
        self._task.drains = True

    def _claims(self, arguments: tuple[Any, ...]) -> None:
        (key,) = arguments[0]
        self.reached(key, "push", "unclaimed")

    def _claims_due(self, _: tuple[Any, ...]) -> None:
        for key in self._due("drain", "unclaimed"):
            self.reached(key, "drain", "unclaimed")

    def _due(self, phase: str, place: str) -> list[str]:
        """The records with such an order that a look for due ones is about to find: only those count."""
        pending = list(self._orders.pending(phase, place))
        due = Record.objects.filter(key__in=pending, due_at__lte=timezone.now(), lease_token=None)
        return list(due.values_list("key", flat=True)) if pending else []

    def _opened(self, arguments: tuple[Any, ...]) -> None:
        (calls,) = arguments
        writes = "drain" if self._task.drains else "push"
        for lease, call in calls:
            self._task.phases[lease.key] = writes if call.writes else str(call)
            self._task.calls[lease.key] = str(call)
        for lease, _ in calls:
            self.reached(lease.key, self._task.phases[lease.key], "claiming")

    def _asks(self, arguments: tuple[Any, ...]) -> None:
        (step,) = arguments
        self._step.key, self._step.phase = step.lease.key, self._task.phases[step.lease.key]
        self._here("claimed")(arguments)

    def _written(self, arguments: tuple[Any, ...]) -> None:
        # Until something can be read, be it the end: whatever the target does at once, it has done by then.
        select.select([arguments[0].sock], [], [], _ANSWER_SECONDS)
        self._here("written")(arguments)

    def _of_each(self, place: str) -> Callable[[tuple[Any, ...]], None]:
        def reached(arguments: tuple[Any, ...]) -> None:
            ended: Sequence[FinishedStep] = arguments[0]
            for each in ended:
                self.reached(each.lease.key, self._task.phases[each.lease.key], place)

        return reached

    def _settled(self, arguments: tuple[Any, ...]) -> None:
        task = self._task
        task.settled += [(each.lease.key, task.phases[each.lease.key], each.call) for each in arguments[0]]
        self._of_each("settled")(arguments)

    def _unacknowledged(self, **_: Any) -> None:
        task, self._task = self._task, _Task()
        for key, phase, call in task.settled:
            self.reached(key, phase, "unacknowledged", call)

    def _unselected(self, _: tuple[Any, ...]) -> None:
        for key in self._due("reconcile", "unselected"):
            self.reached(key, "reconcile", "unselected")

    def _selected(self, _: tuple[Any, ...]) -> None:
        for key in self._due("reconcile", "selected"):
            self.reached(key, "reconcile", "selected")
        self._task.found = self._due("reconcile", "published")

    def _published(self, _: tuple[Any, ...]) -> None:
        for key in self._task.found:
            self.reached(key, "reconcile", "published")


def around(
    owner: Any,
    name: str,
    *,
    before: Callable[[tuple[Any, ...]], None] | None = None,
    after: Callable[[tuple[Any, ...]], None] | None = None,
) -> None:
    """Replace a function by one that calls these, too, with its positional arguments.

    ``after`` is called when the function returns, and when the target is why it does not.
    """
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if before is not None:
            before(arguments)
        failure = result = None
        try:
            result = original(*arguments, **options)
        except TargetError as error:
            failure = error
        if after is not None:
            after(arguments)
        if failure is not None:
            raise failure
        return result

    setattr(owner, name, wrapped)
