"""Paid orders of the example project at its ERP."""

from __future__ import annotations

from decimal import Decimal

from shop.models import Customer, Order

from tests.chaos.model.target import STRANGER
from tests.chaos.model.uses.use import Use
from thirdparty.declaration import of_kind
from thirdparty.models import instance

_KIND = "shop.order"
# The explorations need no database, which would have a code of its own.
instance._known[:] = ["model"]
_FIRST = 1


def _put(natural_key: str, *, exists: bool) -> None:
    there = Order.objects.filter(pk=_FIRST).exists()
    if there and not exists:
        _delete()
    elif exists and not there:
        customer, _ = Customer.objects.get_or_create(pk=_FIRST, defaults={"name": "A", "email": "a@example.org"})
        Order.objects.create(pk=_FIRST, number=natural_key, customer=customer, status=Order.Status.PAID)


def _edit(number: int) -> None:
    Order.objects.filter(pk=_FIRST).update(total=Decimal(number) + 1)


def _delete() -> None:
    Order.objects.filter(pk=_FIRST).delete()


USE = Use(
    target="erp",
    kind=_KIND,
    object_ids={0: str(_FIRST), 1: "2", STRANGER: "9"},
    external_id=lambda object_id: of_kind(_KIND).external_id(object_id),
    companion_id="77",
    put=_put,
    edit=_edit,
    delete=_delete,
)
