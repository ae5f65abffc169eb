"""How many hints were sent and refused, by all processes: a save counts in memory, and the database is told when nobody waits."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from syncproject.celery import app
from syncproject.demo.process import Process
from thirdparty.models import HintTotal
from thirdparty.notify import hint_totals, hints
from thirdparty.notify.broker import NoPublisher, publisher
from thirdparty.notify.hint_totals import HintTotals
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, use: Callable[[str], None]) -> None:
    """Those made from now on, and a publisher that is made from now on.

    A publisher of an earlier test, whose broker is gone, goes on probing, and keeps what it has counted to itself.
    """
    monkeypatch.setattr(hint_totals, "EVERY_SECONDS", 0.0)
    use(app.conf.broker_write_url)


def publishing_ends() -> None:
    # One that ends may have been followed by another.
    while publishing := [thread for thread in threading.enumerate() if thread.name == "publish"]:
        for thread in publishing:
            thread.join()


def stored() -> dict[tuple[str, str], int]:
    return {(total.task, total.outcome): total.count for total in HintTotal.objects.all()}


def in_its_thread(deed: Callable[[], object]) -> None:
    thread = threading.Thread(target=deed)
    thread.start()
    thread.join()


def all_is_stored() -> None:
    """Whoever publishes has ended, and the next one would store what was counted meanwhile."""
    publishing_ends()
    in_its_thread(publisher().totals.store)


def metrics() -> list[str]:
    return Client().get("/metrics").content.decode().splitlines()


def test_a_hint_that_the_broker_took_is_sent(broker: Process) -> None:
    hints.push_record("partner", "partner:users.user:1")
    hints.start_drain("partner")
    all_is_stored()
    assert stored() == {("push", "sent"): 1, ("drain", "sent"): 1}
    assert 'usersync_hints_total{outcome="sent",task="push"} 1.0' in metrics()


def test_a_hint_that_no_broker_took_is_refused_and_so_are_those_while_it_is_down(use: Callable[[str], None]) -> None:
    use("redis://127.0.0.1:1/0")
    for _ in range(3):
        hints.push_record("partner", "partner:users.user:1")
    assert publisher().down
    all_is_stored()
    assert stored() == {("push", "refused"): 3}
    assert 'usersync_hints_total{outcome="refused",task="push"} 3.0' in metrics()


def test_where_nothing_publishes_nothing_is_refused() -> None:
    assert not NoPublisher().publish(hints.PUSH, [])
    assert stored() == {}


def test_the_counts_of_several_processes_add_up() -> None:
    for _ in range(3):
        of_one = HintTotals()
        for sent in (True, True, False):
            of_one.count("thirdparty.push", sent=sent)
        in_its_thread(of_one.store)
        in_its_thread(of_one.store)
    assert stored() == {("push", "sent"): 6, ("push", "refused"): 3}


def test_a_save_writes_nothing_more_for_it(broker: Process) -> None:
    with CaptureQueriesContext(connection) as queries:
        User.objects.create_user(name="Ada", phone="1")
    all_is_stored()
    assert stored() == {("push", "sent"): 1}
    assert [query["sql"] for query in queries if "hinttotal" in query["sql"]] == []


def test_a_save_waits_for_no_count(broker: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, goes_on = threading.Event(), threading.Event()

    def store(_: HintTotals) -> None:
        stuck.set()
        goes_on.wait(60)

    monkeypatch.setattr(HintTotals, "store", store)
    assert hints.push_record("partner", "partner:users.user:1")
    assert stuck.wait(60)
    goes_on.set()


def test_who_publishes_stores_what_was_counted_before(broker: Process) -> None:
    hints.push_record("partner", "partner:users.user:1")
    hints.push_record("partner", "partner:users.user:2")
    publishing_ends()
    assert stored()["push", "sent"] >= 1


def test_while_the_broker_is_down_the_probe_stores_them(
    use: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thirdparty.notify.broker._PROBE_EVERY_SECONDS", 0.01)
    is_stored, found = threading.Event(), dict[tuple[str, str], int]()
    store = HintTotals.store

    def told(totals: HintTotals) -> None:
        if threading.current_thread().name == "broker-probe" and not is_stored.is_set():
            store(totals)
            found.update(stored())
            connection.close()
            if found:
                is_stored.set()

    monkeypatch.setattr(HintTotals, "store", told)
    use("redis://127.0.0.1:1/0")
    hints.push_record("partner", "partner:users.user:1")
    assert is_stored.wait(60)
    assert found == {("push", "refused"): 1}


def test_what_the_database_does_not_take_is_added_later(monkeypatch: pytest.MonkeyPatch) -> None:
    totals = HintTotals()
    totals.count("thirdparty.push", sent=True)

    def fails(_: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as broken:
        broken.setattr(hint_totals, "_add", fails)
        in_its_thread(totals.store)
    assert stored() == {}
    in_its_thread(totals.store)
    assert stored() == {("push", "sent"): 1}


def test_they_are_stored_once_a_minute_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hint_totals, "EVERY_SECONDS", 60.0)
    totals = HintTotals()
    totals.count("thirdparty.push", sent=True)
    in_its_thread(totals.store)
    assert stored() == {}
    monkeypatch.setattr(totals, "_stored_at", totals._stored_at - 61)
    in_its_thread(totals.store)
    assert stored() == {("push", "sent"): 1}
