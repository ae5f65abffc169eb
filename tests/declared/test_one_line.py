"""One more field at a target is one more column of the model, and one line of its declaration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, models

from tests.declared.conftest import Declare, generation
from tests.declared.models import Product
from tests.integration.conftest import converge, partner  # noqa: F401  # a fixture
from thirdparty import targets
from thirdparty.connectors.rest.configured import ConfiguredRest
from thirdparty.declaration import Synced
from thirdparty.observe.explain import explain
from thirdparty.settings import settings as engine
from thirdparty.testing import FakeRestTarget


class Products(Synced[Product]):
    watch = ("sku",)

    def payload(self, obj: Product, _target: Any) -> dict[str, Any]:
        return {name: str(getattr(obj, name)) for name in self.watch}


@pytest.fixture
def shop(db: None, settings: Any, partner: Callable[..., None]) -> Iterator[FakeRestTarget]:  # noqa: F811  # the fixture
    settings.SYNC_TARGETS = dict(engine.SYNC_TARGETS)
    fake = FakeRestTarget(key_field="key")
    with fake.running() as url:
        options = {option.name: option.default for option in ConfiguredRest.options}
        options |= {"token": "t0ken", "collection": "/products", "key_field": "key"}
        partner(connector="rest", base_url=url, options=options, capabilities=("query", "list"))
        targets.publish_rows()
        yield fake


@pytest.fixture
def weight(tables: None, db: None) -> Iterator[None]:
    """The model has one more column, and so has its table."""
    column = models.IntegerField(default=0)
    column.contribute_to_class(Product, "weight")
    with connection.cursor() as cursor:  # within the test's transaction, which SQLite's schema editor cannot
        cursor.execute("ALTER TABLE declared_product ADD COLUMN weight integer NOT NULL DEFAULT 0")
    yield
    Product._meta.local_fields.remove(column)
    Product._meta._expire_cache()
    del Product.weight


@pytest.mark.django_db
def test_one_line_has_a_new_column_pushed_compared_and_explained(
    shop: FakeRestTarget, weight: None, declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(Products)
    product = Product.objects.create(sku="a", weight=3)
    converge()
    Product.objects.update(weight=4)
    assert generation(product) == 1

    monkeypatch.setattr(Products, "watch", ("sku", "weight"))
    declare(Products)
    Product.objects.update(weight=5)
    assert generation(product) == 2
    converge()
    [item] = shop.items["products"].values()
    assert (item["sku"], item["weight"]) == ("a", "5")
    item["weight"] = "77"
    [explained] = explain(Products().ref_of(product), ask_target=True)
    assert [(each.field, each.wanted, each.found) for each in explained.difference or ()] == [("weight", "5", "77")]
