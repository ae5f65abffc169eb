"""A strict write, and one that waits, is its own transactions: none of the caller's may be around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from tests.integration.conftest import held_records, wanted_records
from tests.integration.strictly import STRICT, ZHANG, create
from thirdparty.checks import of_settings
from thirdparty.consistency.strict.errors import WithinTransaction
from thirdparty.models import Record, StrictWrite
from thirdparty.sandbox.client import SandboxControl
from users import consistency
from users.consistency import Consistency, Mode
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
WAIT = Consistency(Mode.WAIT, 1.0)
WRITES: dict[str, Callable[[User, Consistency], object]] = {
    "create": lambda _, how: consistency.create({"name": "Ada", "phone": "1"}, consistency=how),
    "update": lambda user, how: consistency.update(user.uuid, {"name": "李娜"}, consistency=how),
    "delete": lambda user, how: consistency.delete(user.uuid, consistency=how),
}


@pytest.mark.parametrize("how", [STRICT, WAIT], ids=["strict", "wait"])
@pytest.mark.parametrize("write", WRITES)
def test_inside_a_transaction_it_is_refused_before_anything_is_asked(
    sandbox: SandboxControl, write: str, how: Consistency
) -> None:
    user = create()
    asked = len(sandbox.ledger())
    with transaction.atomic():
        with pytest.raises(WithinTransaction):
            WRITES[write](user, how)
        assert User.objects.get() == user
    assert isinstance(WithinTransaction(), RuntimeError)
    assert len(sandbox.ledger()) == asked
    assert not StrictWrite.objects.exists()
    assert Record.objects.get().state == "synced"


def test_a_connection_without_autocommit_is_such_a_transaction(sandbox: SandboxControl) -> None:
    transaction.set_autocommit(False)
    try:
        with pytest.raises(WithinTransaction):
            create()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert sandbox.ledger() == []


@pytest.fixture
def atomic_requests() -> Any:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    yield
    connection.settings_dict["ATOMIC_REQUESTS"] = False


def test_the_api_works_where_every_request_is_a_transaction(sandbox: SandboxControl, atomic_requests: None) -> None:
    api = APIClient(raise_request_exception=False)
    api.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=User.objects.create_superuser('root')).key}")
    made = api.post("/api/v1/users/?consistency=strict", ZHANG)
    assert made.status_code == 201
    page = f"/api/v1/users/{made.data['uuid']}/"
    assert api.patch(page, {"name": "李娜"}, HTTP_PREFER="wait=10").status_code == 200
    assert held_records(sandbox) == wanted_records()
    sandbox.faults(invalid=True)
    assert api.patch(f"{page}?consistency=strict", {"name": "王芳"}).status_code == 424
    sandbox.faults()
    assert api.delete(f"{page}?consistency=strict").status_code == 204
    assert sandbox.users() == []


@pytest.mark.parametrize("choice", ["strict", "wait"])
def test_so_does_the_form_of_a_person(sandbox: SandboxControl, atomic_requests: None, choice: str) -> None:
    web = Client()
    web.force_login(User.objects.create_superuser("root"))
    web.post("/admin/users/user/add/", ZHANG | {"email": "", "is_active": "on", "consistency": choice})
    user = User.objects.get(is_superuser=False)
    change = f"/admin/users/user/{user.pk}/change/"
    web.post(change, ZHANG | {"name": "李娜", "email": "", "is_active": "on", "consistency": choice})
    assert held_records(sandbox) == wanted_records()
    assert sandbox.users()[0]["name"] == "李娜"
    assert Record.objects.get().state == "synced"


def test_no_check_warns_without() -> None:
    assert of_settings.requests_are_no_transactions() == []


def test_a_check_warns_of_requests_that_are_transactions(atomic_requests: None) -> None:
    [warning] = of_settings.requests_are_no_transactions()
    assert warning.id == "thirdparty.W020"
    assert "non_atomic_requests" in (warning.hint or "")
