"""Runs in the shop's own shell, behind `shop_writes`: whatever changes what a target is to hold is owed.

The judge has a mapping of its own. It prints what was changed and not owed, and what was owed for nothing that matters.
"""

import json
from typing import Any

from django.db import connection, transaction
from shop.models import Customer, Order

from thirdparty.models import Record

Held = dict[str, list[Any]]


def to_be_held() -> Held:
    """What a target is to hold now, as this judge sees it."""
    orders = Order.objects.filter(status="paid").prefetch_related("lines__product")
    return {f"shop.customer:{c.pk}": [c.name, c.email, c.phone] for c in Customer.objects.all()} | {
        f"shop.order:{o.pk}": [
            o.number,
            str(o.total),
            o.customer_id,
            sorted([line.product.sku, line.quantity] for line in o.lines.all()),
        ]
        for o in orders
    }


def generations() -> dict[str, int]:
    return {
        f"{kind}:{oid}": number for kind, oid, number in Record.objects.values_list("kind", "object_id", "generation")
    }


def look() -> tuple[Held, dict[str, int]]:
    """Both, as they were at one moment."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return to_be_held(), generations()


class Judge:
    """Compares what was seen before and after a commit."""

    def __init__(self) -> None:
        self.not_owed: list[Any] = []
        self.owed_for_nothing: dict[str, int] = {}
        self.changes = 0
        self._held, self._generations = look()

    def after(self, write: str) -> None:
        held, generations = look()
        changed = {each for each in self._held | held if self._held.get(each) != held.get(each)}
        owed = {each for each, number in generations.items() if number != self._generations.get(each)}
        self.changes += len(changed)
        self.not_owed += [(write, each) for each in sorted(changed - owed)]
        if owed and not changed:
            self.owed_for_nothing[write] = self.owed_for_nothing.get(write, 0) + 1
        self._held, self._generations = held, generations


def one_after_the_other(writes: int) -> None:
    judge = Judge()
    for _ in range(writes):
        judge.after(write_something())  # noqa: F821  # of `shop_writes`
    say(judge)


def say(judge: Judge) -> None:
    print(json.dumps([judge.changes, judge.not_owed, judge.owed_for_nothing]))  # noqa: T201  # for who started it
