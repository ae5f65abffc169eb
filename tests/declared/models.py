"""Models with everything that a declaration has to cope with: keys of any type, names that need quotes, relations."""

# ruff: noqa: DJ008  # no person reads what these objects are called

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import uuid4

from django.apps.registry import Apps
from django.db import models

APPS = Apps(["tests.declared"])
"""Apart from the project's own, so that no other test sees these models."""


class Declared(models.Model):
    class Meta:
        abstract = True
        apps = APPS
        app_label = "declared"


class Present(models.Manager[Any]):
    """Those that are not marked as deleted."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().filter(is_gone=False)


class Region(Declared):
    code = models.CharField(max_length=30, primary_key=True)
    name = models.CharField(max_length=30)


class Customer(Declared):
    name = models.CharField(max_length=60, db_column="Full Name")
    country = models.CharField(max_length=2, default="DE")
    region = models.ForeignKey(Region, null=True, on_delete=models.SET_NULL)
    is_gone = models.BooleanField(default=False)
    objects = Present()

    class Meta(Declared.Meta):
        db_table = "Big Customers"


class Product(Declared):
    id = models.UUIDField(primary_key=True, default=uuid4)
    sku = models.CharField(max_length=30)


class Tag(Declared):
    name = models.CharField(max_length=30)


class Order(Declared):
    number = models.CharField(max_length=30, null=True, unique=True)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE)
    status = models.CharField(max_length=60, default="cart")
    total = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    note = models.TextField(default="")
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="parts")
    tags: ClassVar[Any] = models.ManyToManyField(Tag, through="Tagging")


class PaidOrder(Order):
    class Meta(Declared.Meta):
        proxy = True


class Tagging(Declared):
    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE)
    by = models.CharField(max_length=30, default="")


class Line(Declared):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    quantity = models.IntegerField(default=1)


class Party(Declared):
    name = models.CharField(max_length=30)
    is_active = models.BooleanField(default=True)


class Company(Party):
    vat = models.CharField(max_length=30)


MODELS = (Region, Customer, Product, Tag, Order, Tagging, Line, Party, Company)


@contextmanager
def model_of(**fields: Any) -> Iterator[Any]:
    """A model for this while; whoever needs its table makes it."""
    meta = type("Meta", (Declared.Meta,), fields.pop("meta", {}))
    try:
        yield type("Passing", (Declared,), {**fields, "Meta": meta, "__module__": __name__})
    finally:
        del APPS.all_models["declared"]["passing"]
        APPS.clear_cache()
