"""Objects are read with what they are watched through; and a payload that reads more than that is refused on request."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.db.models import Q
from pytest_django import DjangoAssertNumQueries

from tests.declared.conftest import Declare
from tests.declared.models import Company, Customer, Line, Order, Product, Region, Tag
from thirdparty.declaration import Synced
from thirdparty.declaration.at_target import AtTarget
from thirdparty.declaration.unwatched import UnwatchedRead
from thirdparty.run import payloads

pytestmark = pytest.mark.django_db


class Customers(Synced[Customer]):
    watch = ("name", "region__name", "order__number", "order__lines__product__sku")

    def payload(self, obj: Customer, _target: AtTarget) -> dict[str, Any]:
        orders = {
            order.number: sorted(line.product.sku for line in order.lines.all())
            for order in obj.order_set.all()  # type: ignore[attr-defined]
        }
        return {"name": obj.name, "region": obj.region.name if obj.region else None, "orders": orders}


class Regions(Synced[Region]):
    watch = ("customer__name",)

    def payload(self, obj: Region, _target: AtTarget) -> dict[str, Any]:
        return {"customers": sorted(each.name for each in obj.customer_set.all())}  # type: ignore[attr-defined]


class Orders(Synced[Order]):
    watch = ("number", "customer", "tags", "lines__quantity")
    scope = Q(status="paid", lines__quantity__gt=0)
    reads: ClassVar[str] = ""

    def payload(self, obj: Order, _target: AtTarget) -> dict[str, Any]:
        held = {
            "number": obj.number,
            "customer": obj.customer_id,  # type: ignore[attr-defined]
            "tags": sorted(tag.pk for tag in obj.tags.all()),
            "quantity": sum(line.quantity for line in obj.lines.all()),  # type: ignore[attr-defined]
            "status": obj.status,
        }
        return held | {"more": str(eval(self.reads, {"obj": obj}))} if self.reads else held


class Companies(Synced[Company]):
    watch = ("name", "vat")

    def payload(self, obj: Company, _target: AtTarget) -> dict[str, Any]:
        return {"name": obj.name, "vat": obj.vat}


def payload_of(instance: Any, declaration: type[Synced[Any]]) -> Any:
    wanted = payloads.read_wanted(declaration().ref_of(instance), "partner", "")
    return wanted.payload if wanted is not None else None


@pytest.fixture
def order(tables: None, db: None) -> Order:
    region = Region.objects.create(code="s", name="South")
    customer = Customer.objects.create(name="Ann", region=region)
    order = Order.objects.create(number="1", customer=customer, status="paid", note="n")
    for sku in ("b", "a"):
        Line.objects.create(order=order, product=Product.objects.create(sku=sku), quantity=2)
    order.tags.add(Tag.objects.create(name="new"))
    return order


@pytest.fixture(params=[False, True], ids=["unchecked", "checked"])
def checked(request: pytest.FixtureRequest, settings: Any) -> None:
    settings.SYNC_CHECK_READS = request.param


def test_relations_without_a_name_of_their_own_are_read_by_the_one_that_django_gives_them(
    declare: Declare, order: Order, checked: None
) -> None:
    declare(Customers)
    assert payload_of(order.customer, Customers) == {"name": "Ann", "region": "South", "orders": {"1": ["a", "b"]}}


def test_columns_of_a_parents_table_are_read_along(declare: Declare, checked: None) -> None:
    declare(Companies)
    assert payload_of(Company.objects.create(name="Iron", vat="7"), Companies) == {"name": "Iron", "vat": "7"}


def test_a_manager_that_hides_rows_does_not_hide_them_from_a_payload(declare: Declare, order: Order) -> None:
    declare(Regions)
    Customer._base_manager.update(is_gone=True)
    assert payload_of(Region.objects.get(), Regions) == {"customers": ["Ann"]}


def test_some_objects_are_read_in_as_few_queries_as_there_are_relations_to_many(
    declare: Declare, order: Order, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    declare(Customers)
    Customer.objects.create(name="Bob")
    ids = [str(each) for each in Customer.objects.values_list("pk", flat=True)]
    with django_assert_num_queries(
        3
    ):  # customers with regions and whether they have orders, the orders, the lines with products
        assert len(Customers().load(ids)) == 2


def test_what_is_watched_may_be_read(declare: Declare, order: Order, settings: Any) -> None:
    settings.SYNC_CHECK_READS = True
    declare(Orders)
    assert payload_of(order, Orders)["quantity"] == 4


@pytest.mark.parametrize(
    ("read", "named"),
    [
        ("obj.note", "declared_order.note"),
        ("obj.customer.name", "Big Customers.Full Name"),
        ("[line.product_id for line in obj.lines.all()]", "declared_line.product_id"),
        ("[tag.name for tag in obj.tags.all()]", "declared_tag.name"),
        ("obj.parts.count()", "SELECT COUNT"),
    ],
)
def test_what_is_not_watched_is_refused_by_name(
    declare: Declare, order: Order, settings: Any, monkeypatch: pytest.MonkeyPatch, read: str, named: str
) -> None:
    settings.SYNC_CHECK_READS = True
    declare(Orders)
    monkeypatch.setattr(Orders, "reads", read)
    with pytest.raises(UnwatchedRead) as refused:
        payload_of(order, Orders)
    assert refused.value.message.startswith(f"the payload of declared.order reads {named}")


def test_unasked_for_nothing_is_refused(
    declare: Declare, order: Order, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SYNC_CHECK_READS = False
    declare(Orders)
    monkeypatch.setattr(Orders, "reads", "obj.note")
    assert payload_of(order, Orders)["more"] == "n"
