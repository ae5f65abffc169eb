"""Steps for one record until there is nothing more to do at once: the one loop of worker, waiting write, strict write and command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from thirdparty import traces
from thirdparty.models import Record
from thirdparty.notify import hints
from thirdparty.run.push import Pushed, push

STEPS_AT_MOST = 10
"""A record that wants more steps at once is looked at later, so that others get their turn."""


class Ending(StrEnum):
    """Why no further step was taken."""

    DONE = "done"
    NOT_OURS = "not_ours"
    """Nothing is due, the target is closed, or somebody else is at it: no step could be taken."""
    LEASE_LOST = "lease_lost"
    CUT_SHORT = "cut_short"
    """More is to be done at once, after so many steps."""


@dataclass(frozen=True, slots=True)
class Course:
    """What came of it. ``last``: the last step that was taken; None where there was none."""

    ending: Ending
    last: Pushed | None = None

    @property
    def row(self) -> Record | None:
        """The record after the last step; None where there was none, or its lease was lost."""
        return self.last.row if self.last is not None else None


def push_until_done(  # noqa: PLR0913  # what the callers differ in
    target: str,
    key: str,
    *,
    expected_due_at: datetime | None = None,
    strict: str | None = None,
    goes_on: Callable[[Pushed], bool] = lambda pushed: pushed.again,
    noted: Callable[[Pushed], None] = lambda _: None,
) -> Course:
    """Take steps as long as each of them ``goes_on``: as a rule while more is to be done at once.

    ``expected_due_at`` (of the first step) and ``strict``: see `thirdparty.run.push.push`, which raises nothing for what target or record do.
    ``noted`` is told of each step. Whoever waits for the natural key that a step has freed is woken.
    """
    with traces.span("thirdparty.push", {traces.TARGET: target, "thirdparty.strict": strict is not None}) as span:
        course = _course(target, key, expected_due_at, strict, goes_on, noted)
        span.note({"thirdparty.ending": course.ending.value})
    return course


def _course(  # noqa: PLR0913, PLR0917  # those of `push_until_done`
    target: str,
    key: str,
    expected_due_at: datetime | None,
    strict: str | None,
    goes_on: Callable[[Pushed], bool],
    noted: Callable[[Pushed], None],
) -> Course:
    last: Pushed | None = None
    for _ in range(STEPS_AT_MOST):
        pushed = push(target, key, expected_due_at=expected_due_at, strict=strict)
        if pushed is None:
            return Course(Ending.NOT_OURS, last)
        noted(pushed)
        if pushed.row is None:
            return Course(Ending.LEASE_LOST, pushed)
        hints.wake_key_waiter(pushed.row)
        if not goes_on(pushed):
            return Course(Ending.DONE, pushed)
        last, expected_due_at = pushed, None
    return Course(Ending.CUT_SHORT, last)
