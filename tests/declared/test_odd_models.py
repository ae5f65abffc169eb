"""Any model can be declared: whatever its keys, names, managers and relations are."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import CharField, IntegerField, Q

from tests.declared.conftest import Declare, generation, generations
from tests.declared.models import (
    Company,
    Customer,
    Line,
    Order,
    PaidOrder,
    Party,
    Product,
    Region,
    Tag,
    Tagging,
    model_of,
)
from thirdparty.capture import catch_up
from thirdparty.declaration import Synced, of_kind
from thirdparty.models import Record, Target

pytestmark = pytest.mark.django_db


def of(model: Any, **declared: Any) -> type[Synced[Any]]:
    """A declaration of this model."""
    return type("Declaration", (Synced,), {"model": model, "kind": model._meta.label_lower, **declared})


@pytest.mark.parametrize(
    ("model", "values", "watched"),
    [
        (Customer, {"name": "Ada"}, "name"),
        (Product, {"sku": "a"}, "sku"),
        (Region, {"code": "No%rth \"1's", "name": "North"}, "name"),
    ],
)
def test_a_primary_key_may_be_an_integer_a_uuid_or_a_text(
    declare: Declare, model: Any, values: dict[str, str], watched: str
) -> None:
    declaration = of(model, watch=(watched,))
    declare(declaration)
    made = model.objects.create(**values)
    assert generation(made) == 1
    model.objects.filter(pk=made.pk).update(**{watched: "other"})
    assert generation(made) == 2
    ref = declaration().ref_of(made)
    assert of_kind(declaration.kind).load([ref.object_id]) == {ref.object_id: made}
    made.delete()
    assert list(Record.objects.values_list("object_id", "deleted", "generation")) == [(ref.object_id, True, 3)]


@pytest.mark.parametrize("model", [Customer, Product, Region])
def test_objects_from_before_the_declaration_are_found_whatever_their_key(declare: Declare, model: Any) -> None:
    made = {
        Customer: lambda: Customer.objects.create(name="a"),
        Product: lambda: Product.objects.create(sku="b"),
        Region: lambda: Region.objects.create(code="%s 'x'", name="c"),
    }[model]()
    declare(of(model))
    catch_up.go_on("partner", seconds=10)
    assert generation(made) == 1
    assert Target.objects.get(name="partner").behind_since is None


def test_tables_and_columns_may_have_names_that_need_quotes(declare: Declare) -> None:
    declare(of(Order, watch=("customer__name",), scope=Q(customer__name='50% "o\'ff"')))
    customer = Customer.objects.create(name="x")
    order = Order.objects.create(customer=customer)
    assert generation(order) == 0
    Customer.objects.update(name='50% "o\'ff"')
    assert generation(order) == 1


def test_a_proxy_is_watched_in_the_table_of_its_model(declare: Declare) -> None:
    declare(of(PaidOrder, watch=("total",), scope=Q(status="paid")))
    order = Order.objects.create(status="paid")
    assert generation(order) == 1
    PaidOrder.objects.update(total=5)
    assert generation(order) == 2


def test_a_column_of_the_parents_table_is_watched_and_counts_for_the_scope(declare: Declare) -> None:
    declare(of(Company, watch=("vat", "name"), scope=Q(is_active=True)))
    company = Company.objects.create(name="a", vat="1")
    assert generation(company) == 1
    Party.objects.update(name="b")
    assert generation(company) == 2
    Company.objects.update(vat="2")
    assert generation(company) == 3
    Party.objects.update(is_active=False)
    assert generation(company) == 4
    assert list(of_kind("declared.company").load([str(company.pk)])) == []
    company.delete()
    assert Record.objects.get().deleted


def test_an_object_that_its_managers_hide_is_held_like_others(declare: Declare) -> None:
    declare(of(Customer, watch=("name",)))
    customer = Customer.objects.create(name="a", is_gone=True)
    assert not Customer.objects.exists()
    assert list(of_kind("declared.customer").load([str(customer.pk)])) == [str(customer.pk)]
    Customer._base_manager.update(name="b")
    assert generation(customer) == 2


def test_a_relation_to_the_same_model_is_watched(declare: Declare) -> None:
    declare(of(Order, watch=("parent__note",)))
    parent = Order.objects.create()
    part = Order.objects.create(parent=parent)
    Order.objects.filter(pk=parent.pk).update(note="changed")
    assert generations() == {str(parent.pk): 1, str(part.pk): 2}
    part.parent = None
    part.save()
    assert generation(part) == 3


def test_the_objects_that_name_it_in_the_same_model_are_watched(declare: Declare) -> None:
    declare(of(Order, watch=("parts__total",)))
    whole, part = Order.objects.create(), Order.objects.create()
    Order.objects.filter(pk=part.pk).update(parent=whole)
    assert generation(whole) == 2
    Order.objects.filter(pk=part.pk).update(total=3)
    assert generation(whole) == 3


def test_memberships_with_a_model_of_their_own_are_watched(declare: Declare) -> None:
    declare(of(Order, watch=("tags__name",)))
    order, tag = Order.objects.create(), Tag.objects.create(name="a")
    tagging = Tagging.objects.create(order=order, tag=tag)
    assert generation(order) == 2
    Tag.objects.update(name="b")
    assert generation(order) == 3
    Tagging.objects.update(by="somebody")
    assert generation(order) == 3
    tagging.delete()
    assert generation(order) == 4
    order.tags.add(tag)
    assert generation(order) == 5


def test_rows_that_name_the_object_are_watched_and_what_they_lead_to(declare: Declare) -> None:
    declare(of(Order, watch=("lines", "lines__product__sku")))
    order, product = Order.objects.create(), Product.objects.create(sku="a")
    line = Line.objects.create(order=order, product=product)
    assert generation(order) == 2
    Line.objects.update(quantity=2)
    assert generation(order) == 3
    Product.objects.update(sku="b")
    assert generation(order) == 4
    line.delete()
    assert generation(order) == 5
    other = Order.objects.create()
    line = Line.objects.create(order=other, product=product)
    Line.objects.update(order=order)
    assert generations() == {str(order.pk): 6, str(other.pk): 3}


def test_entering_the_scope_through_a_relation_makes_the_row_and_leaving_owes_it(declare: Declare) -> None:
    declare(of(Order, scope=Q(customer__country="DE")))
    customer = Customer.objects.create(name="a", country="CH")
    order = Order.objects.create(customer=customer)
    assert generation(order) == 0
    Customer.objects.update(country="DE")
    assert generation(order) == 1
    Customer.objects.update(country="FR")
    assert generation(order) == 2
    assert list(of_kind("declared.order").load([str(order.pk)])) == []
    Order.objects.update(customer=Customer.objects.create(name="b"))
    assert generation(order) == 3


def test_a_related_row_that_comes_after_its_object_brings_it_into_the_scope(declare: Declare) -> None:
    """Foreign keys are checked at the end: a fixture may name a row that comes later."""
    declare(of(Order, scope=Q(customer__country="DE")))
    order = Order.objects.create(customer_id=77)
    assert generation(order) == 0
    Customer.objects.create(pk=77, name="late")
    assert generation(order) == 1


def test_rows_that_keep_an_object_out_of_the_scope_let_it_in_when_they_go(declare: Declare) -> None:
    declare(of(Order, scope=~Q(lines__quantity=0)))
    order = Order.objects.create()
    Record.objects.all().delete()
    line = Line.objects.create(order=order, product=Product.objects.create(sku="a"), quantity=0)
    assert generation(order) == 0
    line.delete()
    assert generation(order) == 1


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite cannot truncate")
def test_truncating_the_rows_that_keep_an_object_out_lets_it_in(declare: Declare) -> None:
    declare(of(Order, scope=~Q(lines__quantity=0)))
    order = Order.objects.create()
    Line.objects.create(order=order, product=Product.objects.create(sku="a"), quantity=0)
    Record.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE declared_line")
    assert generation(order) == 1


def test_several_declarations_of_one_model_each_have_their_records(declare: Declare) -> None:
    paid = of(Order, kind="declared.paid", watch=("total",), scope=Q(status="paid"))
    declare(of(Order, watch=("note",)), paid)
    Order.objects.create(status="paid")
    Order.objects.update(total=1)
    assert dict(Record.objects.values_list("kind", "generation")) == {"declared.order": 1, "declared.paid": 2}


def test_a_target_that_a_declaration_does_not_name_is_owed_nothing(declare: Declare) -> None:
    Target.objects.create(name="erp")
    declare(of(Order, targets=["erp"]))
    Order.objects.create()
    assert list(Record.objects.values_list("target", flat=True)) == ["erp"]


def test_an_object_without_a_natural_key_has_an_empty_one(declare: Declare) -> None:
    declare(of(Order, key="number"))
    order = Order.objects.create()
    assert Record.objects.get().wanted_key == ""
    Order.objects.update(number="A%1")
    assert (Record.objects.get().wanted_key, generation(order)) == ("A%1", 2)


@pytest.mark.parametrize(
    "status",
    ["50%", "%s", "%%", "o'clock", 'say "x"', "back\\slash", "$body$", '"declared_order".', "({row})", "{row}"],
)
def test_a_scope_compares_with_any_text(declare: Declare, status: str) -> None:
    declare(of(Order, scope=Q(status=status)))
    order = Order.objects.create(status=status)
    other = Order.objects.create(status="other")
    assert generations() == {str(order.pk): 1}
    declare(of(Order, kind="declared.far", scope=Q(customer__name=status)))
    Order.objects.filter(pk=other.pk).update(customer=Customer.objects.create(name=status))
    assert Record.objects.get(kind="declared.far").object_id == str(other.pk)


def test_an_identity_beside_the_primary_key_stays_when_that_changes(declare: Declare) -> None:
    declare(of(Region, identity="code", watch=("name",)))
    region = Region.objects.create(code=str(uuid4())[:20], name="a")
    Region.objects.update(code="new")
    assert dict(Record.objects.values_list("object_id", "deleted")) == {region.code: True, "new": False}


def test_a_change_of_case_is_owed_where_the_database_takes_no_notice_of_case(declare: Declare) -> None:
    collation = "NOCASE" if connection.vendor == "sqlite" else "folding"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            )
        cursor.execute(
            f'CREATE TABLE declared_passing (id integer PRIMARY KEY, name varchar(30) COLLATE "{collation}")'
        )
    with model_of(id=IntegerField(primary_key=True), name=CharField(max_length=30, db_collation=collation)) as model:
        declare(of(model, watch=("name",)))
        made = model.objects.create(pk=1, name="ada")
        model.objects.update(name="Ada")
        assert generation(made) == 2
        model.objects.update(name="Ada")
        assert generation(made) == 2
