"""Runs in the shop's own shell: its people and its jobs write, in every way that Django and SQL offer.

``SEED`` and ``WRITES`` (how many) stand in the environment; what is done of all this is said in a line that is added.
"""

import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Model
from shop.models import Customer, Order, OrderLine, Product

SEED = os.environ["SEED"]
PAUSE_SECONDS = 0.01
dice = random.Random(SEED)
serial = count(1)
M = TypeVar("M", bound=Model)


def some(model: type[M]) -> M:
    """Raises `DoesNotExist` where there is none."""
    return model._base_manager.order_by("?")[:1].get()


def a_new_customer() -> None:
    number = next(serial)
    Customer.objects.create(name=f"Customer {number}", email=f"{SEED}-{number}@example.org")


def a_new_product() -> None:
    Product.objects.create(sku=f"SKU-{dice.random():.12f}", name="Tea", price=dice.randint(1, 99))


def an_order(status: str) -> Order:
    order = Order.objects.create(
        number=f"{SEED}-{next(serial)}", customer=some(Customer), status=status, total=dice.randint(1, 999)
    )
    products = Product.objects.order_by("?")[: dice.randint(1, 3)]
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=each, quantity=dice.randint(1, 5)) for each in products
    )
    return order


def an_order_paid_at_once() -> None:
    with transaction.atomic():
        an_order("paid")


def a_cart_that_is_paid() -> None:
    order = an_order("cart")
    order.status = "paid"
    order.save()


def a_new_total_by_update() -> None:
    Order.objects.filter(pk=some(Order).pk).update(total=F("total") + 1)


def a_cancellation() -> None:
    Order.objects.filter(pk=some(Order).pk).update(status="cancelled")


def an_order_for_another_customer() -> None:
    order = some(Order)
    order.customer = some(Customer)
    order.save(update_fields=["customer"])


def a_line_more_or_less() -> None:
    order = some(Order)
    if dice.random() < 0.5:
        order.lines.create(product=some(Product))
    else:
        OrderLine.objects.filter(order=order).order_by("?")[:1].get().delete()


def a_product_renamed_in_every_order() -> None:
    Product.objects.filter(pk=some(Product).pk).update(sku=f"NEW-{dice.random():.12f}")


def a_phone_by_plain_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop_customer SET phone = %s WHERE id = %s", [str(dice.random()), some(Customer).pk])


def a_note_that_the_erp_does_not_know() -> None:
    Customer.objects.filter(pk=some(Customer).pk).update(note=str(dice.random()))


def an_order_deleted() -> None:
    some(Order).delete()


def a_customer_deleted_with_their_orders() -> None:
    customer = some(Customer)
    with transaction.atomic():
        customer.orders.all().delete()
        customer.delete()


def a_transaction_taken_back() -> None:
    with transaction.atomic():
        an_order("paid")
        transaction.set_rollback(True)


WRITES = {
    a_new_customer: 6,
    a_new_product: 2,
    an_order_paid_at_once: 10,
    a_cart_that_is_paid: 6,
    a_new_total_by_update: 8,
    a_cancellation: 3,
    an_order_for_another_customer: 3,
    a_line_more_or_less: 5,
    a_product_renamed_in_every_order: 2,
    a_phone_by_plain_sql: 4,
    a_note_that_the_erp_does_not_know: 1,
    an_order_deleted: 2,
    a_customer_deleted_with_their_orders: 1,
    a_transaction_taken_back: 2,
}


def write_something(among: dict[Callable[[], None], int] = WRITES) -> str:
    """One of these writes; returns its name. Another is tried where there is nothing that it could write to.

    Raises `DatabaseError` where somebody else was quicker.
    """
    while True:
        write = dice.choices(list(among), list(among.values()))[0]
        with suppress(ObjectDoesNotExist):
            write()
            return write.__name__


def write_for_a_while() -> None:
    for _ in range(int(os.environ["WRITES"])):
        time.sleep(PAUSE_SECONDS)
        with suppress(DatabaseError):
            write_something()


for first in (a_new_customer, a_new_product, an_order_paid_at_once):
    first()
