"""What is watched through relations is read along with the objects, in as many statements for a hundred as for one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.declared.conftest import Declare
from tests.declared.models import Customer, Line, Order, Product, Region, Tag, Tagging
from thirdparty.declaration import Synced, of_kind

pytestmark = pytest.mark.django_db


class Everything(Synced[Order]):
    kind = "declared.order"
    watch = ("customer__region__name", "lines__product__sku", "tags__name", "tagging__by", "parts__lines__quantity")


@pytest.fixture(autouse=True)
def declared(declare: Declare) -> None:
    declare(Everything)


def loaded(*orders: Order) -> list[Any]:
    """These orders as the engine reads them."""
    found = of_kind(Everything.kind).load([str(order.pk) for order in orders])
    return [found[str(order.pk)] for order in orders]


def whole(name: str) -> Order:
    """An order with some of everything."""
    region = Region.objects.create(code=name, name=name)
    order = Order.objects.create(customer=Customer.objects.create(name=name, region=region))
    for sku in ("a", "b"):
        Line.objects.create(order=order, product=Product.objects.create(sku=f"{name}-{sku}"))
    Tagging.objects.create(order=order, tag=Tag.objects.create(name=name), by="me")
    Line.objects.create(
        order=Order.objects.create(parent=order), product=Product.objects.create(sku="part"), quantity=7
    )
    return order


def told(order: Any) -> dict[str, Any]:
    return {
        "region": order.customer.region.name if order.customer else None,
        "skus": sorted(line.product.sku for line in order.lines.all()),
        "tags": [tag.name for tag in order.tags.all()],
        "by": [tagging.by for tagging in order.tagging_set.all()],
        "parts": [[line.quantity for line in part.lines.all()] for part in order.parts.all()],
    }


def test_all_that_is_watched_is_there_without_another_statement() -> None:
    first, bare, second = loaded(whole("x"), Order.objects.create(), whole("y"))
    with CaptureQueriesContext(connection) as asked:
        assert told(first) == {"region": "x", "skus": ["x-a", "x-b"], "tags": ["x"], "by": ["me"], "parts": [[7]]}
        assert told(second) == {"region": "y", "skus": ["y-a", "y-b"], "tags": ["y"], "by": ["me"], "parts": [[7]]}
        assert told(bare) == {"region": None, "skus": [], "tags": [], "by": [], "parts": []}
    assert list(asked) == []


def test_many_objects_take_as_many_statements_as_few() -> None:
    few, many = [whole("a"), Order.objects.create()], [whole(f"m{n}") for n in range(5)]
    counts = []
    for orders in (few, many):
        with CaptureQueriesContext(connection) as asked:
            loaded(*orders)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_what_an_object_has_none_of_can_be_counted_narrowed_and_looked_for() -> None:
    [bare] = loaded(Order.objects.create())
    assert bare.lines.count() == 0
    assert not bare.tags.exists()
    assert bare.lines.first() is None
    assert list(bare.lines.filter(quantity=1)) == []
    assert list(bare.tags.order_by("name").values_list("name", flat=True)) == []


def test_what_an_object_has_some_of_can_be_narrowed() -> None:
    [order, _] = loaded(whole("x"), whole("y"))
    assert [line.product.sku for line in order.lines.filter(product__sku="x-a")] == ["x-a"]
    assert [tag.name for tag in order.tags.exclude(name="y")] == ["x"]
