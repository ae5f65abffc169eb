"""Two transactions at once: whichever ends first, what is to be held differs after each only where the generation rose."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from tests.declared import random_writes
from tests.declared.conftest import Declare
from tests.declared.models import Customer, Line, Order, Product, Region, Tag
from tests.declared.random_writes import WRITES, Snapshot
from thirdparty.capture.triggers.plan import Plan

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"),
]
Act = Callable[[], object]
PAIRS = 40
"""Of writes, drawn for each declaration."""


class Transaction:
    """Some writes in a connection of their own, which wait for the word to commit. What fails is rolled back."""

    def __init__(self, act: Act) -> None:
        self._act = act
        self._pid = 0
        self.written, self._may_commit, self.ended = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_backend_pid()")
                    (self._pid,) = cursor.fetchone()
                self._act()
                self.written.set()
                self._may_commit.wait(60)
        except DatabaseError:
            pass  # a deadlock, or a row that is gone: nothing of it is written
        finally:
            connection.close()
            self.written.set()
            self.ended.set()

    def commit(self) -> None:
        self._may_commit.set()

    def reaches(self, moment: threading.Event) -> bool:
        """Whether it comes to this moment, or else waits for somebody's lock."""
        while not moment.is_set():
            with connection.cursor() as cursor:
                cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [self._pid])
                if cursor.fetchone()[0]:
                    return False
            time.sleep(0.001)
        return True


def unowed(watch: tuple[str, ...], scope: Q | None, first: Act, second: Act, *, overtakes: bool) -> list[int]:
    """The orders of which a change is not owed, when these are written at once.

    ``overtakes``: the second ends before the first, where no lock keeps it from that.
    """
    before = _snapshot(watch, scope)
    one = Transaction(first)
    one.written.wait(60)
    other = Transaction(second)
    if other.reaches(other.written) and overtakes:
        other.commit()
        turns = [other, one] if other.reaches(other.ended) else [one]
    else:
        turns = [one, other]
    lacking = []
    for turn in turns:
        turn.commit()
        turn.ended.wait(60)
        after = _snapshot(watch, scope)
        lacking += after.unowed_since(before)
        before = after
    other.ended.wait(60)
    return lacking + _snapshot(watch, scope).unowed_since(before)


def _snapshot(watch: tuple[str, ...], scope: Q | None) -> Snapshot:
    """Of one moment, whoever commits meanwhile."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return Snapshot.taken(watch, scope)


LINES_OF_SKU = Q(lines__product__sku="b")
IN_B = Q(customer__country="b")
MEETINGS: dict[str, tuple[tuple[str, ...], Q | None, Act, Act]] = {
    "an object is made while what it names changes": (
        ("customer__name",), None,
        lambda: Customer._base_manager.update(name="b"),
        lambda: Order.objects.create(customer=Customer._base_manager.first()),
    ),
    "an object is made while what it names enters the scope": (
        (), IN_B,
        lambda: Customer._base_manager.update(country="b"),
        lambda: Order.objects.create(customer=Customer._base_manager.first()),
    ),
    "an object is given what changes two steps away": (
        ("customer__region__name",), None,
        lambda: Region.objects.filter(code="1").update(name="b"),
        lambda: Order.objects.update(customer=Customer._base_manager.get(region="1")),
    ),
    "a row moves to an object while what it leads to changes": (
        ("lines__product__sku",), Q(status="b"),
        lambda: Product.objects.update(sku="b"),
        lambda: Line.objects.update(order=Order.objects.order_by("pk").last()),
    ),
    "an object and what it names enter the scope together": (
        (), IN_B & Q(status="b"),
        lambda: Customer._base_manager.update(country="b"),
        lambda: Order.objects.update(status="b"),
    ),
    "an object and a row of its enter the scope together": (
        (), LINES_OF_SKU & Q(status="b"),
        lambda: Line.objects.create(order=Order.objects.first(), product=Product.objects.create(sku="b")),
        lambda: Order.objects.update(status="b"),
    ),
    "a row is added while what it leads to enters the scope": (
        (), LINES_OF_SKU,
        lambda: Product.objects.update(sku="b"),
        lambda: Line.objects.create(order=Order.objects.last(), product=Product.objects.order_by("pk").last()),
    ),
    "a member is added while its name changes": (
        ("tags__name",), None,
        lambda: Tag.objects.update(name="b"),
        lambda: Order.objects.get(pk=Order.objects.first().pk).tags.add(Tag.objects.first()),
    ),
}  # fmt: skip


def meet(declare: Declare, name: str, *, overtakes: bool) -> list[int]:
    watch, scope, first, second = MEETINGS[name]
    declare(random_writes.declaration(watch, scope))
    random_writes.populate()
    Line.objects.create(order=Order.objects.order_by("pk").first(), product=Product.objects.first())
    Order.objects.filter(pk=Order.objects.order_by("pk").last().pk).update(status="b")
    return unowed(watch, scope, first, second, overtakes=overtakes)


@pytest.mark.parametrize("overtakes", [False, True])
@pytest.mark.parametrize("name", MEETINGS)
def test_who_links_up_while_the_other_side_changes_is_owed(declare: Declare, name: str, overtakes: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert meet(declare, name, overtakes=overtakes) == []


@pytest.mark.parametrize(
    ("lock", "name"),
    [
        ("_locks", "an object is made while what it names changes"),
        ("_locks_ahead", "a row moves to an object while what it leads to changes"),
        ("_locks_ahead", "an object is given what changes two steps away"),
        ("_owner_locks", "an object and what it names enter the scope together"),
    ],
)
def test_without_its_lock_a_change_is_owed_by_nobody(
    declare: Declare, lock: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plan, lock, lambda *_, **__: [])
    assert meet(declare, name, overtakes=True) != []


@pytest.mark.parametrize(
    ("watch", "scope"),
    [
        (("note", "customer__region__name", "lines__product__sku"), None),
        (("total", "tags__name", "lines"), IN_B),
        (("parent__note", "customer__name"), LINES_OF_SKU),
    ],
)
def test_what_is_to_be_held_differs_only_where_the_generation_rose(
    declare: Declare, watch: tuple[str, ...], scope: Q | None
) -> None:
    declare(random_writes.declaration(watch, scope))
    random_writes.populate()
    for seed in range(PAIRS):
        draw = random.Random(seed)
        if seed % 10 == 0:
            random_writes.populate()
        names = [draw.choice(list(WRITES)) for _ in range(3)]
        acts: list[Any] = [_act(name, draw.randrange(6), draw.randrange(6)) for name in names]
        acts[0]()
        overtakes = draw.random() < 0.5
        assert unowed(watch, scope, acts[1], acts[2], overtakes=overtakes) == [], f"seed {seed}: {names}, {overtakes}"


def _act(name: str, which: int, what: int) -> Act:
    return lambda: WRITES[name](which, what)
