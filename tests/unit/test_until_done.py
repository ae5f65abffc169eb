"""The one loop over steps for a record: how it goes on, and why it ends."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from thirdparty.run import until_done
from thirdparty.run.until_done import STEPS_AT_MOST, Course, Ending, push_until_done


class Steps:
    """What each step comes to, in turn; and what was asked, noted and woken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *results: Any) -> None:
        self.results = list(results)
        self.asked: list[dict[str, Any]] = []
        self.woken: list[Any] = []
        monkeypatch.setattr(until_done, "push", self.push)
        monkeypatch.setattr(until_done.hints, "wake_key_waiter", self.woken.append)

    def push(self, target: str, key: str, **options: Any) -> Any:
        assert (target, key) == ("partner", "k")
        self.asked.append(options)
        return self.results.pop(0)


def step(*, again: bool = False, lost: bool = False) -> Any:
    return SimpleNamespace(row=None if lost else object(), again=again)


def test_steps_are_taken_while_more_is_to_be_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = step(again=True), step()
    steps = Steps(monkeypatch, first, second)
    noted: list[Any] = []
    assert push_until_done("partner", "k", noted=noted.append) == Course(Ending.DONE, second)
    assert noted == [first, second]
    assert steps.woken == [first.row, second.row]


def test_only_the_first_step_may_come_before_its_record_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    steps = Steps(monkeypatch, step(again=True), step())
    push_until_done("partner", "k", expected_due_at=moment, strict="token")
    assert steps.asked == [
        {"expected_due_at": moment, "strict": "token"},
        {"expected_due_at": None, "strict": "token"},
    ]


def test_where_no_step_can_be_taken_the_last_one_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    Steps(monkeypatch, None)
    assert push_until_done("partner", "k") == Course(Ending.NOT_OURS)
    first = step(again=True)
    Steps(monkeypatch, first, None)
    assert push_until_done("partner", "k") == Course(Ending.NOT_OURS, first)


def test_a_step_whose_lease_was_lost_is_the_last_and_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = step(lost=True)
    steps = Steps(monkeypatch, lost)
    noted: list[Any] = []
    course = push_until_done("partner", "k", noted=noted.append)
    assert (course, course.row) == (Course(Ending.LEASE_LOST, lost), None)
    assert (noted, steps.woken) == ([lost], [])


def test_a_record_that_goes_on_wanting_steps_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch, *[step(again=True) for _ in range(STEPS_AT_MOST + 1)])
    assert push_until_done("partner", "k").ending is Ending.CUT_SHORT
    assert len(steps.asked) == STEPS_AT_MOST


def test_the_caller_may_say_what_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    Steps(monkeypatch, step(), step(again=True))
    course = push_until_done("partner", "k", goes_on=lambda pushed: not pushed.again)
    assert (course.ending, course.last.again if course.last else None) == (Ending.DONE, True)
