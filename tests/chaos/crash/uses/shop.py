"""Orders of the shop, each with a customer of its own: two records, of which one names the other."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from shop.models import Customer, Order, OrderLine, Product
from shop.synced import PaidOrder

from tests.chaos.crash.uses.use import AFTER, BEFORE, WHILE_FROZEN, Held
from tests.chaos.shop import TARGET, bare
from thirdparty.declaration import KeyChanges
from thirdparty.models import Record

TOTALS = {BEFORE: Decimal("1.00"), AFTER: Decimal("2.00"), WHILE_FROZEN: Decimal("3.00")}
_LARGEST = 2**31 - 1


class Shop:
    """Every write is one of both, in one transaction. A deletion takes the customer away together with the order.

    An order that is renumbered is replaced at the ERP.
    """

    replaces = True

    def declare(self) -> None:
        PaidOrder.key_changes = KeyChanges.REPLACED

    def new(self) -> str:
        return str(random.randint(1, _LARGEST))  # nobody has to guess it

    def key(self, word: str, record: str) -> str:
        return f"{TARGET}:shop.{record}:{word}"

    def external_ids(self, word: str) -> Mapping[str, str]:
        return {self.key(word, record): f"shop.{record}.{word}" for record in ("customer", "order")}

    def write(self, operation: str, word: str, content: str = AFTER) -> None:
        with transaction.atomic():
            if operation == "add":
                _customer(word, content).save()
                _order(word, content).save()
                OrderLine.objects.create(order_id=int(word), product=_product())
            elif operation in ("update", "rename"):
                customer, order = Customer.objects.get(pk=word), Order.objects.get(pk=word)
                customer.name, order.total = content, TOTALS[content]
                if operation == "rename":
                    order.number = number_of(word, "rename")
                customer.save()
                order.save()
            else:
                Order.objects.get(pk=word).delete()
                Customer.objects.get(pk=word).delete()

    def write_silently(self, operation: str, word: str) -> None:
        with transaction.atomic():
            if operation == "add":
                Customer.objects.bulk_create([_customer(word, AFTER)])
                Order.objects.bulk_create([_order(word, AFTER)])
            elif operation == "update":
                Customer.objects.filter(pk=word).update(name=AFTER)
                Order.objects.filter(pk=word).update(total=TOTALS[AFTER])
            elif operation == "rename":
                Customer.objects.filter(pk=word).update(name=AFTER)
                Order.objects.filter(pk=word).update(total=TOTALS[AFTER], number=number_of(word, "rename"))
            else:
                for model, field in ((OrderLine, "order_id"), (Order, "pk"), (Customer, "pk")):
                    found: Any = model._base_manager.filter(**{field: word})
                    found._raw_delete(found.db)

    def aim(self, control: Any, fault: str, external_ids: Iterable[str], *, late_seconds: float) -> None:
        control.aim(fault, list(external_ids), late_seconds=late_seconds)

    def held(self, control: Any) -> Held:
        held: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for records in control.content().values():
            for record in records:
                held[bare(record["external_id"])].append(record)
        return held

    def problems(self, word: str, wanted: str | None, held: Held) -> Iterator[str]:
        customers, orders = held.get(f"shop.customer.{word}", ()), held.get(f"shop.order.{word}", ())
        numbers = list(Order.objects.filter(pk=word).values_list("number", flat=True))
        names = list(Customer.objects.filter(pk=word).values_list("name", flat=True))
        totals = list(Order.objects.filter(pk=word).values_list("total", flat=True))
        if (names, totals) != (([], []) if wanted is None else ([wanted], [TOTALS[wanted]])):
            yield f"here are {names} and {totals}, not {wanted!r}"
        if [each["name"] for each in customers] != names:
            yield f"the ERP holds the customers {[each['name'] for each in customers]}, not {names}"
        if [Decimal(each["total"]) for each in orders] != totals:
            yield f"the ERP holds the totals {[each['total'] for each in orders]}, not {totals}"
        if [each["number"] for each in orders] != numbers:
            yield f"the ERP holds the numbers {[each['number'] for each in orders]}, not {numbers}"
        known = list(
            Record.objects.filter(key=self.key(word, "order"), deleted=False).values_list("natural_key", flat=True)
        )
        if known != numbers:
            yield f"the row knows the numbers {known}, not {numbers}"
        if any(order["customer"] not in {each["id"] for each in customers} for order in orders):
            yield f"the ERP's order is of {orders[0]['customer']}, who is not its customer"


def _customer(word: str, content: str) -> Customer:
    return Customer(pk=int(word), name=content, email=f"{word}@example.org")


def _order(word: str, content: str) -> Order:
    return Order(
        pk=int(word), number=number_of(word), customer_id=int(word), status=Order.Status.PAID, total=TOTALS[content]
    )


def number_of(word: str, prefix: str = "crash") -> str:
    return f"{prefix}-{word}"


def _product() -> Product:
    product, _ = Product.objects.get_or_create(sku="CRASH", defaults={"name": "Tea", "price": 1})
    return product


USE = Shop()
