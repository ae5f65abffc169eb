"""The example project works as ever beside the engine, and after the engine was taken out again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.acceptance.shop import Project
from tests.once import once

OPEN_EVERY_PAGE = """
import json
from django.test import Client
from accounts.models import User
from shop.models import Customer, Order, Product
owner = User.objects.create_superuser("owner@example.org", "password")
tea = Product.objects.create(sku="TEA", name="Tea", price="9.50")
ada = Customer.objects.create(name="Ada", email="ada@example.org")
order = Order.objects.create(number="A1", customer=ada)
browser = Client(HTTP_HOST="localhost")
signed_in = browser.login(username="owner@example.org", password="password")
pages = ["/admin/", "/admin/accounts/user/add/", f"/admin/accounts/user/{owner.pk}/change/",
         "/admin/shop/customer/", "/admin/shop/product/", "/admin/shop/order/", f"/admin/shop/order/{order.pk}/change/",
         "/admin/thirdparty/record/", "/admin/thirdparty/attempt/", "/admin/thirdparty/target/"]
print(json.dumps([signed_in, *(browser.get(page).status_code for page in pages), owner.pk]))
"""
CANCEL_OLD_CARTS = """
import json
from datetime import timedelta
from django.utils import timezone
from shop.models import Customer, Order
from shop.tasks import cancel_old_carts
ada = Customer.objects.create(name="Ada", email="ada@example.org")
old = timezone.now() - timedelta(days=40)
Order.objects.create(number="A1", customer=ada, created_at=old)
Order.objects.create(number="A2", customer=ada)
Order.objects.create(number="A3", customer=ada, created_at=old, status="paid")
cancelled = cancel_old_carts.apply().get()
print(json.dumps([cancelled, *Order.objects.order_by("number").values_list("status", flat=True)]))
"""


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Project:
    def migrate(folder: Path) -> None:
        Project(folder, python=installed).manage("migrate", "--verbosity", "0")

    shutil.copy(once(tmp_path_factory, "shop", migrate) / "shop.sqlite3", tmp_path)
    return Project(tmp_path, python=installed)


def test_no_migration_is_missing_and_no_check_complains(project: Project) -> None:
    assert project.manage("makemigrations", "--check", "--dry-run") == "No changes detected"
    project.env = {
        **project.env,
        "SYNC_TARGETS": "erp",
        "TARGET_ERP_CONNECTOR": "shop.erp.Erp",
        "TARGET_ERP_BASE_URL": "https://erp.example",
        "TARGET_ERP_TOKEN": "a-token",
    }
    assert "no issues" in project.manage("check", "--fail-level", "WARNING")


def test_staff_sign_in_with_their_email_and_every_page_of_the_plain_admin_opens(project: Project) -> None:
    assert project.shell(OPEN_EVERY_PAGE) == [True, *[200] * 10, 1]


def test_the_nightly_task_cancels_carts_that_nobody_paid(project: Project) -> None:
    assert project.shell(CANCEL_OLD_CARTS) == [1, "cancelled", "cart", "paid"]


SAVE_AND_LOOK = """
import json
from django.db import connection
from shop.models import Customer
Customer.objects.create(name="Ada", email="ada@example.org")
Customer.objects.filter(name="Ada").update(phone="1")
Customer.objects.all().delete()
print(json.dumps([name for name in connection.introspection.table_names() if name.startswith("thirdparty_")]))
"""


def test_once_its_migrations_are_taken_back_the_shop_writes_on_and_holds_no_table_of_the_engine(
    project: Project,
) -> None:
    assert len(project.shell(SAVE_AND_LOOK)) > 1
    project.manage("migrate", "thirdparty", "zero", "--verbosity", "0")
    assert project.shell(SAVE_AND_LOOK) == []
