"""Orders get other numbers: the declaration that has them renamed at the ERP, as an application of the shop's, and the writes."""

from __future__ import annotations

from django.apps import AppConfig


class Renumbering(AppConfig):
    name = "tests.chaos.shop"
    label = "renumbering"

    def ready(self) -> None:
        from shop.synced import PaidOrder

        from thirdparty.declaration import KeyChanges

        PaidOrder.key_changes = KeyChanges.RENAMED


def a_new_number() -> None:
    from tests.acceptance.shop_writes import SEED, Order, serial, some

    Order.objects.filter(pk=some(Order).pk).update(number=f"{SEED}-{next(serial)}")


def a_number_that_another_order_had() -> None:
    """An earlier order gives its number up for another one. So no two take each other's, who would wait for ever."""
    from django.db import transaction

    from tests.acceptance.shop_writes import SEED, Order, serial, some

    order = some(Order)
    with transaction.atomic():
        earlier = Order.objects.select_for_update().filter(pk__lt=order.pk).order_by("?")[:1].get()
        number = earlier.number
        earlier.number = f"{SEED}-{next(serial)}"
        earlier.save(update_fields=["number"])
        Order.objects.filter(pk=order.pk).update(number=number)


RENUMBERINGS = {a_new_number: 4, a_number_that_another_order_had: 4}
