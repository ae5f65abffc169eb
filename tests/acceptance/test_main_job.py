"""The main job, with a real worker and a real beat, on every pair of database and broker."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from pytest_celery import CeleryTestSetup

from tests.acceptance.conftest import System


def test_people_saved_through_the_api_reach_the_third_party(system: System, celery_setup: CeleryTestSetup) -> None:
    assert celery_setup.ready(control=True)
    ann = system.api.create(name="张伟", phone="13800000001", email="zw@example.com")
    bob = system.api.create(name="Bob", phone="2")
    eve = system.api.create(name="Eve", phone="3")
    system.wait_level()
    system.api.edit(ann["uuid"], name="李娜")
    system.api.edit(bob["uuid"], is_active=False)
    system.api.delete(eve["uuid"])
    system.wait_level()
    system.api.edit(bob["uuid"], is_active=True)
    system.wait_level()
    assert [u["name"] for u in system.sandbox.users()] == ["李娜", "Bob"]


@pytest.fixture
def frozen_beat(system: System) -> Iterator[None]:
    """No reconciler; and long enough after earlier writes that a save's hint is for its own record alone."""
    system.stack.process["beat"].freeze()
    # No condition to wait for: the web process forgets its last second's hints by the clock alone (`throttle`).
    time.sleep(1.1)
    yield
    system.stack.process["beat"].thaw()


@pytest.mark.usefixtures("frozen_beat")
def test_the_save_wakes_the_worker_without_waiting_for_the_reconciler(
    system: System, celery_setup: CeleryTestSetup
) -> None:
    system.api.create(name="Woken", phone="4")
    system.wait_level()


@pytest.mark.usefixtures("frozen_beat")
def test_a_transient_failure_is_retried_by_its_task_with_a_growing_backoff(
    system: System, celery_setup: CeleryTestSetup
) -> None:
    system.sandbox.faults(rates={"503": 1})
    user = system.api.create(name="Patient", phone="5")
    system.wait(lambda: system.api.explain(user["uuid"])["failed_tries"] >= 3)
    explained = system.api.explain(user["uuid"])
    assert explained["state"] in ("pending", "in_flight")
    # The newest may be under way.
    ended = [attempt for attempt in explained["attempts"] if attempt["finished_at"]]
    assert {attempt["reason"] for attempt in ended} == {"http_503"}
    assert celery_setup.worker.logs().count("Retry in") >= 3
    system.sandbox.heal()
    system.wait_level()


def test_what_only_the_database_knows_of_is_found_by_the_reconciler(system: System) -> None:
    user = system.api.create(name="Written", phone="6")
    system.wait_level()
    code = "from users.models import User; User.objects.filter(phone='6').update(name='By SQL')"
    system.stack.manage("shell", "--verbosity", "0", "--command", code)
    system.wait_level()
    assert system.api.explain(user["uuid"])["synced_generation"] == 2


def test_a_worker_killed_in_mid_push_loses_nothing(system: System, celery_setup: CeleryTestSetup) -> None:
    system.sandbox.faults(latency_seconds=1.0)
    for number in range(6):
        system.api.create(name="Survivor", phone=f"70{number}")
    system.wait(lambda: system.sandbox.stats()["in_flight"] > 0)
    celery_setup.worker.kill()
    system.sandbox.heal()
    celery_setup.worker.restart()
    system.wait_level()


def test_a_wiped_broker_loses_nothing(system: System, celery_setup: CeleryTestSetup) -> None:
    celery_setup.worker.kill()
    for number in range(6):
        system.api.create(name="Remembered", phone=f"80{number}")
    system.wipe_broker()
    celery_setup.worker.restart()
    system.wait_level()


def test_a_broker_killed_while_edits_go_on_loses_nothing(system: System, celery_setup: CeleryTestSetup) -> None:
    if "broker" not in system.stack.process:
        pytest.skip("this broker was not started here: it is not ours to kill")
    celery_setup.broker.kill()
    for number in range(6):
        system.api.create(name="Saved all the same", phone=f"81{number}")
    celery_setup.broker.restart()
    system.wait(system.level, supervised=True)
