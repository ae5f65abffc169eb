"""A small world of orders, writes to it of every sort, and what is to be held of each order, read with Django alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q

from tests.declared.models import MODELS, Customer, Line, Order, Product, Region, Tag, Tagging
from thirdparty.declaration import Synced
from thirdparty.models import Record

WATCHED = (
    "total", "note", "customer", "customer__name", "customer__region__name", "parent__note", "parts__total",
    "tags", "tags__name", "lines", "lines__quantity", "lines__product__sku",
)  # fmt: skip
SCOPES = (
    None,
    Q(status="b"),
    ~Q(status="b"),
    Q(customer__country="b"),
    Q(customer__region__name="b") | Q(note="b"),
    Q(status="b", customer__country="b"),
    Q(lines__product__sku="b"),
    Q(tags__name="b") & ~Q(status="a"),
    ~Q(lines__quantity=1),
)
_OF_LINES = ("lines__pk", "lines__quantity", "lines__product")


def declaration(watch: tuple[str, ...], scope: Q | None) -> type[Synced[Any]]:
    declared = {"model": Order, "kind": "declared.order", "watch": watch, "scope": scope}
    return type("RandomOrders", (Synced,), declared)


def populate() -> None:
    """Few objects, so that writes meet."""
    for model in reversed(MODELS):
        model._base_manager.all().delete()
    Record.objects.all().delete()
    regions = [Region.objects.create(code=str(n), name="a") for n in range(2)]
    customers = [Customer.objects.create(name="a", country="a", region=regions[n % 2]) for n in range(1, 3)]
    for _ in range(2):
        Product.objects.create(sku="a")
        Tag.objects.create(name="a")
    for n in range(1, 4):
        Order.objects.create(customer=customers[n % 2], status="a")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is to be held of each order in scope; and the generation of each order's record."""

    held: dict[int, tuple[Any, ...]]
    generations: dict[int, int]

    @classmethod
    def taken(cls, watch: tuple[str, ...], scope: Q | None) -> Snapshot:
        orders = Order._base_manager.all() if scope is None else Order._base_manager.filter(scope)
        names = [name for each in watch for name in (_OF_LINES if each == "lines" else (each,))]
        held = {}
        for pk in set(orders.values_list("pk", flat=True)):
            rows = Order._base_manager.filter(pk=pk)
            held[pk] = tuple(sorted(map(repr, rows.values_list(name, flat=True))) for name in names)
        return cls(held, {int(each.object_id): each.generation for each in Record.objects.all()})

    def unowed_since(self, before: Snapshot) -> list[int]:
        """Orders of which something else is to be held now than before, without that their generation rose."""
        changed = {pk for pk in {*self.held, *before.held} if self.held.get(pk) != before.held.get(pk)}
        return sorted(pk for pk in changed if self.generations.get(pk, 0) <= before.generations.get(pk, 0))


Write = Callable[[int, int], None]
LETTERS = "ab"


def _letter(n: int) -> str:
    return LETTERS[n % 2]


def _nth(model: Any, n: int) -> Any:
    found = list(model._base_manager.order_by("pk"))
    return found[n % len(found)] if found else None


def _save(model: Any, **make: Callable[[int], Any]) -> Write:
    """Set these of one object, as a form does."""

    def write(which: int, what: int) -> None:
        instance = _nth(model, which)
        if instance is not None:
            for name, value in make.items():
                setattr(instance, name, value(what))
            instance.save()

    return write


def _update(model: Any, **make: Callable[[int], Any]) -> Write:
    """Set these of some objects, in one statement."""

    def write(which: int, what: int) -> None:
        some = model._base_manager.all() if which % 3 == 0 else model._base_manager.filter(pk=_pk(model, which))
        some.update(**{name: value(what) for name, value in make.items()})

    return write


def _pk(model: Any, which: int) -> Any:
    return getattr(_nth(model, which), "pk", None)


def _delete(model: Any) -> Write:
    def write(which: int, what: int) -> None:
        model._base_manager.filter(pk=_pk(model, which)).delete()

    return write


def _sql(statement: str) -> Write:
    def write(which: int, what: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"order": _pk(Order, which), "text": _letter(what), "number": what % 2})

    return write


def _bulk_create(which: int, what: int) -> None:
    customer, parent = _nth(Customer, which), _nth(Order, what)
    Order.objects.bulk_create([Order(customer=customer, parent=parent, status=_letter(what), note=_letter(which))])


def _bulk_update(which: int, what: int) -> None:
    orders = list(Order._base_manager.all())
    for order in orders:
        order.total, order.status = (what + (order.pk % 2)) % 2, _letter(which)
    Order.objects.bulk_update(orders, ["total", "status"])


def _add_line(which: int, what: int) -> None:
    order, product = _nth(Order, which), _nth(Product, what)
    if order is not None and product is not None:
        Line.objects.create(order=order, product=product, quantity=what % 3)


def _members(change: str) -> Write:
    def write(which: int, what: int) -> None:
        order, tag = _nth(Order, which), _nth(Tag, what)
        if order is not None and tag is not None:
            getattr(order.tags, change)([tag] if change == "set" else tag)

    return write


WRITES: dict[str, Write] = {
    "order.total saved": _save(Order, total=lambda n: n % 2),
    "order.note saved": _save(Order, note=_letter),
    "order.status updated": _update(Order, status=_letter),
    "order.note updated": _update(Order, note=_letter),
    "order.customer updated": _update(Order, customer=lambda n: _nth(Customer, n)),
    "order.parent saved": _save(Order, parent=lambda n: _nth(Order, n)),
    "orders bulk-created": _bulk_create,
    "orders bulk-updated": _bulk_update,
    "order deleted": _delete(Order),
    "order.status by SQL": _sql("UPDATE declared_order SET status = %(text)s WHERE id = %(order)s"),
    "lines by SQL": _sql("UPDATE declared_line SET quantity = %(number)s WHERE order_id = %(order)s"),
    "lines deleted by SQL": _sql("DELETE FROM declared_line WHERE order_id = %(order)s"),
    "line added": _add_line,
    "line moved": _update(Line, order=lambda n: _nth(Order, n)),
    "line.product updated": _update(Line, product=lambda n: _nth(Product, n)),
    "line deleted": _delete(Line),
    "product.sku updated": _update(Product, sku=_letter),
    "customer.name saved": _save(Customer, name=_letter),
    "customer.country updated": _update(Customer, country=_letter),
    "customer.region updated": _update(Customer, region=lambda n: _nth(Region, n)),
    "customer deleted": _delete(Customer),
    "region.name updated": _update(Region, name=_letter),
    "tags set": _members("set"),
    "tag added": _members("add"),
    "tag removed": _members("remove"),
    "tag.name updated": _update(Tag, name=_letter),
    "tag deleted": _delete(Tag),
}
IRRELEVANT: dict[str, Write] = {
    "customer.is_gone updated": _update(Customer, is_gone=lambda n: bool(n % 2)),
    "tagging.by updated": _update(Tagging, by=_letter),
    "order.number by SQL": _sql(
        "UPDATE declared_order SET number = CAST(id AS text) || %(text)s WHERE id = %(order)s"
    ),
    "order saved as it is": _save(Order),
    "line saved as it is": _save(Line),
    "tag saved as it is": _save(Tag),
    "nobody updated": _sql("UPDATE declared_order SET note = %(text)s WHERE id = -1"),
}
"""Of what is watched by none of these declarations, or is set to what it is."""
