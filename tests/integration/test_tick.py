"""Ticks of the reconciler: noted by the database's clock, never piled up, alarmed when they stay away; and nobody's
trouble keeps another target from being woken."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from syncproject.celery import app
from tests.integration.conftest import row_of
from tests.integration.own_broker import queued
from thirdparty import targets, tasks
from thirdparty.models import Record, Target, Tick
from thirdparty.notify import hints
from thirdparty.observe.status import status
from thirdparty.run import tick
from thirdparty.run.drain import Drained, drain
from thirdparty.run.slots import slot
from thirdparty.sandbox.client import SandboxControl
from thirdparty.settings import settings as engine
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

PERIOD = timedelta(seconds=30)


@pytest.fixture(autouse=True)
def _rows(settings: Any, at_work: None) -> None:
    settings.SYNC_RECONCILE_EVERY_SECONDS = PERIOD.total_seconds()
    targets.publish_rows()


def test_of_ticks_that_waited_together_one_runs(capsys: Any) -> None:
    answers = [tasks.reconcile_tick() for _ in range(5)]
    assert answers[1:] == ["another tick has just begun"] * 4


def test_one_that_somebody_asked_for_runs_all_the_same() -> None:
    tasks.reconcile_tick()
    assert tasks.reconcile_tick(asked=True) != "another tick has just begun"


def test_the_next_period_has_its_tick_also_if_beat_is_a_little_early() -> None:
    tick.begin()
    Tick.objects.update(at=timezone.now() - PERIOD * 0.9)
    assert tick.begin()


def test_a_tick_of_the_future_is_of_a_clock_that_was_set_back_and_keeps_nobody() -> None:
    tick.begin()
    Tick.objects.update(at=timezone.now() + timedelta(hours=1))
    assert tick.begin()
    at = Tick.objects.get().at
    assert at is not None
    assert at <= timezone.now() + timedelta(seconds=1)


@pytest.mark.parametrize("passed", [timedelta(seconds=301), timedelta(days=2), -timedelta(hours=1)])
def test_no_tick_for_long_is_not_healthy(passed: timedelta) -> None:
    tick.begin()
    assert status().healthy is True
    Tick.objects.update(at=timezone.now() - passed)
    assert (status().healthy, status().reconciler.late) == (False, True)


def test_a_worker_that_never_sees_a_tick_is_not_healthy() -> None:
    assert status().reconciler.at is None
    tick.expect()
    assert status().healthy is True
    Tick.objects.update(expected_since=timezone.now() - timedelta(minutes=6))
    assert status().healthy is False
    assert tick.begin()
    assert status().healthy is True


def test_where_ticks_are_rare_ten_of_them_may_stay_away(settings: Any) -> None:
    settings.SYNC_RECONCILE_EVERY_SECONDS = 600.0
    tick.begin()
    Tick.objects.update(at=timezone.now() - timedelta(seconds=5_000))
    assert status().healthy is True


def test_command_and_metrics_show_the_last_tick(capsys: Any, client: Any) -> None:
    tick.begin()
    Tick.objects.update(at=timezone.now() - timedelta(hours=1))
    call_command("sync", "status", "--json")
    assert json.loads(capsys.readouterr().out)["reconciler"]["late"] is True
    call_command("sync", "status")
    assert "The reconciler has not ticked for 60 minutes" in capsys.readouterr().out
    assert "usersync_ticks_late 1.0" in client.get("/metrics").content.decode()


def test_no_message_expires_by_a_workers_clock(broker: Any) -> None:
    User.objects.create(name="x")
    hints.drain("partner")
    hints.start_drain("partner")
    assert [message["headers"]["expires"] for message in queued(broker)] == [None] * 3
    app.finalize()  # as worker and beat do
    assert app.conf.beat_schedule["thirdparty.reconcile"]["options"] == {"queue": engine.SYNC_QUEUE}


# -- one target's trouble ------------------------------------------------------------------------


@pytest.fixture
def hanging() -> Iterator[Callable[[], int]]:
    """A server that takes requests and never answers; called, it says how many have come."""
    came, end = threading.Semaphore(0), threading.Event()
    counted: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            counted.append(1)
            came.release()
            end.wait(20)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def port() -> int:
            return server.server_address[1]

        port.counted = counted  # type: ignore[attr-defined]  # for the test to read
        yield port
        end.set()
        server.shutdown()


def test_probes_that_hang_delay_nobodys_wake(
    sandbox: SandboxControl, settings: Any, hanging: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = turned_away(settings, hanging(), timeout_seconds=0.5)
    User.objects.create(name="x")
    probes_when_woken: dict[str, int] = {}

    def woken(target: str, **_: Any) -> bool:
        probes_when_woken.setdefault(target, len(hanging.counted))  # type: ignore[attr-defined]  # as above
        return True

    monkeypatch.setattr(hints, "start_drain", woken)
    tasks.run_reconcile()
    assert probes_when_woken == {"partner": 0}
    assert len(hanging.counted) == 3  # type: ignore[attr-defined]  # as above
    assert set(Target.objects.filter(paused=True).values_list("name", flat=True)) == stuck


def test_probes_run_at_the_same_time(sandbox: SandboxControl, settings: Any) -> None:
    """Here by a server that answers none of three before all have come."""
    together, met = threading.Barrier(3), threading.Semaphore(0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with suppress(threading.BrokenBarrierError):
                together.wait(20)
                met.release()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        turned_away(settings, server.server_address[1], timeout_seconds=20.0)
        tasks.run_reconcile()
        server.shutdown()
    assert [met.acquire(blocking=False) for _ in range(3)] == [True] * 3


def turned_away(settings: Any, port: int, *, timeout_seconds: float) -> set[str]:
    """Three more targets, at this server, that the guard has paused."""
    partner = settings.SYNC_TARGETS["partner"]
    base_url = f"http://127.0.0.1:{port}"
    three = {
        name: replace(partner, name=name, base_url=base_url, timeout_seconds=timeout_seconds)
        for name in ("a", "b", "c")
    }
    settings.SYNC_TARGETS = {**three, "partner": partner}
    targets.publish_rows()
    Target.objects.filter(name__in=three).update(paused=True, paused_by_guard=True, paused_reason="turned away")
    return set(three)


def test_a_target_that_answers_its_probe_is_woken(sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[str] = []
    Target.objects.update(paused=True, paused_by_guard=True)
    monkeypatch.setattr(hints, "start_drain", lambda target, **_: woken.append(target) or True)
    tasks.run_reconcile()
    assert not Target.objects.get().paused
    assert woken == ["partner"]


def test_what_catching_up_has_found_is_woken_in_the_same_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.create(name="x")
    Record.objects.all().delete()
    woken: list[str] = []
    monkeypatch.setattr(hints, "start_drain", lambda target, **_: woken.append(target) or True)

    tasks.run_reconcile()

    assert Record.objects.count() == 1
    assert woken == ["partner"]


def test_what_fails_for_one_target_is_done_for_the_others(
    sandbox: SandboxControl, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SYNC_TARGETS = {"a": replace(settings.SYNC_TARGETS["partner"], name="a"), **settings.SYNC_TARGETS}
    targets.publish_rows()
    user = User.objects.create(name="x")
    Record.objects.all().delete()
    go_on = tasks.catch_up.go_on

    def caught_up(target: str) -> int:
        if target == "a":
            raise RuntimeError("its row is locked")
        return go_on(target)

    monkeypatch.setattr(tasks.catch_up, "go_on", caught_up)
    tasks.run_reconcile()
    assert list(Record.objects.values_list("target", "object_id")) == [("partner", user.uuid.hex)]


def test_a_drain_that_was_not_let_in_leaves_everything_to_the_one_that_was(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = User.objects.create(name="x")
    taken = partial(slot, targets=len(targets.names()), is_helper=True)
    monkeypatch.setattr(
        "thirdparty.run.drain.slot", lambda name, **_: taken(name)
    )  # a worker of one has none left over
    assert drain("partner") == Drained(0, unfinished=False, look_in_seconds=None)
    assert row_of(user).state == "pending"


def test_what_became_due_as_a_drain_ended_is_not_left_to_the_next_tick(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = slot

    @contextmanager
    def ends_late(name: str, **options: Any) -> Iterator[bool]:
        with held(name, **options) as may:
            yield may
            User.objects.bulk_create([User(name="x", phone="2")])  # its hint finds the slot taken

    monkeypatch.setattr("thirdparty.run.drain.slot", ends_late)
    assert drain("partner").unfinished


def test_what_may_not_be_pushed_since_others_push_is_left_to_a_drain(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = User.objects.create(name="x")
    woken: list[str] = []
    monkeypatch.setattr(hints, "start_drain", lambda target, **_: woken.append(target) or True)

    @contextmanager
    def taken(*_: Any, **__: Any) -> Iterator[bool]:
        yield False

    monkeypatch.setattr(tasks.slots, "slot_to_push", taken)

    assert tasks.push_record("partner", row_of(user).key) == "left to a drain"
    assert woken == ["partner"]
    assert row_of(user).state == "pending"
