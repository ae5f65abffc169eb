"""Beat after its clock was set back: the next tick comes one period later, not when the clock has caught up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery

from thirdparty.beat import ClockWaryScheduler

PERIOD_SECONDS = 30.0
PERIOD = timedelta(seconds=PERIOD_SECONDS)
SET_BACK = timedelta(hours=1)


class Clock:
    """What Celery takes for the time, set by hand."""

    def __init__(self) -> None:
        self.shown = datetime(2026, 1, 1, tzinfo=UTC)

    def pass_(self, passed: timedelta) -> None:
        """Forward, or back."""
        self.shown += passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(Celery, "now", lambda _app: clock.shown)
    return clock


@pytest.fixture
def app(clock: Clock) -> Celery:
    app = Celery("beat", broker="memory://", set_as_current=False)
    app.conf.result_expires = None  # or Celery adds an entry of its own
    app.conf.beat_schedule = {"reconcile": {"task": "thirdparty.reconcile", "schedule": PERIOD_SECONDS}}
    return app


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(ClockWaryScheduler, "producer", None)  # no broker is spoken to
    names: list[str] = []
    monkeypatch.setattr(ClockWaryScheduler, "apply_async", lambda _self, entry, **_: names.append(entry.task))
    return names


@pytest.fixture
def scheduler(app: Celery, sent: list[str], tmp_path: Path) -> Iterator[ClockWaryScheduler]:
    scheduler = begun(app, tmp_path)
    yield scheduler
    scheduler.close()


def begun(app: Celery, folder: Path) -> ClockWaryScheduler:
    return ClockWaryScheduler(app=app, schedule_filename=str(folder / "schedule"), lazy=False)


def run_what_is_due(scheduler: ClockWaryScheduler) -> float:
    while not (seconds := scheduler.tick()):
        pass
    return seconds


def test_it_ticks_once_a_period(clock: Clock, scheduler: ClockWaryScheduler, sent: list[str]) -> None:
    for _ in range(3):
        clock.pass_(PERIOD)
        run_what_is_due(scheduler)
    assert sent == ["thirdparty.reconcile"] * 3


def test_set_back_by_an_hour_it_ticks_within_a_period(
    clock: Clock, scheduler: ClockWaryScheduler, sent: list[str]
) -> None:
    clock.pass_(PERIOD)
    run_what_is_due(scheduler)
    clock.pass_(-SET_BACK)
    assert run_what_is_due(scheduler) <= PERIOD_SECONDS
    clock.pass_(PERIOD)
    run_what_is_due(scheduler)
    assert sent == ["thirdparty.reconcile"] * 2


def test_so_does_one_that_is_started_after_that(clock: Clock, app: Celery, sent: list[str], tmp_path: Path) -> None:
    before = begun(app, tmp_path)
    clock.pass_(PERIOD)
    run_what_is_due(before)
    before.close()
    clock.pass_(-SET_BACK)
    after = begun(app, tmp_path)
    assert run_what_is_due(after) <= PERIOD_SECONDS
    clock.pass_(PERIOD)
    run_what_is_due(after)
    after.close()
    assert sent == ["thirdparty.reconcile"] * 2
